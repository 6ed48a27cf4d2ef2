"""Line by line verification of a chain: exact ends, and which lines both texts share.

Needs line sketches only, no source text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.lines import BLANK
from attribution.span import Span

_MAX_ALIGNED_LINES = 4000
_STRETCH = 3
_MAX_COMPARISONS = 1 << 22
_NEARLY_ALL = 0.8

Sketches = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Two ranges of lines, and which of their lines are equal, in order."""

    query: Span
    source: Span
    equal_query_lines: tuple[int, ...]
    """Lines of the query, from 1, whose equals stand in the source in the same order."""
    differing_source_lines: int
    """Lines of the source range, blank ones not counted, that have no equal in the query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketched:
    """The line sketches of a text, and which of its lines hold code."""

    sketches: Sketches
    code_lines: NDArray[np.intp]
    """Lines, from 1, that are not blank."""

    @classmethod
    def of(cls, sketches: Sketches) -> Sketched:
        """Note where the code is."""
        return cls(sketches=sketches, code_lines=np.flatnonzero(sketches != BLANK) + 1)

    def within(self, span: Span) -> NDArray[np.intp]:
        """The lines of code in a range."""
        first, last = np.searchsorted(self.code_lines, (span.first, span.last + 1))
        return self.code_lines[first:last]

    def values(self, lines: NDArray[np.intp]) -> Sketches:
        """Sketches of these lines."""
        return self.sketches[lines - 1]


def align(query: Sketched, source: Sketched, *, query_span: Span, source_span: Span) -> Alignment:
    """Extend two ranges over equal neighbouring lines, find the lines they share, and cut the loose ends.

    The sketches of both are of the same width. Where code repeats itself, seeds may have led to the wrong
    repetition: the place in the source at which most lines are equal counts. Ranges of more than 4,000
    lines are compared by their seeds alone.
    """
    query_span, source_span = _extended(query, source, query_span, source_span)
    pairs = _equal_pairs(query, source, query_span, source_span)
    better = _better_place(query, source, query_span, equal_lines=len(pairs))
    if better is not None:
        query_span, source_span = _extended(query, source, query_span, better)
        pairs = _equal_pairs(query, source, query_span, source_span)
    if pairs:
        source_span = _without_loose_ends(query_span, source_span, pairs)
    return Alignment(
        query=query_span,
        source=source_span,
        equal_query_lines=tuple(q for q, _ in pairs),
        differing_source_lines=len(source.within(source_span)) - len(pairs),
    )


def _equal_pairs(
    query: Sketched, source: Sketched, query_span: Span, source_span: Span
) -> list[tuple[int, int]]:
    """Lines of both ranges that are equal, in order, as pairs."""
    query_lines, source_lines = query.within(query_span), source.within(source_span)
    if max(len(query_lines), len(source_lines)) > _MAX_ALIGNED_LINES:
        return []
    found = tightest_alignment(query.values(query_lines).tolist(), source.values(source_lines).tolist())
    return [(int(query_lines[q]), int(source_lines[s])) for q, s in found]


def _better_place(query: Sketched, source: Sketched, query_span: Span, *, equal_lines: int) -> Span | None:
    """The lines of the source beside which nearly all lines of the query range are equal, if there are such.

    Anything less would find a likeness of short lines somewhere in every long file.
    """
    lines = query.within(query_span)
    count = len(lines)
    if equal_lines == count or count * len(source.code_lines) > _MAX_COMPARISONS:
        return None
    equal = query.values(lines)[:, None] == source.values(source.code_lines)[None, :]
    rows, columns = np.nonzero(equal)
    if len(rows) == 0:
        return None
    votes = np.bincount(columns - rows + count)
    best = int(np.argmax(votes))
    if votes[best] <= max(equal_lines, _NEARLY_ALL * count):
        return None
    first = max(0, best - count)
    last = min(len(source.code_lines), best) - 1
    return Span(int(source.code_lines[first]), int(source.code_lines[last]))


def _extended(query: Sketched, source: Sketched, query_span: Span, source_span: Span) -> tuple[Span, Span]:
    """Move the ends of both ranges outwards as long as their next lines of code are equal."""
    q_first, q_end = np.searchsorted(query.code_lines, (query_span.first, query_span.last + 1))
    s_first, s_end = np.searchsorted(source.code_lines, (source_span.first, source_span.last + 1))
    up = _equal_run(query, source, query.code_lines[:q_first][::-1], source.code_lines[:s_first][::-1])
    down = _equal_run(query, source, query.code_lines[q_end:], source.code_lines[s_end:])
    if up:
        query_span = Span(int(query.code_lines[q_first - up]), query_span.last)
        source_span = Span(int(source.code_lines[s_first - up]), source_span.last)
    if down:
        query_span = Span(query_span.first, int(query.code_lines[q_end + down - 1]))
        source_span = Span(source_span.first, int(source.code_lines[s_end + down - 1]))
    return query_span, source_span


def _equal_run(
    query: Sketched, source: Sketched, query_lines: NDArray[np.intp], source_lines: NDArray[np.intp]
) -> int:
    """Count how many lines, one after another, are equal on both sides."""
    length = min(len(query_lines), len(source_lines))
    equal = query.values(query_lines[:length]) == source.values(source_lines[:length])
    return length if equal.all() else int(np.argmin(equal))


def _without_loose_ends(query: Span, source: Span, pairs: list[tuple[int, int]]) -> Span:
    """Cut the source range where it reaches further beyond the outermost equal lines than the query does.

    Seeds that repeat within a file can stretch a chain; what lies outside the outermost pair of equal
    lines may be at most three times as long as it is in the query.
    """
    (first_query, first_source), (last_query, last_source) = pairs[0], pairs[-1]
    before = _STRETCH * (first_query - query.first)
    after = _STRETCH * (query.last - last_query)
    return Span(max(source.first, first_source - before), min(source.last, last_source + after))


def tightest_alignment(left: Sequence[int], right: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of indices of a longest common subsequence that spans as little of ``right`` as it can.

    One pass finds the least end, a second one, backwards from there, the greatest start.
    """
    forward = common_subsequence(left, right)
    if not forward:
        return []
    end = forward[-1][1]
    backward = common_subsequence(left[::-1], right[end::-1])
    return [(len(left) - 1 - q, end - s) for q, s in reversed(backward)]


def common_subsequence(left: Sequence[int], right: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of indices of a longest common subsequence, as far left in ``right`` as possible.

    Bit-parallel (Hyyrö 2004, "Bit-parallel LCS-length computation revisited"): a row of the dynamic
    programme is one integer, whose zero bits mark the columns at which the length grows.
    """
    places: dict[int, int] = {}
    for column, value in enumerate(right):
        places[value] = places.get(value, 0) | 1 << column
    full = (1 << len(right)) - 1
    row = full
    rows = [row]
    for value in left:
        matching = row & places.get(value, 0)
        row = ((row + matching) | (row - matching)) & full
        rows.append(row)
    return _walk_back(rows, len(right))


def _walk_back(rows: list[int], column: int) -> list[tuple[int, int]]:
    chosen = []
    line = len(rows) - 1
    while line > 0 and column > 0:
        bit = 1 << (column - 1)
        if rows[line] & bit:
            column -= 1
        elif not rows[line - 1] & bit:
            line -= 1
        else:
            line, column = line - 1, column - 1
            chosen.append((line, column))
    return chosen[::-1]
