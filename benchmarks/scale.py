"""Speed and size from ten thousand documents to a million, beside four peers in the same run.

    python benchmarks/scale.py [--quick] [--sizes N …] [--limit SECONDS] [--engines NAME …] [--cache DIR]

The documents are real files of many languages (see fetch.py); where more are needed than there are, they
are grown (see growth.py). Each engine builds its index in a process of its own under a time limit and is
then asked the same queries, one at a time: 40-line snippets, half verbatim and half edited, and some of
files that no index holds. Indexes are kept in the cache until the engine changes; times of queries are
always measured anew. ``--quick`` is 10,000 documents within about two minutes.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from fetch import DEFAULT_CACHE, describe, real_corpus
from growth import grow
from scaling.child import Task, forget
from scaling.engines import ENGINES, Engine
from scaling.goals import goal_rows
from scaling.pack import Pack
from scaling.queries import QuerySet, draw_queries
from scaling.run import Limits, NotFinishedError, build_kept, index_folder, run_step
from scaling.sizes import group_sizes
from scaling.table import (
    OURS,
    Column,
    build_rows,
    group_rows,
    growth_rows,
    growth_sentence,
    lane_rows,
    print_table,
    ratio_rows,
    search_rows,
)

SIZES = (10_000, 100_000, 1_000_000)
HELD_OUT = 3_000
"""Real files that no index holds: the last of the corpus."""
QUERIES = 600
_COMMAND_RUNS = 8


def main() -> None:
    """Measure, and print the tables."""
    args = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that children end and folders go
    real = real_corpus(args.cache)
    sizes = sorted(min(size, len(real) - HELD_OUT) if args.quick else size for size in args.sizes)
    _describe_run(real, args)
    held_out = range(len(real) - HELD_OUT, len(real))
    queries = draw_queries(real, min(sizes[0], len(real) - HELD_OUT), held_out, count=args.queries)
    limits = Limits(seconds=args.limit, memory_bytes=args.memory << 30)
    columns: list[Column] = []
    for size in sizes:
        pack = _corpus(real, size, args.cache)
        for name in args.engines:
            if _is_worth_trying(columns, name):
                columns.append(_measure(ENGINES[name], pack, size, queries, limits, args))
                _report(columns[-1])
        _print_size(size, pack, [c for c in columns if c.documents == size])
    _print_growth(columns)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="documents")
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument(
        "--limit", type=float, metavar="SECONDS", help="for each step of an engine (default: 1800)"
    )
    parser.add_argument("--memory", type=int, default=14, metavar="GIB", help="for each step (default: 14)")
    parser.add_argument("--queries", type=int, default=QUERIES, help=f"snippets (default: {QUERIES})")
    parser.add_argument("--quick", action="store_true", help="10,000 documents, about two minutes")
    parser.add_argument("--fresh", action="store_true", help="build all indexes anew")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help=f"default: {DEFAULT_CACHE}")
    args = parser.parse_args()
    if args.quick:
        args.sizes = args.sizes if args.sizes != SIZES else (10_000,)
    args.limit = args.limit or (30 if args.quick else 1800)
    return args


def _describe_run(real: Pack, args: argparse.Namespace) -> None:
    print("## Speed and size\n")
    print(
        f"`python benchmarks/scale.py {shlex.join(sys.argv[1:])}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n"
    )
    print(_machine() + f"; at most {args.limit:,.0f} s and {args.memory} GiB for each step of an engine.\n")
    describe(real)
    for name in args.engines:
        print(f"- {name} {ENGINES[name].version()}: {ENGINES[name].method}")


def _machine() -> str:
    """Processor, cores, memory and system."""
    rows = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    model = next((row.partition(":")[2].strip() for row in rows if row.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model or platform.processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f} at the start"
    )


def _corpus(real: Pack, size: int, cache: Path) -> Pack:
    """The pack whose first ``size`` files are to be indexed."""
    known = len(real) - HELD_OUT
    return real if size <= known else grow(real, known, size, cache)


def _is_worth_trying(columns: list[Column], engine: str) -> bool:
    """An engine that did not finish a smaller size is not tried at a larger one."""
    return not any(column.engine == engine and column.stopped for column in columns)


def _measure(
    engine: Engine, pack: Pack, size: int, queries: QuerySet, limits: Limits, args: argparse.Namespace
) -> Column:
    """Build, ask, and ask with a cold cache; what is not finished says so."""
    column = Column(engine=engine.name, documents=size, source_bytes=pack.size(0, size))
    root = args.cache / "indexes"
    corpus = f"{len(pack)}-{pack.size() % 1_000_003}"
    directory = index_folder(root, engine.name, size, corpus)
    task = Task(
        engine=engine.name,
        pack=pack.directory,
        documents=size,
        directory=directory,
        queries=None,
        budget_s=limits.seconds,
    )
    if args.fresh:
        (directory.parent / "built.json").unlink(missing_ok=True)
    try:
        column.build = build_kept(engine, task, limits, root, corpus)
        asked = replace(task, queries=queries)
        column.search = run_step("search", asked, limits)
        column.search |= run_step("cold", asked, limits)
        if engine.name.startswith(OURS):
            column.groups = dict(group_sizes(directory))
            column.search |= _command_times(directory, queries)
    except NotFinishedError as reason:
        column.stopped = str(reason)
    return column


def _command_times(directory: Path, queries: QuerySet) -> dict[str, float]:
    """Time ``sc-attrib check FILE`` as a whole, its index in the page cache and out of it."""
    script = Path(sys.executable).with_name("sc-attrib")
    code = "import sys; from attribution.cli import main; sys.exit(main())"
    command = [str(script)] if script.is_file() else [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    times: dict[str, list[float]] = {"command_s": [], "command_cold_s": []}
    with tempfile.TemporaryDirectory(prefix="sc-attrib-scale-") as folder:
        for number, query in enumerate(queries.cold[:_COMMAND_RUNS]):
            file = Path(folder, f"snippet{number}.c")
            file.write_bytes(query.text)
            for name in ("command_cold_s", "command_s"):
                if name == "command_cold_s":
                    forget(directory)
                started = time.perf_counter()
                subprocess.run(
                    [*command, "check", "--index", str(directory), str(file)],
                    env=environment,
                    capture_output=True,
                    timeout=60,
                    check=False,
                )
                times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def _report(column: Column) -> None:
    """Say on stderr how far the run is."""
    done = column.stopped or f"built in {column.build['wall_s']:,.0f} s{' (kept)' * ('kept' in column.build)}"
    print(f"[{datetime.now(UTC):%H:%M:%S}] {column.engine} {column.documents:,}: {done}", file=sys.stderr)


def _print_size(size: int, pack: Pack, columns: list[Column]) -> None:
    """Print all tables of one size."""
    grown = pack.directory.name != "real"
    print(f"\n### {size:,} documents, {pack.size(0, size) / 1e6:,.0f} MB{' (grown)' * grown}")
    names = [c.engine for c in columns]
    print_table("", names, build_rows(columns) + search_rows(columns))
    kept = [f"{c.engine} {c.build['built']}" for c in columns if c.build.get("kept")]
    if kept:
        print(f"\nBuilt in an earlier run, times of building from there: {', '.join(kept)}.")
    for column in columns:
        if column.stopped:
            print(f"\n{column.engine}: {column.stopped}.")
    ours = next((c for c in columns if c.engine == OURS and not c.stopped), None)
    if ours:
        peers = [c for c in columns if c.engine != OURS]
        if peers:
            print_table("times ours", [c.engine for c in peers], ratio_rows(peers, ours))
    mine = [c for c in columns if c.engine.startswith(OURS)]
    if not mine:
        return
    print_table("bytes a source byte", [c.engine for c in mine], group_rows(mine))
    print_table("lane by itself", [c.engine for c in mine], lane_rows(mine))
    print_table("goal", ["bound", "measured", ""], goal_rows(mine))


def _print_growth(columns: list[Column]) -> None:
    """Print how each engine's time a query grows from its smallest to its largest size."""
    print("\n### Growth\n")
    for name in dict.fromkeys(c.engine for c in columns):
        done = [c for c in columns if c.engine == name and c.times().kinds]
        if len(done) > 1:
            print(f"- {growth_sentence(done[0], done[-1])}")
    sizes = sorted({c.documents for c in columns})
    if len(sizes) > 1:
        ours = [c for c in columns if c.engine == OURS]
        print_table("sc-attrib, times the smallest size", [f"{size:,}" for size in sizes], growth_rows(ours))


if __name__ == "__main__":
    main()
