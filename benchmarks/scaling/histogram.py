"""In how many documents seeds are found: a histogram over a sample of seeds, for any engine to be judged by.

Measured apart from the engine: all k-grams of tokens count, not those that an index keeps, and of them a
sample by hash, so that memory stays small and each sampled seed is counted in all documents.

* literal: 8 words or marks in a row, comments included;
* structural: 20 of them without comments, a string being one, each identifier replaced by its distance to
  its previous occurrence in the seed (Baker's parameterised strings).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.words import is_keyword, mix, scan

LITERAL_TOKENS, STRUCTURAL_TOKENS = 8, 20
SAMPLED_BITS = 5
"""One seed in 2^5 is counted."""
LEVELS = 21
CAPS = (16, 64, 256)
"""Caps between which an engine may choose: what is shared by more documents is common code."""
_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)
_C_LIKE = re.compile(
    rb"//[^\n]*|/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL
)
_HASH_LIKE = re.compile(
    rb"#[^\n]*|\"\"\".*?\"\"\"|'''.*?'''|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'", re.DOTALL
)
_HASH_LANGUAGES = frozenset({"Python", "Ruby", "Shell", "Perl", "R", "CMake", "Elixir", "Julia", "Cython"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How many sampled seeds are found in 2^i to 2^(i+1) - 1 documents."""

    documents: int
    seeds: NDArray[np.int64]
    postings: NDArray[np.int64]
    """Sum of the documents of those seeds."""
    met: dict[int, float]
    """By cap: documents of the seed of a random posting, of seeds in no more documents than the cap."""

    def shares(self) -> NDArray[np.float64]:
        """Share of the seeds at each level."""
        shares: NDArray[np.float64] = self.seeds / max(1, self.seeds.sum())
        return shares

    def posting_shares(self) -> NDArray[np.float64]:
        """Share of the postings at each level."""
        shares: NDArray[np.float64] = self.postings / max(1, self.postings.sum())
        return shares

    def distinct_per_document(self) -> float:
        """Sampled seeds a document."""
        return float(self.seeds.sum() / max(1, self.documents))


def seeds_of(content: bytes, language: str) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The sampled literal and structural seeds of a text, each once."""
    scanned = scan(content, whole_names=True)
    literal = _sampled(_grams(scanned.hashes, LITERAL_TOKENS))
    scanned = scan(_without_comments(content, language), whole_names=True)
    identifiers = scanned.is_word & (content_class(scanned.data, scanned.starts) == 1)
    identifiers &= ~is_keyword(scanned.hashes)
    return literal, _sampled(_parameterised(scanned.hashes, identifiers, STRUCTURAL_TOKENS))


def content_class(data: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 where a token does not start with a digit."""
    return ((data[starts] < ord("0")) | (data[starts] > ord("9"))).astype(np.int64)


def histogram(found: Iterable[NDArray[np.uint64]], documents: int) -> Histogram:
    """Count the seeds of documents, each given once a document."""
    values = np.concatenate(list(found))
    values.sort()
    firsts = np.concatenate(([0], np.flatnonzero(values[1:] != values[:-1]) + 1))
    sizes = np.diff(firsts, append=len(values))
    levels = np.minimum(np.log2(sizes).astype(np.int64), LEVELS - 1)
    return Histogram(
        documents=documents,
        seeds=np.bincount(levels, minlength=LEVELS),
        postings=np.bincount(levels, weights=sizes, minlength=LEVELS).astype(np.int64),
        met={cap: _mean_met(sizes[sizes <= cap]) for cap in CAPS},
    )


def _mean_met(sizes: NDArray[np.int64]) -> float:
    """How long the list of postings is that a look-up meets, weighted as look-ups are."""
    return float((sizes * sizes).sum() / max(1, sizes.sum()))


def _sampled(seeds: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return np.unique(seeds[seeds >> np.uint64(64 - SAMPLED_BITS) == 0])


def _without_comments(content: bytes, language: str) -> bytes:
    """Drop comments, and make of each string one token of digits."""
    pattern = _HASH_LIKE if language in _HASH_LANGUAGES else _C_LIKE

    def replaced(match: re.Match[bytes]) -> bytes:
        text = match.group()
        if text.startswith((b"//", b"/*", b"#", b'"""', b"'''")):
            return b" "
        return b' "%d" ' % zlib.crc32(text)

    return pattern.sub(replaced, content)


def _grams(hashes: NDArray[np.uint64], k: int) -> NDArray[np.uint64]:
    count = max(0, len(hashes) - k + 1)
    sums = np.zeros(count, dtype=np.uint64)
    for offset in range(k):
        sums *= _MULTIPLIER
        sums += hashes[offset : offset + count]
    return mix(sums)


def _parameterised(hashes: NDArray[np.uint64], identifiers: NDArray[np.bool_], k: int) -> NDArray[np.uint64]:
    """Hash each k-gram with its identifiers as distances; see Baker 1993."""
    count = max(0, len(hashes) - k + 1)
    distances = _distances(hashes, identifiers, k)
    symbols = mix(np.arange(k, dtype=np.uint64) + np.uint64(1))
    sums = np.zeros(count, dtype=np.uint64)
    for offset in range(k):
        distance = distances[offset : offset + count]
        symbol = symbols[np.where(distance <= offset, distance, 0)]
        sums *= _MULTIPLIER
        sums += np.where(identifiers[offset : offset + count], symbol, hashes[offset : offset + count])
    return mix(sums)


def _distances(hashes: NDArray[np.uint64], identifiers: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
    """Distance of each identifier to its previous occurrence; k where that is k or more, or none."""
    distances = np.full(len(hashes), k, dtype=np.int64)
    places = np.flatnonzero(identifiers)
    order = places[np.argsort(hashes[places], kind="stable")]
    same = hashes[order[1:]] == hashes[order[:-1]]
    distances[order[1:][same]] = np.minimum(order[1:][same] - order[:-1][same], k)
    return distances
