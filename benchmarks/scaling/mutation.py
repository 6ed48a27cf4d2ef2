"""Grow a corpus: the same files, as if written in other universes.

A universe has its own names and its own punctuation, used consistently in all its files. Words that are
common change places with words of the same length and of about the same frequency, so that the vocabulary
does not grow faster than it should; the letters of all other words are permuted. Keywords stay, marks such
as ``( , =`` change places among themselves, so neither literal nor structural seeds outlive the change,
while within a universe files share exactly what they share in reality. Lines that are common stay as they
are with the measured chance that other packages hold them too (see :mod:`scaling.commonness`): so idioms,
imports and licence headers are found in all universes. And a small share of the code is copied, or only
renamed.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.commonness import Commonness, Spread
from scaling.words import KEYWORDS, LONGEST_WORD, mix, scan

_SINGLE_MARKS = b",;:.=<>+&|^~?@!%"
"""They change places in a circle; marks of comments, strings and escapes stay."""
_BRACKETS = (b"()", b"[]", b"{}")
_BLOCK = 16
"""Common words of one length change places among so many neighbours in the order of frequency."""
_SEED_TOKENS = 8
FRESH, RENAMED, KEPT = 0, 1, 2
"""What becomes of a line: all new; new names, but the marks and numbers that it had; untouched."""
_COPIED_SHARE, _RENAMED_SHARE = 1 / 36, 1 / 32
"""Share of the code that is kept, and that is only renamed, whatever its lines are: so many seeds are met
again in other packages beyond those of common lines, copied code above all (``growth.py`` prints both)."""
_RARE_LINES_A_BLOCK, _RARE_FILES = 4, 4
"""Such code comes in blocks: one in four long lines of fewer files than four, told by its hash, begins one.
A line of many files would decide too much at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Universe:
    """One way to rename everything."""

    number: int
    bytes_by_fate: NDArray[np.uint8]
    """What each byte becomes in a line of each fate; shape (3, 256), flattened."""
    words_by_length: tuple[NDArray[np.uint8], ...]
    """For each length the new spelling of each common word of that length; shape (words, length)."""


