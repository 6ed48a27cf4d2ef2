"""What an index of billions of files takes: constants measured here, growth checked, many machines simulated.

    python benchmarks/scale_out.py [--sizes N …] [--parts N] [--queries N] [--profile NAME] [--cache DIR]

Real files (fetch.py; grown where there are not enough) are indexed at several sizes, one segment each, and
once in several segments, which are the parts that machines would hold. Then

1. a look-up's processor time is fitted to the logarithm of the documents by all sizes but the largest, and
   the largest is predicted: the table shows how far off that is;
2. the parts of an index are asked one by one, as machines of their own would be, and the answer put
   together; what travels is pickled and counted, and so are the pages of the files that are touched;
3. latencies for 10 million files to 3 billion are drawn from these samples. A part is the largest segment
   that there can be, on a core of its own; its time is that of a query on a measured part, scaled by the
   growth, and of the pages that do not fit memory; the slowest part decides, and every part costs who asks.
   Through Ray Serve a machine is asked as a whole, and asks what it holds in turn.

What a call through Ray Serve costs who asks was measured by cluster.py; what the network, a page from the
disk and a machine cost are assumptions, named in the output.
"""

from __future__ import annotations

import argparse
import math
import pickle
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fetch import DEFAULT_CACHE, real_corpus
from numpy.typing import NDArray
from scale import HELD_OUT, _corpus, _machine
from scaling.pack import Pack
from scaling.queries import Query as Text
from scaling.queries import draw_queries
from scaling.table import print_table

from attribution.cluster.shares import shares
from attribution.index.arrays import BLOCK_BYTES
from attribution.index.builder import build_index
from attribution.index.document_writer import GREATEST_DOCUMENTS
from attribution.index.draft import SEGMENT_BYTES
from attribution.index.index import Index
from attribution.index.parts import Part, PlacedSegment, Ranges
from attribution.index.profile import Profile
from attribution.index.protocol import Wanted
from attribution.model import Lane
from attribution.query import Query
from attribution.sources.notebooks import code_of
from attribution.trace import MIN_TOKENS, Tracer

