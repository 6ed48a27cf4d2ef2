"""An index in parts, wherever these are: questions for every part, and the answers put together.

A part holds some of the segments. Whatever part a segment is in, the whole answers the same: answers come in
the order in which the catalog lists the segments, and words are weighed by the totals of all parts. An index
in one process is one part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from heapq import nsmallest
from itertools import chain
from typing import Protocol, TypeVar

from attribution.candidates import Candidate, Known
from attribution.errors import MissingExtraError
from attribution.index.ask import SegmentDocument, compare_by_lines, find_in_segment
from attribution.index.contents import text_of
from attribution.index.protocol import Foreseen, Index, Wanted
from attribution.index.segment import Segment
from attribution.index.similar import find_similar
from attribution.index.words import WordLane
from attribution.lexical import POSTINGS, Ranked, WordTotals, rank_among, word_totals
from attribution.model import Lane
from attribution.query import Query

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)

_BY_RANGES = frozenset({Lane.SEEDS, Lane.STRUCTURE, Lane.MINHASH})
_PROPOSED = 8
"""Documents that BM25 proposes to a query."""
_TIED = 0.95
"""Share of the best weight from which on a file is as good as the best."""
_RANKED = 64
"""Documents by their words among which the equally good ones are looked up."""


@dataclass(frozen=True, slots=True)
class PlacedSegment:
    """A segment, and the how-manieth of its index it is."""

    place: int
    segment: Segment


Part = Sequence[PlacedSegment]
"""Segments that are asked together, by ascending place."""


class Question(Protocol[A_co]):
    """What a part is asked: a value, for it may be sent to another process."""

    def asked_of(self, part: Part) -> A_co:
        """The answer of one part."""


class Parts(Protocol):
    """All parts of an index. Safe to share between threads."""

    def ask(self, question: Question[A]) -> list[A]:
        """The answers of all parts, or an error; which answer is whose, their places tell."""


class InParts:
    """What :class:`attribution.index.protocol.Index` promises, for whoever can ask all parts."""

    __slots__ = ()

    def ask(self, question: Question[A]) -> list[A]:
        """As :class:`Parts` says."""
        raise NotImplementedError

    @property
    def kept(self) -> Kept:
        """What its segments keep beside seeds, so that nobody is asked for what nobody has."""
        return sum(self.ask(WhatIsKept()), Kept())

    def ahead(self, foresee: Callable[[], Foreseen | None]) -> Index:
        """Parts of this process answer no sooner if they are asked ahead."""
        return self

    def identical(self, digest: bytes) -> list[Known]:
        """The files whose git SHA-1 this is, one for each segment that holds them."""
        answers = chain.from_iterable(self.ask(Identical(digest)))
        return [known for _, known in sorted(answers, key=lambda answer: answer[0])]

    def find(self, query: Query, wanted: Wanted) -> list[Candidate]:
        """The ranges of known files that the query is like, by every lane that is wanted."""
        kept = self.kept
        answers = self._ranges(query, wanted, kept)
        found = [candidate for answer in answers for candidate in answer.ranges]
        if wanted.tells_apart and kept.words:
            found = _told_apart(self, query, found)
        if Lane.WORDS in wanted.lanes and kept.words:
            found += _proposed(self, query, wanted)
        return found + [candidate for answer in answers for candidate in answer.similar]

    def _ranges(self, query: Query, wanted: Wanted, kept: Kept) -> list[FoundInSegment]:
        """Of all segments, in the order of the catalog."""
        if wanted.lanes.isdisjoint(_BY_RANGES | ({Lane.VECTORS} if kept.vectors else frozenset())):
            return []
        return sorted(chain.from_iterable(self.ask(Ranges(query, wanted))), key=lambda one: one.place)

    def text(self, digest: bytes) -> bytes | None:
        """The content whose git SHA-1 this is, where a part keeps it and can unpack it."""
        answers = self.ask(Text(digest)) if self.kept.texts else []
        return next((found for found in answers if found is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What any segment keeps beside seeds."""

    texts: bool = False
    vectors: bool = False
    words: bool = False

    def __add__(self, other: Kept) -> Kept:
        """What one of two collections keeps."""
        return Kept(
            texts=self.texts or other.texts,
            vectors=self.vectors or other.vectors,
            words=self.words or other.words,
        )

    @classmethod
    def by(cls, segments: Sequence[Segment]) -> Kept:
        """What any of these keeps."""
        return cls(
            texts=any(segment.has_contents for segment in segments),
            vectors=any(segment.has_vectors for segment in segments),
            words=any(segment.words is not None for segment in segments),
        )


@dataclass(frozen=True, slots=True)
class WhatIsKept:
    """Asks what there is beside seeds."""

    def asked_of(self, part: Part) -> Kept:
        """The answer of one part."""
        return Kept.by([placed.segment for placed in part])


