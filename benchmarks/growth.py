"""A corpus grown to any size, and whether it is like a real one.

    python benchmarks/growth.py [--real N] [--documents N] [--cache DIR]

Takes the first ``--real`` real files, grows them to ``--documents``, and prints side by side in how many
documents seeds are found: in the real files, in the grown ones, and in as many real files, where there are
so many. It also prints how many seeds of some files are met again in files of other packages, and how many
in the same files rewritten.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import shutil
import sys
import time
from collections.abc import Iterator
from multiprocessing.pool import Pool as PoolType
from pathlib import Path

import numpy as np
from fetch import DEFAULT_CACHE, describe, real_corpus
from numpy.typing import NDArray
from scaling.commonness import half_of, measure_commonness
from scaling.histogram import CAPS, LEVELS, SAMPLED_BITS, Histogram, histogram, seeds_of
from scaling.mutation import Mutator, rewrite_batch
from scaling.pack import Label, Pack, PackWriter

_BATCH_FILES = 400
_BATCH_BYTES = 1 << 20
_TASK_FILES = 1000
_ASKED_FILES = 2_000


def main() -> None:
    """Grow, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--real", type=int, default=10_000, help="real files to grow from (default: 10,000)")
    parser.add_argument("--documents", type=int, default=40_000, help="files to grow to (default: 40,000)")
    parser.add_argument("--kin", type=int, default=20_000, help="files of each kind compared for kinship")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help=f"default: {DEFAULT_CACHE}")
    args = parser.parse_args()
    pack = real_corpus(args.cache)
    describe(pack)
    started = time.perf_counter()
    grown = grow(pack, args.real, args.documents, args.cache)
    print(f"\ngrown from {args.real:,} to {args.documents:,} in {time.perf_counter() - started:.0f} s")
    parts = {"real": (pack, args.real), "grown": (grown, args.documents)}
    if args.documents <= len(pack):
        parts["as many real"] = (pack, args.documents)
    print_histograms(parts)
    print_kinship(pack, args.cache, args.kin)


