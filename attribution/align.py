"""Line by line verification of a chain: exact ends, and which lines both texts share.

Needs line sketches only, no source text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.lines import BLANK
from attribution.span import Span

_MAX_ALIGNED_LINES = 4000

Sketches = Sequence[int]


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
    """Extend two ranges over equal neighbouring lines, and find the lines that they share.

    ``query`` and ``source`` are the sketches of both whole texts. Ranges of more than 4,000 lines are
    compared by their seeds alone.
    """
    up = _equal_lines(query, source, query_span.first - 2, source_span.first - 2, step=-1)
    down = _equal_lines(query, source, query_span.last, source_span.last, step=1)
    query_span = Span(query_span.first - up[0], query_span.last + down[0])
    source_span = Span(source_span.first - up[1], source_span.last + down[1])
    query_lines = _code_lines(query, query_span)
    source_lines = _code_lines(source, source_span)
    equal: list[int] = []
    if max(len(query_lines), len(source_lines)) <= _MAX_ALIGNED_LINES:
        places = common_subsequence([query[n] for n in query_lines], [source[n] for n in source_lines])
        equal = [query_lines[place] + 1 for place in places]
    return Alignment(
        query=query_span,
        source=source_span,
        equal_query_lines=tuple(equal),
        differing_source_lines=len(source_lines) - len(equal),
    )


def _code_lines(sketches: Sketches, span: Span) -> list[int]:
    """Indices, from 0, of the lines in a range that are not blank."""
    return [n for n in range(span.first - 1, min(span.last, len(sketches))) if sketches[n] != BLANK]


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


def common_subsequence(left: Sequence[int], right: Sequence[int]) -> list[int]:
    """Indices into ``left`` of a longest common subsequence with ``right``.

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


def _walk_back(rows: list[int], column: int) -> list[int]:
    chosen = []
    line = len(rows) - 1
    while line > 0 and column > 0:
        bit = 1 << (column - 1)
        if rows[line] & bit:
            column -= 1
        elif not rows[line - 1] & bit:
            line -= 1
        else:
            chosen.append(line - 1)
            line, column = line - 1, column - 1
    return chosen[::-1]


def as_sketches(sketches: NDArray[np.uint16], like: NDArray[np.generic]) -> list[int]:
    """Narrow the sketches of a query to the width that an index keeps."""
    narrowed: list[int] = sketches.astype(like.dtype).tolist()
    return narrowed
