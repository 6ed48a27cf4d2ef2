"""How long the command line takes from nothing to an answer, beside the bare interpreter.

    python benchmarks/start.py [--index DIR] [--runs N]

Whole processes, timed from outside, in turn. Without ``--index`` it uses the demo's, or builds one of the
standard library. Goals: ``--help`` in 60 ms, ``check`` of one file in 350 ms.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from attribution.index.index import Index
from attribution.index.locate import is_index

SC_ATTRIB = Path(sys.executable).with_name("sc-attrib")
DEMO_INDEX = Path(".demo", "index")
GOALS_MS = {"sc-attrib --help": 60.0, "sc-attrib check FILE": 350.0}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--index", type=Path, default=DEMO_INDEX)
    parser.add_argument("--runs", type=int, default=15)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index = args.index.resolve() if is_index(args.index) else _build(Path(folder) / "index")
        opened = Index.open(index)
        print(
            f"{opened.document_count:,} documents, {opened.size_bytes / 1e6:.0f} MB index, {args.runs} runs\n"
        )
        commands: dict[str, list[str | Path]] = {
            "python -c ''": [sys.executable, "-c", ""],
            "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
            "sc-attrib --help": [SC_ATTRIB, "--help"],
            "sc-attrib check FILE": [SC_ATTRIB, "check", __file__, "--index", index],
        }
        _print_table(_measure(commands, args.runs, Path(folder)))


def _build(index: Path) -> Path:
    tree = Path(statistics.__file__).parent
    subprocess.run(
        [SC_ATTRIB, "index", "build", "--index", index, "--tree", tree], check=True, stdout=sys.stderr
    )
    return index


def _measure(commands: dict[str, list[str | Path]], runs: int, folder: Path) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in commands}
    for run in range(runs + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, cwd=folder)
            if run > 0:  # the first warms the disk cache
                times[name].append((time.perf_counter() - started) * 1e3)
    return times


def _print_table(times: dict[str, list[float]]) -> None:
    base = statistics.median(times["python -c ''"])
    print(f"{'':28}{'min ms':>9}{'p50 ms':>9}{'max ms':>9}{'ratio':>8}   goal")
    for name, values in times.items():
        p50 = statistics.median(values)
        goal = GOALS_MS.get(name)
        verdict = "" if goal is None else f"{goal:.0f} ms: {'reached' if p50 <= goal else 'missed'}"
        print(f"{name:28}{min(values):9.1f}{p50:9.1f}{max(values):9.1f}{p50 / base:8.1f}   {verdict}")


if __name__ == "__main__":
    main()
