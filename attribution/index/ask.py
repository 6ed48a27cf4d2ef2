"""Asking one segment, in every lane: what it answers becomes candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attribution.candidates import Candidate
from attribution.index.protocol import Wanted
from attribution.index.seek import SeedLane, SeedQuery
from attribution.index.segment import Segment
from attribution.lexical import rank
from attribution.model import Lane, Origin
from attribution.query import Query
from attribution.span import Span

NEAR_COPY_JACCARD = 0.7
"""The Stack's own threshold for near duplicates."""
_PROPOSED = 8
"""Documents that BM25 proposes to a query."""
_LEXICAL_SHARE = 0.7
"""Of the tokens of a range that only words led to, those that must stand on equal lines."""


@dataclass(frozen=True, slots=True)
class SegmentDocument:
    """A document of a segment, as candidates name it."""

    segment: Segment
    number: int

    @property
    def digest(self) -> bytes:
        """Git SHA-1 of the content."""
        return self.segment.documents.digest(self.number)

    @property
    def path(self) -> str:
        """The path at which it was met first."""
        return self.segment.documents.path(self.number)

    @property
    def is_generated(self) -> bool:
        """Whether the file says of itself that a program wrote it."""
        return self.segment.is_generated(self.number)

    @property
    def token_count(self) -> int:
        """Literal tokens of the content."""
        return self.segment.token_count(self.number)

    def origins(self, *, limit: int) -> list[Origin]:
        """At most so many of the places where it was found."""
        return self.segment.origins(self.number, limit=limit)


def find_in_segment(segment: Segment, query: Query, wanted: Wanted) -> list[Candidate]:
    """The ranges of one segment that the query is like, by every lane that is wanted."""
    found: list[Candidate] = []
    if Lane.SEEDS in wanted.lanes:
        found += _by_seeds(segment, segment.literal, query.literal, wanted, Lane.SEEDS)
    if Lane.STRUCTURE in wanted.lanes and segment.structural is not None:
        found += _by_seeds(segment, segment.structural, query.structural, wanted, Lane.STRUCTURE)
    if Lane.MINHASH in wanted.lanes and segment.has_signatures:
        found += _near_copies(segment, query, wanted)
    return found


def propose(segments: Sequence[Segment], query: Query, wanted: Wanted) -> list[Candidate]:
    """The lexical lane: words propose documents, their lines decide."""
    lanes = [(segment, segment.words) for segment in segments if segment.words is not None]
    ranked = rank([words for _, words in lanes], query.content, limit=_PROPOSED)
    return [
        candidate
        for proposal in ranked
        for candidate in _compare(lanes[proposal.segment][0], proposal.document, query, wanted)
    ]


def _compare(segment: Segment, document: int, query: Query, wanted: Wanted) -> list[Candidate]:
    """The range of a document that the query is like, line by line; none where that is too little."""
    found = segment.literal.compare(query.literal, document)
    return [
        _candidate(segment, row, Lane.WORDS)
        for row in found[found["tokens"] >= wanted.min_tokens]
        if row["tokens"] >= _LEXICAL_SHARE * row["query_tokens"]
    ]


def _by_seeds(
    segment: Segment, lane: SeedLane, asked: SeedQuery, wanted: Wanted, name: Lane
) -> list[Candidate]:
    focus = None if wanted.focus is None else asked.tokens_between(wanted.focus)
    found = lane.find(asked, min_tokens=wanted.min_tokens, focus=focus)
    return [_candidate(segment, row, name) for row in found]


def _candidate(segment: Segment, row: NDArray[np.void], lane: Lane) -> Candidate:
    (
        document,
        query_first,
        query_last,
        source_first,
        source_last,
        tokens,
        telling,
        in_query,
        seeds,
        common,
        in_source,
    ) = row.item()
    return Candidate(
        known=SegmentDocument(segment, document),
        query=Span(query_first, query_last),
        source=Span(source_first, source_last),
        tokens=tokens,
        telling_tokens=telling,
        similarity=min(1.0, 2 * tokens / (in_query + in_source)),
        containment=min(1.0, tokens / in_query),
        found_by=(lane,),
        is_common=common > seeds,
    )


def _near_copies(segment: Segment, query: Query, wanted: Wanted) -> list[Candidate]:
    """Compare whole files; the shared tokens follow from the Jaccard estimate."""
    ours = len(query.literal.token_lines)
    if ours < wanted.min_tokens:
        return []
    found = []
    for document, jaccard in segment.near_copies(query.signature):
        if jaccard >= NEAR_COPY_JACCARD:
            theirs = segment.token_count(document)
            shared = min(round(jaccard / (1 + jaccard) * (ours + theirs)), ours, theirs)
            found.append(
                Candidate(
                    known=SegmentDocument(segment, document),
                    query=Span(1, max(1, len(query.literal.sketches))),
                    source=Span(1, max(1, segment.line_count(document))),
                    tokens=shared,
                    telling_tokens=shared,
                    similarity=2 * shared / (ours + theirs),
                    containment=shared / ours,
                    found_by=(Lane.MINHASH,),
                )
            )
    return found
