"""What a Ray cluster of this machine costs and brings, beside the index in a folder, in one run.

    python benchmarks/cluster.py [--tree DIR …] [--processes N] [--parts N] [--queries N]

Building: the same sources by one process with one thread, with all threads, and by Ray's workers, whose start
is shown apart. Look-ups: the served index and the one in the folder are asked the same texts, which must give
the same answers; then a replica of a part that does nothing is asked, which is Ray Serve's own time.
"""

from __future__ import annotations

import argparse
import os
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from attribution.cluster.building import build_of_parts
from attribution.cluster.library import ClusterLibrary
from attribution.cluster.pool import Here
from attribution.cluster.ray_tasks import Cluster, ray_cluster
from attribution.cluster.serving import served_index
from attribution.index.builder import BuildOptions, build_index
from attribution.index.index import Index
from attribution.index.parts import Part
from attribution.model import SourceFile
from attribution.sources.tree import Share, read_tree
from attribution.trace import Tracer

_SNIPPET_LINES = 40


@dataclass(frozen=True, slots=True)
class Source:
    """A share of a folder."""

    root: Path
    share: Share


def read(source: Source, skipped: Counter[str]) -> Iterator[SourceFile]:
    """Read it."""
    return read_tree(source.root, skipped=skipped, share=source.share)


@dataclass(frozen=True, slots=True)
class Nothing:
    """Asks nothing: what is left is the way there and back."""

    def asked_of(self, part: Part) -> None:
        """The answer of one part."""


def main() -> None:
    """Measure, and print the tables."""
    args = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start\n")
        began = time.perf_counter()
        with ray_cluster("local", processes=args.processes) as cluster:
            started = time.perf_counter() - began
            _compare_builds(args, root, cluster, started)
            _compare_look_ups(args, root / "ray")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    packages = Path(sysconfig.get_paths()["stdlib"])
    parser.add_argument("--tree", action="append", type=Path, metavar="DIR", help=f"default: {packages}")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--parts", type=int, default=2, metavar="N")
    parser.add_argument("--queries", type=int, default=200, metavar="N")
    args = parser.parse_args()
    args.tree = args.tree or [packages]
    return args


def _compare_builds(args: argparse.Namespace, root: Path, cluster: Cluster, started: float) -> None:
    shares = [
        Source(tree, Share(number=number, of=2 * args.processes))
        for tree in args.tree
        for number in range(2 * args.processes)
    ]
    options = BuildOptions()

    def embedded() -> None:
        files = (file for tree in args.tree for file in read_tree(tree, skipped=Counter()))
        build_index(root / "embedded", files)

    def one_thread() -> None:
        build_of_parts(root / "one", shares, read, pool=lambda _: Here(), options=options)

    def on_ray() -> None:
        build_of_parts(root / "ray", shares, read, pool=cluster.sharing, options=options)

    _timed(on_ray)  # workers have imported what they need
    times = {
        "one process, one thread": _timed(one_thread),
        "one process, all threads": _timed(embedded),
        "Ray, a worker a core": _timed(on_ray),
    }
    size = Index.open(root / "embedded").source_bytes / 1e6
    assert [r.id for r in Index.open(root / "ray").rows] == [r.id for r in Index.open(root / "one").rows]
    print("| build | s | MB/s | times one process |\n| --- | ---: | ---: | ---: |")
    for name, seconds in times.items():
        ratio = times["one process, one thread"] / seconds
        print(f"| {name} | {seconds:.1f} | {size / seconds:.1f} | {ratio:.2f} |")
    print(
        f"\n{size:.0f} MB of source. Ray's segments are those of one process, byte for byte. "
        f"To start Ray took {started:.1f} s.\n"
    )


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _compare_look_ups(args: argparse.Namespace, directory: Path) -> None:
    index = Index.open(directory)
    texts = list(_texts(args.tree[0], args.queries))
    with served_index(directory, parts=args.parts, replicas=1) as live:
        library = live.current()
        rows = {
            "folder": _latencies(Tracer(indexes=(index,)), texts),
            f"{args.parts} parts on Ray Serve": _latencies(Tracer(indexes=(library,)), texts),
            "a question that asks nothing": _empty(library, args.queries),
        }
        theirs = [Tracer(indexes=(library,)).trace(text, path="a.py") for text in texts[:20]]
        assert theirs == [Tracer(indexes=(index,)).trace(text, path="a.py") for text in texts[:20]]
    print("| look-up of 40 lines | p50, ms | p99, ms |\n| --- | ---: | ---: |")
    for name, values in rows.items():
        print(f"| {name} | {np.quantile(values, 0.5):.2f} | {np.quantile(values, 0.99):.2f} |")


def _texts(root: Path, count: int) -> Iterator[bytes]:
    """Stretches of real files."""
    chance = np.random.default_rng(0)
    files = [file.content for file in read_tree(root, skipped=Counter())][:2000]
    while count:
        lines = files[chance.integers(len(files))].splitlines(keepends=True)
        if len(lines) > _SNIPPET_LINES:
            first = chance.integers(len(lines) - _SNIPPET_LINES)
            yield b"".join(lines[first : first + _SNIPPET_LINES])
            count -= 1


def _latencies(tracer: Tracer, texts: list[bytes]) -> list[float]:
    for text in texts[:20]:
        tracer.trace(text, path="a.py")
    found = []
    for text in texts:
        began = time.perf_counter()
        tracer.trace(text, path="a.py")
        found.append(1000 * (time.perf_counter() - began))
    return found


def _empty(library: ClusterLibrary, count: int) -> list[float]:
    found = []
    for _ in range(count):
        began = time.perf_counter()
        library.ask(Nothing())
        found.append(1000 * (time.perf_counter() - began))
    return found


if __name__ == "__main__":
    sys.exit(main())