def grow(pack: Pack, real: int, documents: int, cache: Path) -> Pack:
    """The pack of the first ``real`` files followed by rewritten ones, ``documents`` in all."""
    directory = cache / f"grown-{real}-{documents}"
    if not Pack.exists(directory):
        universes = math.ceil(documents / real) - 1
        tasks = [(pack.directory, cache, first, last, universes) for first, last in _batches(pack, real)]
        _mutator(pack, cache)  # made before the pool, whose processes share it
        _ensure_room(cache, pack.size(0, real) * documents // real)
        with PackWriter(directory) as writer, multiprocessing.get_context("fork").Pool(2) as pool:
            for file in range(real):
                writer.add(pack.content(file), pack.label(file))
            written = real
            for texts in pool.imap(_rewrite, tasks):
                for label, text in texts[: documents - written]:
                    writer.add(text, label)
                written = min(documents, written + len(texts))
                if written == documents:
                    break
    return Pack(directory)


def _ensure_room(cache: Path, size: int) -> None:
    """Stop where the grown files would fill the disk."""
    free = shutil.disk_usage(cache).free
    if free < size + (6 << 30):
        sys.exit(f"growing takes {size / 1e9:.1f} GB in {cache}, and {free / 1e9:.1f} GB are free; free some")


def _batches(pack: Pack, last: int) -> Iterator[tuple[int, int]]:
    """Ranges of files, each of a few megabytes."""
    first = 0
    for number in range(1, last + 1):
        if number == last or pack.size(first, number) >= _BATCH_BYTES or number - first >= _BATCH_FILES:
            yield first, number
            first = number


_MUTATORS: dict[Path, Mutator] = {}
"""One a process: it takes seconds to make."""


def _mutator(pack: Pack, cache: Path) -> Mutator:
    if cache not in _MUTATORS:
        _MUTATORS[cache] = Mutator(measure_commonness(pack, cache))
    return _MUTATORS[cache]


def _rewrite(task: tuple[Path, Path, int, int, int]) -> list[tuple[Label, bytes]]:
    directory, cache, first, last, universes = task
    pack = Pack(directory)
    mutator = _mutator(pack, cache)
    texts = [pack.content(number) for number in range(first, last)]
    labels = [pack.label(number) for number in range(first, last)]
    numbers = range(1, universes + 1)
    rewritten = rewrite_batch(mutator, texts, [mutator.universe(number) for number in numbers])
    return [
        (Label(language=label.language, url=f"{label.url}?universe={number}", path=label.path), text)
        for number, copies in zip(numbers, rewritten, strict=True)
        for label, text in zip(labels, copies, strict=True)
    ]


def measure(pack: Pack, documents: int) -> tuple[Histogram, Histogram]:
    """Histograms of literal and structural seeds over the first documents of a pack."""
    tasks = [
        (pack.directory, first, min(first + _TASK_FILES, documents))
        for first in range(0, documents, _TASK_FILES)
    ]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        parts = list(pool.imap(_seeds, tasks))
    return (
        histogram((literal for literal, _ in parts), documents),
        histogram((structural for _, structural in parts), documents),
    )


def _seeds(task: tuple[Path, int, int]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    directory, first, last = task
    pack = Pack(directory)
    found = [seeds_of(pack.content(n), pack.label(n).language) for n in range(first, last)]
    return np.concatenate([a for a, _ in found]), np.concatenate([b for _, b in found])


def print_histograms(parts: dict[str, tuple[Pack, int]]) -> None:
    """Print the shares of seeds and of postings at each number of documents, side by side."""
    measured = {name: measure(pack, documents) for name, (pack, documents) in parts.items()}
    for which, kind in enumerate(("literal seeds (8 tokens)", "structural seeds (20 tokens)")):
        print(f"\n{kind}, one in {2**SAMPLED_BITS} sampled: share of distinct seeds, share of postings")
        names = [f"{name} {documents:,}" for name, (_, documents) in parts.items()]
        print(f"| documents | {' | '.join(names)} |\n| --- |{' ---: |' * len(names)}")
        for level in range(LEVELS):
            row = [h[which] for h in measured.values()]
            if any(h.seeds[level] for h in row):
                cells = [f"{h.shares()[level]:.3%}, {h.posting_shares()[level]:.2%}" for h in row]
                print(f"| {_level_name(level)} | {' | '.join(cells)} |")
        totals = [f"{h[which].distinct_per_document() * 2**SAMPLED_BITS:.0f}" for h in measured.values()]
        print(f"| distinct seeds a document | {' | '.join(totals)} |")
        for cap in CAPS:
            cells = [f"{h[which].met[cap]:.2f}" for h in measured.values()]
            print(f"| documents met by a posting, cap {cap} | {' | '.join(cells)} |")


def _level_name(level: int) -> str:
    return "1" if level == 0 else f"{2**level}–{2 ** (level + 1) - 1}"


def print_kinship(pack: Pack, cache: Path, files: int) -> None:
    """Print which share of the seeds of some files comes again in other packages, and in another universe.

    The files are of one half of the packages; they are compared with ``files`` files of the other half, and
    with as many of their own half, themselves among them, rewritten.
    """
    halves = np.array([half_of(label.url, label.path) for label in map(pack.label, range(len(pack)))])
    here, there = (np.flatnonzero(halves == half)[:files] for half in (0, 1))
    mutator = _mutator(pack, cache)
    mutator.universe(1)  # made before the pool, whose processes share it
    with multiprocessing.get_context("fork").Pool(2) as pool:
        asked = _collected(pool, pack, cache, here[:_ASKED_FILES], universe=0)
        others = _collected(pool, pack, cache, there, universe=0)
        grown = _collected(pool, pack, cache, here, universe=1)
    print(f"\nshare of the seeds of {len(here[:_ASKED_FILES]):,} files met again in {len(there):,} others\n")
    print("| seeds found in … of the files | in other packages | in another universe |")
    print("| --- | ---: | ---: |")
    for which, kind in enumerate(("literal", "structural")):
        values, counts = np.unique(asked[which], return_counts=True)
        again = [np.isin(values, found[which]) for found in (others, grown)]
        for level in range(int(np.log2(counts.max())) + 1):
            inside = np.log2(counts).astype(np.int64) == level
            if inside.sum() >= 20:
                cells = " | ".join(f"{met[inside].mean():.2%}" for met in again)
                print(f"| {kind}, {_level_name(level)} | {cells} |")
        print(f"| {kind}, all | {' | '.join(f'{met.mean():.2%}' for met in again)} |")


def _collected(
    pool: PoolType, pack: Pack, cache: Path, numbers: NDArray[np.int64], *, universe: int
) -> list[NDArray[np.uint64]]:
    """The sampled literal and structural seeds of files, as they are or as they are in a universe."""
    tasks = [
        (pack.directory, cache, numbers[first : first + _BATCH_FILES], universe)
        for first in range(0, len(numbers), _BATCH_FILES)
    ]
    found = pool.map(_seeds_in, tasks, chunksize=1)
    return [np.concatenate([part[which] for part in found]) for which in range(2)]


def _seeds_in(
    task: tuple[Path, Path, NDArray[np.int64], int],
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    directory, cache, numbers, universe = task
    pack = Pack(directory)
    texts = [pack.content(number) for number in numbers.tolist()]
    if universe:
        mutator = _mutator(pack, cache)
        texts = rewrite_batch(mutator, texts, [mutator.universe(universe)])[0]
    labels = [pack.label(number) for number in numbers.tolist()]
    found = [seeds_of(text, label.language) for text, label in zip(texts, labels, strict=True)]
    return np.concatenate([a for a, _ in found]), np.concatenate([b for _, b in found])


if __name__ == "__main__":
    main()
