"""How far words, lines and pairs of lines spread from some packages to others, measured on real files.

The real packages are split in two halves. For things found in d files of one half, the share of them that
the other half has too is the chance that a package never seen holds them as well; it is measured for each
power of two of d. The chances are what a grown corpus keeps in common with the files it is grown from.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scaling.pack import Pack
from scaling.words import LONGEST_WORD, Scan, scan

KINDS = ("words", "lines", "pairs")
_LEAST = {"words": 24, "lines": 2, "pairs": 2}
"""Things in fewer files are not remembered: they are taken to be fresh in every package."""
_FILES_A_TASK = 2000
_SPELLING_TASKS = 30
"""Common words are spelled in the first of these tasks, or they are not that common."""
BITS = 20
_FORMAT = 2
_HASH_BITS = 63
"""Hashes are kept without their lowest bit, which names a half while they are counted."""


class Spread:
    """Things of one kind by their hashes, how many files hold each, and how far that number spreads."""

    def __init__(
        self, hashes: NDArray[np.uint64], frequency: NDArray[np.int64], chances: NDArray[np.float64]
    ) -> None:
        """``hashes`` are sorted; ``chances[i]`` is that of things in 2^i to 2^(i+1) - 1 files."""
        self.hashes, self.frequency, self.chances = hashes, frequency, chances
        bits = max(1, len(hashes).bit_length())
        self._shift = np.uint64(_HASH_BITS - bits)
        edges = np.arange((1 << bits) + 1, dtype=np.uint64) << self._shift
        self._firsts = np.searchsorted(hashes, edges).astype(np.int32)
        self._chance = chances[np.log2(np.maximum(frequency, 1)).astype(np.int64)].astype(np.float32)

    def find(self, values: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Place of each value, -1 where it is not among the hashes; one bucket of about one hash is read."""
        bucket = (values >> self._shift).astype(np.int64)
        at, end = self._firsts[bucket], self._firsts[bucket + 1]
        found = np.full(len(values), -1, dtype=np.int32)
        open_ones = np.flatnonzero(at < end)
        while len(open_ones):
            places = at[open_ones]
            equal = self.hashes[places] == values[open_ones]
            found[open_ones[equal]] = places[equal]
            at[open_ones] += 1
            open_ones = open_ones[~equal & (places + 1 < end[open_ones])]
        return found

    def files(self, values: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Files that hold each value; 1 for an unknown one."""
        at = self.find(values)
        return np.where(at >= 0, self.frequency[at], 1)

    def chance(self, values: NDArray[np.uint64]) -> NDArray[np.float32]:
        """Chance of each value to be met in packages never seen; 0 for an unknown one."""
        if not len(self.hashes):
            return np.zeros(len(values), dtype=np.float32)
        at = self.find(values)
        return np.where(at >= 0, self._chance[at], np.float32(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Commonness:
    """What is common in a corpus, and how common."""

    words: Spread
    lines: Spread
    pairs: Spread
    """Two lines in a row, blank ones aside."""
    spellings: NDArray[np.bytes_]
    """The words themselves, in the order of their hashes."""


def measure_commonness(pack: Pack, cache: Path) -> Commonness:
    """Count words, lines and pairs of lines through the first files of a pack; kept in a file."""
    kept = cache / f"commonness-{_FORMAT}-{len(pack)}.npz"
    if not kept.is_file():
        counts = _count(pack)
        partial = kept.with_suffix(".part.npz")
        np.savez(partial, allow_pickle=False, **counts)
        partial.replace(kept)
    stored = np.load(kept)
    return Commonness(
        **{
            kind: Spread(stored[f"{kind}_hashes"], stored[f"{kind}_frequency"], stored[f"{kind}_chances"])
            for kind in KINDS
        },
        spellings=stored["spellings"],
    )


def half_of(url: str, path: str) -> int:
    """Which half of the packages a file belongs to; the parts of very large archives count as packages."""
    part = "/".join(path.split("/")[:5]) if "linux-source" in url or "gcc-" in url else ""
    return hashlib.sha1(f"{url} {part}".encode(errors="replace"), usedforsecurity=False).digest()[0] & 1


def _count(pack: Pack) -> dict[str, NDArray[np.generic]]:
    """Count in two processes; everything that :class:`Commonness` consists of, by name."""
    ranges = [
        (pack.directory, first, min(first + _FILES_A_TASK, len(pack)))
        for first in range(0, len(pack), _FILES_A_TASK)
    ]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        parts = list(pool.imap(_things, ranges))
        counts: dict[str, NDArray[np.generic]] = {}
        for kind in KINDS:
            spread = _spread(np.concatenate([part.pop(kind) for part in parts]), least=_LEAST[kind])
            counts |= {f"{kind}_hashes": spread.hashes, f"{kind}_frequency": spread.frequency}
            counts[f"{kind}_chances"] = spread.chances
            if kind == "words":
                common = spread
        spelled = np.zeros(len(common.hashes), dtype=f"S{LONGEST_WORD}")
        for at, found in pool.imap(_spellings, [(*task, common) for task in ranges[:_SPELLING_TASKS]]):
            spelled[at] = found
    counts["spellings"] = spelled
    return counts


def _things(task: tuple[Path, int, int]) -> dict[str, NDArray[np.uint64]]:
    """Distinct hashes of each kind for each file of a range; the lowest bit names the file's half."""
    directory, first, last = task
    pack = Pack(directory)
    found: dict[str, list[NDArray[np.uint64]]] = {kind: [] for kind in KINDS}
    for number in range(first, last):
        label, scanned = pack.label(number), scan(pack.content(number))
        half = np.uint64(half_of(label.url, label.path))
        for kind, hashes in zip(
            KINDS, (_usable_words(scanned), scanned.line_hashes(), scanned.pair_hashes()), strict=True
        ):
            found[kind].append(np.unique(hashes[hashes != 0] >> np.uint64(1)) << np.uint64(1) | half)
    return {kind: np.concatenate(parts) for kind, parts in found.items()}


def _usable_words(scanned: Scan) -> NDArray[np.uint64]:
    return scanned.hashes[scanned.is_word & (scanned.lengths <= LONGEST_WORD)]


def _spellings(
    task: tuple[Path, int, int, Spread],
) -> tuple[NDArray[np.int64], NDArray[np.bytes_]]:
    """Places of the common words of a range of files, and how they are spelled."""
    directory, first, last, common = task
    pack, known = Pack(directory), {}
    for number in range(first, last):
        scanned = scan(pack.content(number))
        usable = np.flatnonzero(scanned.is_word & (scanned.lengths <= LONGEST_WORD))
        values, tokens = np.unique(scanned.hashes[usable] >> np.uint64(1), return_index=True)
        places = common.find(values)
        for place, token in zip(places[places >= 0], usable[tokens[places >= 0]], strict=True):
            start = scanned.starts[token]
            known[int(place)] = scanned.data[start : start + scanned.lengths[token]].tobytes()
    return np.array(list(known), dtype=np.int64), np.array(list(known.values()), dtype=f"S{LONGEST_WORD}")


def _spread(marked: NDArray[np.uint64], *, least: int) -> Spread:
    """Count hashes whose lowest bit names the half in which a file holds them."""
    marked.sort()
    values = marked >> np.uint64(1)
    firsts = np.concatenate(([0], np.flatnonzero(values[1:] != values[:-1]) + 1))
    sizes = np.diff(firsts, append=len(marked))
    seconds = np.add.reduceat((marked & np.uint64(1)).astype(np.int64), firsts)
    chances = _chances(sizes - seconds, seconds)
    kept = sizes >= least
    return Spread(values[firsts[kept]], sizes[kept], chances)


def _chances(here: NDArray[np.int64], there: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the things in d files of one half that the other half holds too, for each power of two of d.

    A grown corpus looks a thing up by its files in both halves, twice as many: hence the shift by one.
    """
    chances = np.zeros(BITS + 8)
    for level in range(BITS):
        inside = [(here >> level) == 1, (there >> level) == 1]
        count = sum(int(part.sum()) for part in inside)
        both = int((there[inside[0]] > 0).sum()) + int((here[inside[1]] > 0).sum())
        chances[level + 1] = both / count if count >= 20 else chances[level]
    chances[BITS + 1 :] = chances[BITS]
    return chances