@dataclass(frozen=True, slots=True)
class FoundInSegment:
    """What one segment holds of a query."""

    place: int
    ranges: list[Candidate]
    similar: list[Candidate]
    """By the lane of vectors."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """Asks which ranges are like a query, by every lane but words, segment by segment."""

    query: Query
    wanted: Wanted

    def asked_of(self, part: Part) -> list[FoundInSegment]:
        """The answer of one part."""
        by_vectors = Lane.VECTORS in self.wanted.lanes
        segments = [placed.segment for placed in part]
        similar = find_similar(segments, self.query, self.wanted) if by_vectors else [[] for _ in part]
        return [
            FoundInSegment(placed.place, find_in_segment(placed.segment, self.query, self.wanted), near)
            for placed, near in zip(part, similar, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Identical:
    """Asks for the files whose git SHA-1 this is."""

    digest: bytes

    def asked_of(self, part: Part) -> list[tuple[int, Known]]:
        """The answer of one part: places and files."""
        found = ((placed, placed.segment.documents.find(self.digest)) for placed in part)
        return [(p.place, SegmentDocument(p.segment, number)) for p, number in found if number is not None]


@dataclass(frozen=True, slots=True)
class Text:
    """Asks for the content whose git SHA-1 this is."""

    digest: bytes

    def asked_of(self, part: Part) -> bytes | None:
        """The answer of one part; ``None`` where it does not keep it, or cannot unpack it."""
        for placed in part:
            segment = placed.segment
            document = segment.documents.find(self.digest) if segment.has_contents else None
            if document is not None:
                with suppress(MissingExtraError):
                    return text_of(segment, document)
        return None


@dataclass(frozen=True, slots=True)
class Totals:
    """Asks in how many documents the words of a text are, and of how many."""

    content: bytes

    def asked_of(self, part: Part) -> WordTotals:
        """The answer of one part."""
        return word_totals([lane for _, lane in _word_lanes(part)], self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """A file that holds words of a text."""

    score: float
    place: int
    document: int
    known: Known


@dataclass(frozen=True, slots=True, kw_only=True)
class LikeliestByWords:
    """Asks for the files that are likest to a text by their words, best first."""

    totals: WordTotals
    """Of all parts, for the text."""
    limit: int
    postings: int = POSTINGS

    def asked_of(self, part: Part) -> list[Likely]:
        """The answer of one part."""
        return [
            Likely(
                score=one.score,
                place=placed.place,
                document=one.document,
                known=SegmentDocument(placed.segment, one.document),
            )
            for placed, one in _ranked(part, self.totals, limit=self.limit, postings=self.postings)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A file that words propose, and which ranges of it are like the query."""

    score: float
    place: int
    document: int
    ranges: list[Candidate]


@dataclass(frozen=True, slots=True)
class Proposed:
    """Asks for the files that words propose to a query, best first, each compared with it line by line."""

    query: Query
    wanted: Wanted
    totals: WordTotals
    """Of all parts, for the query."""

    def asked_of(self, part: Part) -> list[Proposal]:
        """The answer of one part."""
        return [
            Proposal(
                score=one.score,
                place=placed.place,
                document=one.document,
                ranges=compare_by_lines(placed.segment, one.document, self.query, self.wanted),
            )
            for placed, one in _ranked(part, self.totals, limit=_PROPOSED, postings=POSTINGS)
        ]


def _ranked(
    part: Part, totals: WordTotals, *, limit: int, postings: int
) -> list[tuple[PlacedSegment, Ranked]]:
    lanes = _word_lanes(part)
    ranked = rank_among([lane for _, lane in lanes], totals, limit=limit, postings=postings)
    return [(lanes[one.segment][0], one) for one in ranked]


def _word_lanes(part: Part) -> list[tuple[PlacedSegment, WordLane]]:
    return [(placed, lane) for placed in part if (lane := placed.segment.words) is not None]


def totals_of(parts: Parts, content: bytes) -> WordTotals:
    """In how many documents of all parts the words of a text are, and of how many."""
    first, *others = parts.ask(Totals(content))
    return sum(others, start=first)


def likeliest(parts: Parts, totals: WordTotals, *, limit: int, postings: int = POSTINGS) -> list[Likely]:
    """The files that are likest by their words to the text that the totals are for, best first.

    Of equals the one of the earlier segment, in it the earlier document. None where nobody keeps words.
    """
    found = chain.from_iterable(parts.ask(LikeliestByWords(totals=totals, limit=limit, postings=postings)))
    return nsmallest(limit, found, key=lambda one: (-one.score, one.place, one.document))


def _told_apart(parts: Parts, query: Query, found: list[Candidate]) -> list[Candidate]:
    """Where several files hold as much of the query as the best, note how like they are by their words.

    Files of one project often share a function but for a name or a constant, which no seed holds.
    """
    ranges = [c for c in found if c.lane is not Lane.MINHASH]
    best = max((c.weight for c in ranges), default=0.0)
    tied = {c.known for c in ranges if c.weight >= _TIED * best}
    if len(tied) < 2:
        return found
    ranked = likeliest(parts, totals_of(parts, query.content), limit=_RANKED)
    scores = {likely.known: likely.score for likely in ranked}
    return [replace(c, words=scores.get(c.known, 0.0)) if c.known in tied else c for c in found]


def _proposed(parts: Parts, query: Query, wanted: Wanted) -> list[Candidate]:
    """The lexical lane: words propose documents, their lines decide."""
    answers = parts.ask(Proposed(query, wanted, totals_of(parts, query.content)))
    best = nsmallest(_PROPOSED, chain.from_iterable(answers), key=lambda p: (-p.score, p.place, p.document))
    return [candidate for proposal in best for candidate in proposal.ranges]
