"""What a Ray cluster of this machine costs and brings, beside the index in a folder, in one run.

    python benchmarks/cluster.py [--tree DIR …] [--processes N] [--parts N] [--queries N]

Building: the same sources by one process with one thread, with all threads, and by Ray's workers, whose start
is shown apart. Look-ups: the served index and the one in the folder are asked the same texts, which must give
the same answers. The served one is asked ahead, as it is, and with a round for each question, also through
Ray's object store, as Serve does by itself; then every part is asked nothing, which is Serve's own time.
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
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from attribution.cluster.building import build_of_parts
from attribution.cluster.library import ClusterLibrary
from attribution.cluster.pool import Here
from attribution.cluster.ray_tasks import Cluster, ray_cluster
from attribution.cluster.serving import served_index
from attribution.index.builder import BuildOptions, build_index
from attribution.index.index import Index as Folder
from attribution.index.parts import Kept, Part, Question
from attribution.index.protocol import Foreseen, Index
from attribution.library import EmbeddedLibrary, Library
from attribution.model import SourceFile
from attribution.sources.tree import Share, read_tree
from attribution.trace import Tracer

A = TypeVar("A")

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
    size = Folder.open(root / "embedded").source_bytes / 1e6
    assert [r.id for r in Folder.open(root / "ray").rows] == [r.id for r in Folder.open(root / "one").rows]
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


class Counted(ClusterLibrary):
    """Counts its rounds."""

    rounds = 0

    def ask(self, question: Question[A]) -> list[A]:
        """The answers of all parts."""
        type(self).rounds += 1
        return super().ask(question)


class OneByOne(Counted):
    """Asks each question when its turn comes, and whatever might be kept."""

    kept = Kept(texts=True, vectors=True, words=True)

    def ahead(self, foresee: Callable[[], Foreseen | None]) -> Index:
        """Itself."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What look-ups took."""

    latencies: list[float]
    """ms."""
    processor: float
    """Of this process, ms a look-up: on a cluster, what asking costs who asks."""
    rounds: float


def _compare_look_ups(args: argparse.Namespace, directory: Path) -> None:
    whole = EmbeddedLibrary.open([directory])
    texts = list(_texts(args.tree[0], args.queries))
    with served_index(directory, parts=args.parts, replicas=1) as live:
        now = live.current()
        stored = tuple(handle.options(_by_reference=True) for handle in now.handles)
        ahead = Counted(directory, now.catalog, now.handles)
        rows = {
            "folder": _measure(whole, texts),
            f"{args.parts} parts on Ray Serve": _measure(ahead, texts),
            "a round for each question": _measure(OneByOne(directory, now.catalog, now.handles), texts),
            "the same through the object store": _measure(OneByOne(directory, now.catalog, stored), texts),
            "a round that asks nothing": _measure_empty(now, args.queries),
        }
        theirs = [Tracer(indexes=(now,)).trace(text, path="a.py") for text in texts]
        assert theirs == [Tracer(indexes=(whole,)).trace(text, path="a.py") for text in texts]
    print("| look-up of 40 lines | p50, ms | p99, ms | rounds | processor time of who asks, ms |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, row in rows.items():
        quantiles = " | ".join(f"{np.quantile(row.latencies, share):.2f}" for share in (0.5, 0.99))
        print(f"| {name} | {quantiles} | {row.rounds:.2f} | {row.processor:.2f} |")


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


def _measure(library: Library, texts: list[bytes]) -> Row:
    tracer = Tracer(indexes=(library,))
    for text in texts[:20]:
        tracer.trace(text, path="a.py")
    Counted.rounds = OneByOne.rounds = 0
    latencies, processor = _timed_each([partial(tracer.trace, text, path="a.py") for text in texts])
    rounds = type(library).rounds if isinstance(library, Counted) else 0
    return Row(latencies=latencies, processor=processor, rounds=rounds / len(texts))


def _measure_empty(library: ClusterLibrary, count: int) -> Row:
    latencies, processor = _timed_each([partial(library.ask, Nothing())] * count)
    return Row(latencies=latencies, processor=processor, rounds=1)


def _timed_each(tasks: list[Callable[[], object]]) -> tuple[list[float], float]:
    """Latencies in ms, and the processor time of this process for one of them."""
    latencies = []
    busy = time.process_time()
    for task in tasks:
        began = time.perf_counter()
        task()
        latencies.append(1000 * (time.perf_counter() - began))
    return latencies, 1000 * (time.process_time() - busy) / len(tasks)


if __name__ == "__main__":
    sys.exit(main())