class Mutator:
    """Rewrites texts in universes; made once for a corpus."""

    def __init__(self, common: Commonness) -> None:
        self._common = common
        self._lengths = np.char.str_len(common.spellings)
        self._order = [self._by_frequency(length) for length in range(LONGEST_WORD + 1)]
        self._rank = np.zeros(len(self._lengths), dtype=np.int64)
        for order in self._order:
            self._rank[order] = np.arange(len(order))
        self._stays = self._stable_words()
        self._universes: dict[int, Universe] = {}

    def universe(self, number: int) -> Universe:
        """The universe of that number, from 1; 0 would be reality."""
        if number not in self._universes:
            self._universes[number] = Universe(
                number=number,
                bytes_by_fate=_byte_tables(number),
                words_by_length=tuple(
                    self._spelled(self._shifted(order, number), length)
                    for length, order in enumerate(self._order)
                ),
            )
        return self._universes[number]

    def prepare(self, text: bytes) -> Prepared:
        """Find what rewriting needs; done once for all universes."""
        scanned = scan(text)
        usable = np.flatnonzero(scanned.is_word & (scanned.lengths <= LONGEST_WORD))
        at = self._common.words.find(scanned.hashes[usable] >> np.uint64(1))
        known = np.flatnonzero(at >= 0)
        lengths = scanned.lengths[usable[known]].astype(np.uint8)
        known = known[np.argsort(lengths, kind="stable")]
        tokens, bounds = usable[known], np.cumsum(np.bincount(lengths, minlength=LONGEST_WORD + 1))
        starts, held_by, words = scanned.starts[tokens], scanned.lines[tokens], self._rank[at[known]]
        parts = [slice(first, last) for first, last in itertools.pairwise(bounds.tolist())]
        places = [Places(starts=starts[p], lines=held_by[p], words=words[p]) for p in parts]
        lines, is_long = scanned.line_hashes(), scanned.words_of_lines() >= _SEED_TOKENS
        return Prepared(
            data=scanned.data,
            line_lengths=np.diff(scanned.line_starts),
            line_chances=_Chances.of(lines, self._common.lines),
            pair_chances=_Chances.of(scanned.pair_hashes(), self._common.pairs),
            is_long=is_long,
            is_rare=is_long & (self._common.lines.files(lines >> np.uint64(1)) < _RARE_FILES),
            places=tuple(places),
        )

    def _by_frequency(self, length: int) -> NDArray[np.int64]:
        """Common words of a length, the most frequent first."""
        inside = np.flatnonzero(self._lengths == length) if length else np.empty(0, np.int64)
        return inside[np.argsort(-self._common.words.frequency[inside], kind="stable")]

    def _stable_words(self) -> NDArray[np.bool_]:
        """Keywords and numbers: they stay what they are."""
        words = self._common.spellings.tolist()
        return np.array([word[:1].isdigit() or word.decode() in KEYWORDS for word in words], dtype=np.bool_)

    def _shifted(self, order: NDArray[np.int64], number: int) -> NDArray[np.int64]:
        """The word that takes the place of each: another one of its block."""
        shifted = order.copy()
        movable = np.flatnonzero(~self._stays[order])
        chance = np.random.default_rng([number, len(order)])
        for first in range(0, len(movable), _BLOCK):
            block = movable[first : first + _BLOCK]
            if len(block) > 1:
                shifted[block] = order[np.roll(block, chance.integers(1, len(block)))]
        return shifted

    def _spelled(self, words: NDArray[np.int64], length: int) -> NDArray[np.uint8]:
        raw = np.ascontiguousarray(self._common.spellings[words]).view(np.uint8)
        return np.ascontiguousarray(raw.reshape(len(words), LONGEST_WORD)[:, :length])


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Occurrences of common words of one length."""

    starts: NDArray[np.int64]
    lines: NDArray[np.int32]
    words: NDArray[np.int64]
    """Rank of the word among those of its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chances:
    """For each line a number that decides its fate, and the chance to stay."""

    hashes: NDArray[np.uint64]
    chances: NDArray[np.float32]

    @classmethod
    def of(cls, hashes: NDArray[np.uint64], spread: Spread) -> _Chances:
        chances = spread.chance(hashes >> np.uint64(1))
        return cls(hashes=hashes, chances=np.where(hashes == 0, np.float32(0), chances))

    def drawn(self, universe: int) -> NDArray[np.bool_]:
        """Which lines stay in a universe; the same line always has the same fate."""
        return mix(self.hashes ^ _salt(universe)).astype(np.float64) < self.chances * 2.0**64


_SALTS = 1 << 20


