"""Asking one segment, in every lane: what it answers becomes candidates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from attribution.candidates import Candidate, KnownFile
from attribution.fingerprint.structure import STRUCTURE_TOKENS
from attribution.index.joining import joined
from attribution.index.profile import Profile
from attribution.index.protocol import Wanted
from attribution.index.segment import Segment
from attribution.model import Lane, Origin
from attribution.query import Query
from attribution.span import Span

NEAR_COPY_JACCARD = 0.7
"""The Stack's own threshold for near duplicates."""
_STRUCTURE_SIMILARITY = 0.6
"""Ranges whose structure is less alike are no copies, however long."""
_DISTINCT_TIMES = 3
"""How often, on average, a token may be repeated and still count: rows of numbers are alike everywhere."""
_SEED_SHARE = 0.4
"""Of the seeds that an index keeps of a range, those that a renamed copy of it must share."""
_STRUCTURE_WEIGHT = 0.8
"""Names that are the same say more than structure that is."""
_LEXICAL_LINES = 3
"""Lines that must be equal in a range that only words led to: a single sketch may be equal by chance."""
MOST_PLACES = 1024
"""Places of a document that another process is told of."""


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

    def __reduce__(self) -> tuple[Callable[..., KnownFile], tuple[()]]:
        """Another process gets what is known of the document, not the segment."""
        described = partial(
            KnownFile,
            key=(self.segment.directory.name, self.number),
            digest=self.digest,
            path=self.path,
            token_count=self.token_count,
            is_generated=self.is_generated,
            places=tuple(self.origins(limit=MOST_PLACES)),
        )
        return described, ()


def find_in_segment(segment: Segment, query: Query, wanted: Wanted) -> list[Candidate]:
    """The ranges of one segment that the query is like, by every lane that is wanted."""
    literal = _by_seeds(segment, query, wanted) if Lane.SEEDS in wanted.lanes else []
    renamed = _by_structure(segment, query, wanted) if Lane.STRUCTURE in wanted.lanes else []
    found = joined(literal, renamed, query)
    if Lane.MINHASH in wanted.lanes and segment.has_signatures:
        found += _near_copies(segment, query, wanted)
    return [replace(c, is_common=True) if c.known.is_generated else c for c in found]


def compare_by_lines(segment: Segment, document: int, query: Query, wanted: Wanted) -> list[Candidate]:
    """The range of a document that the query is like, line by line; none where that is too little."""
    required = _required(query, Lane.WORDS, wanted)
    found = segment.literal.compare(query.literal, document)
    candidates = [
        _candidate(segment, row, Lane.WORDS) for row in found[found["equal_lines"] >= _LEXICAL_LINES]
    ]
    return [
        replace(c, is_common=c.telling_tokens < required or c.known.is_generated)
        for c in candidates
        if c.weight >= required
    ]


def _by_seeds(segment: Segment, query: Query, wanted: Wanted) -> list[Candidate]:
    """Literal copies; code that shares little beside imports and notices is common."""
    required = _required(query, Lane.SEEDS, wanted)
    focus = None if wanted.focus is None else query.literal.tokens_between(wanted.focus)
    found = segment.literal.find(query.literal, min_tokens=required, focus=focus)
    candidates = (_candidate(segment, row, Lane.SEEDS) for row in found)
    return [
        replace(c, is_common=True) if c.telling_tokens < required else c
        for c in candidates
        if c.weight >= required
    ]


def _by_structure(segment: Segment, query: Query, wanted: Wanted) -> list[Candidate]:
    """Renamed copies."""
    if segment.structural is None:
        return []
    required = _required(query, Lane.STRUCTURE, wanted)
    focus = None if wanted.focus is None else query.structural.tokens_between(wanted.focus)
    found = segment.structural.find(query.structural, min_tokens=required, focus=focus)
    candidates = (
        _candidate(segment, row, Lane.STRUCTURE, scale=_STRUCTURE_WEIGHT) for row in found[_is_dense(found)]
    )
    return [
        c
        for c in candidates
        if c.weight >= _STRUCTURE_WEIGHT * required and c.similarity >= _STRUCTURE_SIMILARITY
        if c.telling_tokens >= required and not c.is_common
    ]


def _required(query: Query, lane: Lane, wanted: Wanted) -> int:
    """Tokens that make a match; a suggestion is no text of its own, of which a share would be enough."""
    return wanted.min_tokens if wanted.focus is not None else query.required(lane, wanted.min_tokens)


def _is_dense(found: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether a range holds as many seeds as a consistent renaming leaves.

    The sketches of structural lines take all names for one; only seeds tell whether names were changed alike.
    """
    grams = np.maximum(found["query_tokens"].astype(np.float64) - (STRUCTURE_TOKENS - 1), 0)
    kept = 2 / (Profile.FULL.window_tokens + 1)
    dense: NDArray[np.bool_] = found["seeds"] >= _SEED_SHARE * kept * grams - 0.5
    return dense


def _candidate(segment: Segment, row: NDArray[np.void], lane: Lane, *, scale: float = 1.0) -> Candidate:
    (document, query_first, query_last, source_first, source_last, tokens, telling, in_query, seeds, common,
     _, distinct, in_source) = row.item()  # fmt: skip
    similarity = min(1.0, 2 * tokens / (in_query + in_source))
    return Candidate(
        known=SegmentDocument(segment, document),
        lane=lane,
        query=Span(query_first, query_last),
        source=Span(source_first, source_last),
        tokens=tokens,
        telling_tokens=telling,
        similarity=similarity,
        containment=min(1.0, tokens / in_query),
        weight=scale * min(tokens, _DISTINCT_TIMES * distinct) * similarity,
        is_common=common > seeds,
    )


def _near_copies(segment: Segment, query: Query, wanted: Wanted) -> list[Candidate]:
    """Compare whole files; the shared tokens follow from the Jaccard estimate."""
    ours = len(query.literal.token_lines)
    if ours < _required(query, Lane.MINHASH, wanted):
        return []
    found = []
    for document, jaccard in segment.near_copies(query.signature):
        if jaccard >= NEAR_COPY_JACCARD:
            theirs = segment.token_count(document)
            shared = min(round(jaccard / (1 + jaccard) * (ours + theirs)), ours, theirs)
            similarity = 2 * shared / (ours + theirs)
            found.append(
                Candidate(
                    known=SegmentDocument(segment, document),
                    lane=Lane.MINHASH,
                    query=Span(1, max(1, query.line_count)),
                    source=Span(1, max(1, segment.line_count(document))),
                    tokens=shared,
                    telling_tokens=shared,
                    similarity=similarity,
                    containment=shared / ours,
                    weight=similarity * shared,
                )
            )
    return found