TARGETS = (10_000_000, 100_000_000, 1_000_000_000, 3_000_000_000)
"""Files; the last is about The Stack v2 (3.28 billion, Lozhkov et al. 2024)."""
ROUND_TRIP_MS = 0.5
"""Assumed, within a data centre, beside what a serving layer takes."""
CALL_MS = 1.6
"""Processor time of who asks for each part of a round through Ray Serve, by cluster.py on these machines."""
READ_MS = 0.1
"""Assumed: a page of 4 KiB from NVMe, one after another."""
DISK_TB, CORES, MEMORY_GB, PRICE_A_MONTH = 7.5, 16, 128, 500.0
"""Assumed: a machine, and its monthly rent in dollars."""
COPIES = 2
BLOCKS_A_PAGE = 4096 // BLOCK_BYTES
_DRAWS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An index, and what making it took."""

    documents: int
    source_bytes: int
    disk_bytes: int
    processor_s: float
    index: Index


def main() -> None:
    """Measure, and print the tables."""
    args = _arguments()
    real = real_corpus(args.cache)
    sizes = sorted(min(size, len(real) - HELD_OUT) if args.quick else size for size in args.sizes)
    print(f"## Scaling out\n\n{_machine()}; profile {args.profile}.\n")
    queries = draw_queries(real, sizes[0], range(len(real) - HELD_OUT, len(real)), count=args.queries)
    built = [_build(_corpus(real, size, args.cache), size, 1, args) for size in sizes]
    times = [_times(one.index, queries.measured) for one in built]
    _print_growth(built, times)
    cut = _build(_corpus(real, sizes[-1], args.cache), sizes[-1], args.parts, args)
    parted = _ask_parts(cut.index, queries.measured)
    _print_parts(cut, parted, times[-1])
    _print_targets(built, times, parted)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=(1_000, 10_000, 100_000), metavar="N")
    parser.add_argument("--parts", type=int, default=8, metavar="N")
    parser.add_argument("--queries", type=int, default=300, metavar="N")
    parser.add_argument("--profile", choices=[*Profile], default=Profile.FULL, type=Profile)
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="with the real files that there are")
    return parser.parse_args()


def _build(pack: Pack, documents: int, parts: int, args: argparse.Namespace) -> Built:
    """Index the first files in so many segments of about one size."""
    directory = args.cache / "scale-out" / f"{args.profile}-{documents}-{parts}"
    shutil.rmtree(directory, ignore_errors=True)
    began = time.process_time()
    size = pack.size(0, documents)
    segment_bytes = size if parts == 1 else math.ceil(size / parts) + (1 << 20)
    build_index(directory, pack.files(documents), profile=args.profile, segment_bytes=segment_bytes + 1)
    took = time.process_time() - began
    index = Index.open(directory)
    return Built(
        documents=documents, source_bytes=size, disk_bytes=index.size_bytes, processor_s=took, index=index
    )


def _times(index: Index, texts: Sequence[Text]) -> NDArray[np.float64]:
    """Processor time of tracing each text, in ms, warm."""
    tracer = Tracer(indexes=(index,))
    measured = []
    for _ in range(2):
        measured = []
        for text in texts:
            began = time.thread_time()
            tracer.trace(text.text, path=text.name)
            measured.append(1000 * (time.thread_time() - began))
    return np.array(measured)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """What asking the parts one by one took."""

    prepared: NDArray[np.float64]
    """Preparing a query, ms, shape (queries,)."""
    asked: NDArray[np.float64]
    """Asking one part, ms, shape (queries, parts)."""
    sent: NDArray[np.int64]
    """Bytes of a pickled question."""
    answered: NDArray[np.int64]
    """Bytes of a pickled answer, shape (queries, parts)."""
    carried: NDArray[np.float64]
    """Pickling a question and reading an answer, ms, shape (queries, parts)."""
    pages: NDArray[np.int64]
    """Pages of 4 KiB of a part's file that a question touches, shape (queries, parts)."""


def _ask_parts(index: Index, texts: Sequence[Text]) -> Parted:
    places = shares(index.rows, len(index.rows))
    parts = [[PlacedSegment(place, index.segments[place]) for place in part] for part in places]
    wanted = Wanted(
        min_tokens=MIN_TOKENS, lanes=frozenset({Lane.SEEDS, Lane.STRUCTURE, Lane.MINHASH}), tells_apart=True
    )
    prepared, asked, sent, answered, carried, pages = [], [], [], [], [], []
    for warm in (False, True):
        for text in texts:
            began = time.thread_time()
            code, language = code_of(text.name, text.text)
            query = Query.of(code, language=language)
            ready = time.thread_time()
            question = Ranges(query, wanted)
            rows = [_ask_part(question, part) for part in parts]
            if warm:
                prepared.append(1000 * (ready - began))
                sent.append(len(pickle.dumps(question)))
                for column, values in zip(
                    (asked, answered, carried, pages), zip(*rows, strict=True), strict=True
                ):
                    column.append(values)
    return Parted(
        prepared=np.array(prepared),
        asked=np.array(asked),
        sent=np.array(sent),
        answered=np.array(answered),
        carried=np.array(carried),
        pages=np.array(pages),
    )


