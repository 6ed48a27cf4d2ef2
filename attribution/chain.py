"""Chaining: from single seed hits to aligned ranges of both texts.

As sequence aligners do: hits of one document that lie on nearby diagonals (source line minus query line)
and follow each other within bounded gaps belong to one copy. Works on all documents at once, in arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_DIAGONAL_STEP_LINES = 8
"""Lines that one edit may insert or remove before a copy is seen as two."""
MAX_GAP_TOKENS = 64
"""Tokens of foreign code that a copy may hold in one place."""

_Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Seed hits of one query; arrays of the same length."""

    positions: _Ints
    """Token position in the query."""
    query_lines: _Ints
    documents: _Ints
    source_lines: _Ints

    def __len__(self) -> int:
        return len(self.positions)

    def take(self, indices: NDArray[np.intp] | NDArray[np.bool_]) -> Hits:
        """Select or reorder hits."""
        return Hits(
            positions=self.positions[indices],
            query_lines=self.query_lines[indices],
            documents=self.documents[indices],
            source_lines=self.source_lines[indices],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chains:
    """Chains of hits; the hits are ordered by chain, ``starts`` says where each chain begins."""

    hits: Hits
    starts: NDArray[np.intp]
    covered_tokens: _Ints
    """Query tokens under the seeds of each chain, overlaps counted once."""

    def __len__(self) -> int:
        return len(self.starts)

    def members(self, chain: int) -> Hits:
        """The hits of one chain, in the order of the query."""
        end = self.starts[chain + 1] if chain + 1 < len(self) else len(self.hits)
        return self.hits.take(np.arange(self.starts[chain], end))


def chain_hits(hits: Hits, *, seed_tokens: int) -> Chains:
    """Group hits into chains; of several hits of one seed in one place the likeliest is kept."""
    if len(hits) == 0:
        return Chains(hits=hits, starts=np.empty(0, np.intp), covered_tokens=np.empty(0, np.int64))
    hits, bands = _one_hit_a_position(hits, _diagonal_bands(hits))
    gaps = np.diff(hits.positions)
    breaks = (
        (np.diff(bands) != 0)
        | (gaps > MAX_GAP_TOKENS)
        | (np.diff(hits.source_lines) < -MAX_DIAGONAL_STEP_LINES)
    )
    starts = np.concatenate(([0], np.flatnonzero(breaks) + 1))
    added = np.full(len(hits), seed_tokens, dtype=np.int64)
    added[1:] = np.where(breaks, seed_tokens, np.minimum(gaps, seed_tokens))
    return Chains(hits=hits, starts=starts, covered_tokens=np.add.reduceat(added, starts))


def _diagonal_bands(hits: Hits) -> _Ints:
    """Number the groups of hits of one document whose diagonals follow each other closely."""
    diagonals = hits.source_lines - hits.query_lines
    order = np.lexsort((diagonals, hits.documents))
    documents, sorted_diagonals = hits.documents[order], diagonals[order]
    is_new = np.zeros(len(hits), dtype=np.int64)
    is_new[1:] = (np.diff(documents) != 0) | (np.diff(sorted_diagonals) > MAX_DIAGONAL_STEP_LINES)
    bands = np.empty(len(hits), dtype=np.int64)
    bands[order] = np.cumsum(is_new)
    return bands


def _one_hit_a_position(hits: Hits, bands: _Ints) -> tuple[Hits, _Ints]:
    """Order hits by band and position, and of each position keep the hit nearest to the band's middle.

    Repetitive code meets itself on many diagonals at once, which lie evenly around the true one.
    """
    diagonals = hits.source_lines - hits.query_lines
    order = np.lexsort((diagonals, bands))
    first_of_band = np.flatnonzero(np.diff(bands[order], prepend=-1))
    sizes = np.diff(first_of_band, append=len(hits))
    middles = diagonals[order][first_of_band + sizes // 2]
    order = np.lexsort((np.abs(diagonals - middles[bands]), hits.positions, bands))
    hits, bands = hits.take(order), bands[order]
    is_first = np.ones(len(hits), dtype=np.bool_)
    is_first[1:] = (np.diff(bands) != 0) | (np.diff(hits.positions) != 0)
    return hits.take(is_first), bands[is_first]
