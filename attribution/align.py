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


def align(query: Sketches, source: Sketches, *, query_span: Span, source_span: Span) -> Alignment:
    """Extend two ranges over equal neighbouring lines, find the lines they share, and cut the loose ends.

    ``query`` and ``source`` are the sketches of both whole texts, of the same width. Ranges of more than
    4,000 lines are compared by their seeds alone.
    """
    up = _equal_lines(query, source, query_span.first - 2, source_span.first - 2, step=-1)
    down = _equal_lines(query, source, query_span.last, source_span.last, step=1)
    query_span = Span(query_span.first - up[0], query_span.last + down[0])
    source_span = Span(source_span.first - up[1], source_span.last + down[1])
    query_lines = _code_lines(query, query_span)
    source_lines = _code_lines(source, source_span)
    pairs: list[tuple[int, int]] = []
    if 0 < max(len(query_lines), len(source_lines)) <= _MAX_ALIGNED_LINES:
        found = tightest_alignment(query[query_lines].tolist(), source[source_lines].tolist())
        pairs = [(int(query_lines[q]) + 1, int(source_lines[s]) + 1) for q, s in found]
    if pairs:
        source_span = _without_loose_ends(query_span, source_span, pairs)
        source_lines = _code_lines(source, source_span)
    return Alignment(
        query=query_span,
        source=source_span,
        equal_query_lines=tuple(q for q, _ in pairs),
        differing_source_lines=len(source_lines) - len(pairs),
    )


def _without_loose_ends(query: Span, source: Span, pairs: list[tuple[int, int]]) -> Span:
    """Cut the source range where it reaches further beyond the outermost equal lines than the query does.

    Seeds that repeat within a file can stretch a chain; what lies outside the outermost pair of equal
    lines may be at most three times as long as it is in the query.
    """
    (first_query, first_source), (last_query, last_source) = pairs[0], pairs[-1]
    before = _STRETCH * (first_query - query.first)
    after = _STRETCH * (query.last - last_query)
    return Span(max(source.first, first_source - before), min(source.last, last_source + after))


def _code_lines(sketches: Sketches, span: Span) -> NDArray[np.intp]:
    """Indices, from 0, of the lines in a range that are not blank."""
    return np.flatnonzero(sketches[span.first - 1 : span.last] != BLANK) + (span.first - 1)


def _equal_lines(query: Sketches, source: Sketches, q: int, s: int, *, step: int) -> tuple[int, int]:
    """Walk both texts as long as their lines are equal; answer how far, ending on a line of code.

    Blank lines are passed over on either side.
    """
    query_start, source_start = q, s
    reached = (0, 0)
    while True:
        while 0 <= q < len(query) and query[q] == BLANK:
            q += step
        while 0 <= s < len(source) and source[s] == BLANK:
            s += step
        if not (0 <= q < len(query) and 0 <= s < len(source) and query[q] == source[s]):
            return reached
        q, s = q + step, s + step
        reached = (abs(q - query_start), abs(s - source_start))


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