def _ask_part(question: Ranges, part: Part) -> tuple[float, int, float, int]:
    """Time of asking in ms, bytes of the answer, time of what travels in ms, pages that were touched."""
    flags = [placed.segment.file._verified for placed in part]  # which blocks were ever used
    for used in flags:
        used[:] = 0
    question.asked_of(part)
    touched = sum(len(np.unique(np.flatnonzero(used) // BLOCKS_A_PAGE)) for used in flags)
    began = time.thread_time()
    answer = question.asked_of(part)
    found = time.thread_time()
    reply = pickle.dumps(answer)
    pickled = time.thread_time()
    pickle.dumps(question)
    pickle.loads(reply)
    read = time.thread_time()
    return 1000 * (found - began), len(reply), 1000 * (read - pickled), touched


def _print_growth(built: Sequence[Built], times: Sequence[NDArray[np.float64]]) -> None:
    columns = [f"{one.documents:,}" for one in built]
    print_table(
        "one segment",
        columns,
        [
            ("source, MB", [f"{one.source_bytes / 1e6:,.0f}" for one in built]),
            ("bytes on disk a source byte", [f"{one.disk_bytes / one.source_bytes:.3f}" for one in built]),
            (
                "build, MB/s a core",
                [f"{one.source_bytes / 1e6 / one.processor_s:.1f}" for one in built],
            ),
            ("snippet, processor time p50, ms", [f"{np.median(t):.2f}" for t in times]),
            ("snippet, processor time p99, ms", [f"{np.quantile(t, 0.99):.2f}" for t in times]),
        ],
    )
    if len(built) > 2:
        for share in (0.5, 0.99):
            predicted = _fit(built[:-1], times[:-1], share)(built[-1].documents)
            found = np.quantile(times[-1], share)
            print(
                f"\n- p{100 * share:.0f} at {built[-1].documents:,} as the smaller sizes predict it: "
                f"{predicted:.2f} ms; measured {found:.2f} ms ({predicted / found - 1:+.0%})"
            )


Line = Callable[[float], float]


def _fit(built: Sequence[Built], times: Sequence[NDArray[np.float64]], share: float) -> Line:
    """A line over the logarithm of the documents, by least squares; never falling."""
    x = np.log2([one.documents for one in built])
    slope, start = np.polyfit(x, [np.quantile(t, share) for t in times], 1)
    return lambda documents: start + max(0.0, slope) * math.log2(documents)


def _print_parts(cut: Built, parted: Parted, whole: NDArray[np.float64]) -> None:
    each = parted.asked
    slowest = each.max(axis=1)
    print_table(
        f"{cut.documents:,} documents in {each.shape[1]} parts",
        ["p50", "p99"],
        [
            ("one segment of all, ms", _quantiles(whole)),
            ("preparing the query, ms", _quantiles(parted.prepared)),
            ("one part, ms", _quantiles(each.ravel())),
            ("the slowest part, ms", _quantiles(slowest)),
            ("all parts, one after another, ms", _quantiles(each.sum(axis=1))),
            ("question, bytes", [f"{np.quantile(parted.sent, q):,.0f}" for q in (0.5, 0.99)]),
            ("carrying question and answer, a part, ms", _quantiles(parted.carried.ravel())),
            ("pages touched, a part", [f"{np.quantile(parted.pages, q):,.0f}" for q in (0.5, 0.99)]),
            ("answer of a part, bytes", [f"{np.quantile(parted.answered, q):,.0f}" for q in (0.5, 0.99)]),
        ],
    )


def _quantiles(values: NDArray[np.float64]) -> list[str]:
    return [f"{np.quantile(values, q):.2f}" for q in (0.5, 0.99)]


def _print_targets(built: Sequence[Built], times: Sequence[NDArray[np.float64]], parted: Parted) -> None:
    largest = built[-1]
    a_file = largest.source_bytes / largest.documents
    on_disk = largest.disk_bytes / largest.source_bytes
    speed = largest.source_bytes / largest.processor_s
    a_part = min(GREATEST_DOCUMENTS, SEGMENT_BYTES // int(a_file))
    grow = {share: _fit(built, times, share) for share in (0.5, 0.99)}
    columns = []
    for target in TARGETS:
        index_bytes = target * a_file * on_disk
        parts = math.ceil(target / a_part)
        machines = max(math.ceil(parts / CORES), math.ceil(index_bytes / (DISK_TB * 0.8e12)))
        cold = max(0.0, 1 - machines * MEMORY_GB * 0.8e9 / index_bytes)
        factor = _growth(grow, largest.documents, target // parts)
        warm, mixed = (_simulated(parted, parts, factor, share) for share in (0.0, cold))
        served = _through_serve(parted, machines, math.ceil(parts / machines), factor)
        hours = target * a_file / speed / 3600
        columns.append(
            {
                "source, TB": f"{target * a_file / 1e12:,.2f}",
                "index, TB": f"{index_bytes / 1e12:,.2f}",
                "parts": f"{parts:,}",
                "machines": f"{machines:,}",
                f"machines with {COPIES} copies": f"{COPIES * machines:,}",
                "rent a month, dollars": f"{COPIES * machines * PRICE_A_MONTH:,.0f}",
                "build, core hours": f"{hours:,.0f}",
                "build on these machines, hours": f"{hours / CORES / machines / COPIES:,.1f}",
                "snippet in memory, p50 / p99 ms": _both(warm),
                "the same through Ray Serve, a part a machine": _both(served),
                "index beyond memory": f"{cold:.0%}",
                "snippet then, p50 / p99 ms": _both(mixed),
            }
        )
    rows = [(name, [column[name] for column in columns]) for name in columns[0]]
    print_table("files", [f"{target:,}" for target in TARGETS], rows)
    print(
        f"\nMeasured: {a_file / 1e3:.1f} kB a file, {on_disk:.3f} bytes a source byte, "
        f"{speed / 1e6:.1f} MB/s a core, {CALL_MS} ms a call through Ray Serve. "
        f"Assumed: {ROUND_TRIP_MS} ms there and back, {READ_MS} ms a page, "
        f"machines of {CORES} cores, {MEMORY_GB} GB and {DISK_TB} TB at {PRICE_A_MONTH:.0f} dollars a month."
    )


def _both(values: NDArray[np.float64]) -> str:
    return " / ".join(f"{np.quantile(values, share):.1f}" for share in (0.5, 0.99))


def _growth(grow: dict[float, Line], measured: int, documents: int) -> float:
    """How many times as long a part of so many documents takes, by the median or the tail: the greater."""
    return max(1.0, *(line(documents) / line(measured) for line in grow.values()))


def _simulated(parted: Parted, parts: int, growth: float, cold: float) -> NDArray[np.float64]:
    """Latencies, ms: every part prepares the query, and the slowest decides; what is hard is hard for all."""
    chance = np.random.default_rng(0)
    draws = max(2000, _DRAWS // parts)
    queries = chance.integers(len(parted.asked), size=draws)
    slowest, carried = np.zeros(draws), np.zeros(draws)
    for _ in range(parts):
        columns = chance.integers(parted.asked.shape[1], size=draws)
        read = READ_MS * chance.binomial(parted.pages[queries, columns], cold)
        slowest = np.maximum(slowest, parted.asked[queries, columns] * growth + read)
        carried += parted.carried[queries, columns]
    return parted.prepared[queries] + slowest + carried + ROUND_TRIP_MS


def _through_serve(parted: Parted, machines: int, segments: int, growth: float) -> NDArray[np.float64]:
    """Latencies in memory, ms: each machine asks so many segments in turn, and is a call of who asks."""
    chance = np.random.default_rng(0)
    draws = max(2000, _DRAWS // (machines * segments))
    queries = chance.integers(len(parted.asked), size=draws)
    slowest = np.zeros(draws)
    for _ in range(machines):
        columns = chance.integers(parted.asked.shape[1], size=(segments, draws))
        slowest = np.maximum(slowest, growth * parted.asked[queries, columns].sum(axis=0))
    return 2 * parted.prepared[queries] + slowest + machines * CALL_MS + ROUND_TRIP_MS


if __name__ == "__main__":
    sys.exit(main())