def _salt(number: int) -> np.uint64:
    """What makes draws of one number independent of those of another."""
    return np.uint64(mix(np.array([number], dtype=np.uint64))[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A text made ready to be rewritten in any universe."""

    data: NDArray[np.uint8]
    line_lengths: NDArray[np.int64]
    is_long: NDArray[np.bool_]
    """Whether a line holds enough tokens for a literal seed."""
    is_rare: NDArray[np.bool_]
    """Whether it does, and hardly any other file holds the line."""
    line_chances: _Chances
    pair_chances: _Chances
    places: tuple[Places, ...]

    def rewritten(self, universe: Universe) -> bytes:
        """The text as it is in a universe; as long as it was, byte for byte."""
        fates = self._fates_of_blocks(universe.number)
        fates[self._kept_lines(universe.number)] = KEPT
        index = np.repeat(fates << np.uint16(8), self.line_lengths)
        index |= self.data
        written = np.take(universe.bytes_by_fate, index)
        for length, places in enumerate(self.places, start=1):
            _put_words(written, fates, places, universe.words_by_length[length], length)
        return written.tobytes()

    def _fates_of_blocks(self, universe: int) -> NDArray[np.uint16]:
        """Fates of lines by the blocks that they are in; the same lines always share their fate."""
        lines = self.line_chances.hashes
        begins = self.is_rare & (mix(lines) % np.uint64(_RARE_LINES_A_BLOCK) == 0)
        anchors = np.maximum.accumulate(np.where(begins, np.arange(len(lines)), -1))
        drawn = mix(lines[anchors] ^ _salt(universe + _SALTS)).astype(np.float64) / 2.0**64
        drawn[anchors < 0] = 1.0  # before the first block
        fates = np.full(len(lines), FRESH, dtype=np.uint16)
        fates[drawn < _COPIED_SHARE + _RENAMED_SHARE] = RENAMED
        fates[drawn < _COPIED_SHARE] = KEPT
        return fates

    def _kept_lines(self, universe: int) -> NDArray[np.bool_]:
        """Lines that hold a seed of their own stay by themselves, shorter ones only with a neighbour."""
        pairs = self.pair_chances.drawn(universe)
        solid = np.flatnonzero(self.line_chances.hashes)
        with_next = np.zeros(len(pairs), dtype=np.bool_)
        with_next[solid] = pairs[solid]
        with_previous = np.zeros(len(pairs), dtype=np.bool_)
        with_previous[solid[1:]] = pairs[solid[:-1]]
        kept = np.where(self.is_long, self.line_chances.drawn(universe), with_next | with_previous)
        blank = self.line_chances.hashes == 0
        return np.asarray(kept | blank, dtype=np.bool_)


def _put_words(
    written: NDArray[np.uint8],
    fates: NDArray[np.uint16],
    places: Places,
    spelled: NDArray[np.uint8],
    length: int,
) -> None:
    """Write the common words of one length over lines that are not kept."""
    changed = np.flatnonzero(fates[places.lines] != KEPT)
    starts, words = places.starts[changed], places.words[changed]
    for offset in range(length):
        written[starts + offset] = spelled[words, offset]


def _byte_tables(number: int) -> NDArray[np.uint8]:
    """What each byte becomes in a fresh, a renamed and a kept line."""
    chance = np.random.default_rng([number, 7])
    kept = np.arange(256, dtype=np.uint8)
    fresh = kept.copy()
    lower = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", dtype=np.uint8)
    letters = _without_fixed_points(chance, 26)
    fresh[lower], fresh[lower - 32] = lower[letters], lower[letters] - 32
    renamed = fresh.copy()
    digits = np.arange(ord("1"), ord("9") + 1)
    fresh[digits] = digits[_without_fixed_points(chance, 9)]
    marks = np.frombuffer(_SINGLE_MARKS, dtype=np.uint8)
    marks = marks[np.random.default_rng([number // len(marks), 8]).permutation(len(marks))]
    fresh[marks] = np.roll(marks, number % len(marks))
    for opening in range(3):
        for side in range(2):
            fresh[_BRACKETS[opening][side]] = _BRACKETS[(opening + number) % 3][side]
    return np.concatenate((fresh, renamed, kept))


def _without_fixed_points(chance: np.random.Generator, count: int) -> NDArray[np.int64]:
    while True:
        permuted = chance.permutation(count)
        if not np.any(permuted == np.arange(count)):
            return permuted


def rewrite_batch(mutator: Mutator, texts: list[bytes], universes: list[Universe]) -> list[list[bytes]]:
    """Rewrite several texts in each universe; one list of texts a universe."""
    prepared = mutator.prepare(b"\n".join(texts) + b"\n")
    ends = np.cumsum([len(text) + 1 for text in texts]).tolist()
    rewritten = []
    for universe in universes:
        whole = prepared.rewritten(universe)
        rewritten.append(
            [whole[end - len(text) - 1 : end - 1] for end, text in zip(ends, texts, strict=True)]
        )
    return rewritten
