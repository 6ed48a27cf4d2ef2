"""The lane of vectors: blocks that nothing else explains, the known blocks nearest to them, and their lines.

Vectors propose, lines decide: of the structural sketches of both blocks, whatever their order, as many must
be equal as make a copy. So statements may have been moved, names changed and lines edited, all at once.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attribution.candidates import Candidate
from attribution.fingerprint.blocks import Blocks
from attribution.index.ask import SegmentDocument
from attribution.index.protocol import Wanted
from attribution.index.segment import Segment
from attribution.index.vectors import Neighbour, VectorLane, has_faiss
from attribution.model import Lane
from attribution.query import Query
from attribution.span import Span

_NEIGHBOURS = 8
"""Known blocks that are compared with a block line by line."""
_MOST_BITS = 90
"""Bits of 256 in which they may differ: a cosine of about 0.45."""
_SIMILARITY = 0.6
"""Of the tokens of both blocks, and of those of the checked one, the share that must stand on equal lines."""
_FACTOR = 1.25
"""How many times as many tokens it takes as in the literal lane, weighed by the similarity."""
_WEIGHT = 0.5
"""Names and order that are the same say more."""
_EXPLAINED_SHARE = 0.5
"""Blocks of which other lanes explain so much are not asked for."""
_MOST_ASKED = 256
"""Blocks of a text that are asked for, the largest first; each is compared with every block of an index."""

_LOGGER = logging.getLogger(__name__)


def find_similar(segments: Sequence[Segment], query: Query, wanted: Wanted) -> list[list[Candidate]]:
    """The known blocks that the blocks of a query are like, where other lanes did not explain them.

    A list for each segment.
    """
    lanes = [segment.vectors for segment in segments]
    asked = _unexplained(query, wanted.explained) if any(lanes) else None
    if not asked:
        return [[] for _ in segments]
    if not has_faiss():
        _LOGGER.debug("vectors of blocks are not asked, as FAISS is not installed: sc-attrib[vectors]")
        return [[] for _ in segments]
    return [
        _similar_in(segment, lane, query, asked, wanted) if lane else []
        for segment, lane in zip(segments, lanes, strict=True)
    ]


def _similar_in(
    segment: Segment, lane: VectorLane, query: Query, asked: Blocks, wanted: Wanted
) -> list[Candidate]:
    near = lane.nearest(asked.codes, limit=_NEIGHBOURS, most_bits=_MOST_BITS)
    compared = (_compare(segment, query, asked, neighbour, wanted) for neighbour in near)
    return [candidate for candidate in compared if candidate is not None]


def _unexplained(query: Query, explained: Sequence[Span]) -> Blocks:
    """The largest blocks of the query of which other lanes have found too little."""
    blocks = query.blocks
    is_explained = np.zeros(query.line_count + 2, dtype=np.int64)
    for span in explained:
        is_explained[span.first : span.last + 1] = 1
    before = np.cumsum(is_explained)
    lines = blocks.last_lines - blocks.first_lines + 1
    shares = (before[blocks.last_lines] - before[blocks.first_lines - 1]) / lines
    missing = np.flatnonzero(shares < _EXPLAINED_SHARE)
    largest = np.argsort(-blocks.tokens[missing].astype(np.int64), kind="stable")[:_MOST_ASKED]
    return blocks.at(missing[largest])


def _compare(
    segment: Segment, query: Query, asked: Blocks, near: Neighbour, wanted: Wanted
) -> Candidate | None:
    """The known block as a candidate; ``None`` where too few lines are equal."""
    span = Span(int(asked.first_lines[near.asked]), int(asked.last_lines[near.asked]))
    ours = int(asked.tokens[near.asked])
    theirs = segment.structure_sketches(near.document)[near.first_line - 1 : near.last_line]
    equal = _equal_lines(query, span, theirs)
    shared, telling = query.structural_tokens(equal)
    similarity = min(1.0, 2 * shared / (ours + near.tokens))
    containment = min(1.0, shared / ours)
    if min(similarity, containment) < _SIMILARITY or telling * similarity < _FACTOR * wanted.min_tokens:
        return None
    known = SegmentDocument(segment, near.document)
    return Candidate(
        known=known,
        lane=Lane.VECTORS,
        query=span,
        source=Span(near.first_line, near.last_line),
        tokens=shared,
        telling_tokens=telling,
        similarity=similarity,
        containment=containment,
        is_common=known.is_generated,
        weight=_WEIGHT * shared * (similarity + 1 - near.distance / 128) / 2,
    )


def _equal_lines(query: Query, span: Span, theirs: NDArray[np.uint8]) -> list[int]:
    """Lines of a range of the query that a known block holds too, in any order, each as often as there."""
    left = Counter(theirs.tolist())
    ours = query.structural.sketches[span.first - 1 : span.last].tolist()
    equal = []
    for line, sketch in enumerate(ours, start=span.first):
        if sketch and left[sketch] > 0:
            left[sketch] -= 1
            equal.append(line)
    return equal
