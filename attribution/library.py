"""A library: an index with what people ask of it beside tracing, wherever it lies.

Tracing needs no more than :class:`attribution.index.protocol.Index`. Commands and the service also search by
words, ask what is held of somebody's work, and state what an index holds. The embedded library answers from
folders on this machine; :mod:`attribution.remote` has the one that asks a service.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest
from operator import itemgetter
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from attribution.candidates import Candidate, Known
from attribution.errors import UsageError
from attribution.fingerprint.words import word_counts
from attribution.index.catalog import generation_of
from attribution.index.index import Index
from attribution.index.opt_outs import OptOuts
from attribution.index.parts import Part, Parts, PlacedSegment, Question, likeliest, totals_of
from attribution.index.protocol import Foreseen, Wanted
from attribution.index.protocol import Index as SearchableIndex
from attribution.index.removal import covered, unsearched
from attribution.index.segment import Segment
from attribution.languages import language_of
from attribution.model import Origin
from attribution.query import Query
from attribution.swhid import Swhid

A = TypeVar("A")

OTHER_LANGUAGE = "other"
"""What a file counts as whose name tells no language."""
_POSTINGS = 1 << 22
"""Postings that a search may read: forty times those of a look-up, for a person waits a little longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A known content and one place where it was found."""

    digest: bytes
    origin: Origin

    @property
    def swhid(self) -> Swhid:
        """The SWHID of the content, qualified by the place."""
        return self.origin.qualify(Swhid.of_digest(self.digest))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A known file that holds words which were searched for."""

    place: Place
    score: float
    """BM25 (:mod:`attribution.lexical`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldUnder:
    """What is held of origins, accounts, authors or contents, by their ids."""

    places: tuple[Place, ...]
    unsearched: int
    """Contents that could not be asked for an author, because their text is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFacts:
    """What an index holds, in numbers; licences and languages are counted by the places of files."""

    documents: int
    segments: int
    source_bytes: int
    size_bytes: int
    has_text: bool
    """Whether every segment keeps the text of its files."""
    has_words: bool
    """Whether any segment can be searched by words."""
    licenses: dict[str, int]
    """The most frequent first, as are languages."""
    languages: dict[str, int]


class Library(SearchableIndex, Protocol):
    """An index that is also asked by people. Raises as :class:`attribution.index.protocol.Index` does."""

    @property
    def generation(self) -> str:
        """Which state of the index answers; another one whenever its answers may be others."""

    def search(self, words: bytes, *, limit: int) -> list[Found]:
        """The files that are likest to the words, best first, each content once.

        Raises :class:`UsageError` where there is nothing to search for, or the index keeps no words.
        """

    def held_under(self, ids: Iterable[str]) -> HeldUnder:
        """What came from these ids, which are as :func:`attribution.index.opt_outs.parse_id` writes them."""

    def facts(self) -> IndexFacts:
        """What the index holds; takes a look at every file's name the first time."""


@dataclass(frozen=True)
class EmbeddedLibrary:
    """Indexes of this machine, asked as one; a view that later writes do not disturb."""

    indexes: tuple[Index, ...]

    @classmethod
    def open(cls, directories: Iterable[Path]) -> EmbeddedLibrary:
        """Open them; raise a subclass of :class:`IndexUnusableError` where one cannot be used."""
        return cls(tuple(Index.open(directory) for directory in directories))

    @cached_property
    def generation(self) -> str:
        """Digest of the ids of all segments and of what was removed from them."""
        return generation_of(*(index.rows for index in self.indexes))

    @cached_property
    def has_vectors(self) -> bool:
        """Whether any segment keeps vectors of blocks."""
        return any(segment.has_vectors for index in self.indexes for segment in index.segments)

    def ahead(self, foresee: Callable[[], Foreseen | None]) -> EmbeddedLibrary:
        """Itself: folders of this machine answer no sooner."""
        return self

    def identical(self, digest: bytes) -> list[Known]:
        """The files whose git SHA-1 this is, of every index."""
        return [known for index in self.indexes for known in index.identical(digest)]

    def find(self, query: Query, wanted: Wanted) -> list[Candidate]:
        """The ranges of known files that the query is like, index by index."""
        return [candidate for index in self.indexes for candidate in index.find(query, wanted)]

    def text(self, digest: bytes) -> bytes | None:
        """The content whose git SHA-1 this is, from the first index that keeps it."""
        return next((text for index in self.indexes if (text := index.text(digest)) is not None), None)

    def ask(self, question: Question[A]) -> list[A]:
        """The answer of the segments of all indexes, which are one part."""
        segments = (segment for index in self.indexes for segment in index.segments)
        return [question.asked_of([PlacedSegment(place, one) for place, one in enumerate(segments)])]

    def search(self, words: bytes, *, limit: int) -> list[Found]:
        """The files that are likest to the words, ranked over all indexes as over one."""
        return search_parts(self, words, limit=limit, segments=sum(len(i.segments) for i in self.indexes))

    def held_under(self, ids: Iterable[str]) -> HeldUnder:
        """What :func:`attribution.index.removal.remove` would take out for these ids, each place once."""
        return held_in_parts(self, ids)

    def facts(self) -> IndexFacts:
        """Counted once for a view."""
        return self._facts

    @cached_property
    def _facts(self) -> IndexFacts:
        return facts_of_parts(
            self,
            documents=sum(index.document_count for index in self.indexes),
            source_bytes=sum(index.source_bytes for index in self.indexes),
        )


def search_parts(parts: Parts, words: bytes, *, limit: int, segments: int) -> list[Found]:
    """As :meth:`Library.search` says, of parts that have so many segments together."""
    require_words(words)
    totals = totals_of(parts, words)
    if not totals.documents:
        raise UsageError(
            "these indexes keep no words (profile seeds or sparse); build one with: --profile full"
        )
    found: dict[bytes, Found] = {}
    for one in likeliest(parts, totals, limit=limit * segments, postings=_POSTINGS):
        if one.known.digest not in found and len(found) < limit:
            (origin,) = one.known.origins(limit=1)
            place = Place(digest=one.known.digest, origin=origin)
            found[place.digest] = Found(place=place, score=one.score)
    return list(found.values())


def held_in_parts(parts: Parts, ids: Iterable[str]) -> HeldUnder:
    """As :meth:`Library.held_under` says."""
    answers = parts.ask(PlacesUnder(frozenset(ids)))
    by_segment = sorted((found for answer in answers for found in answer.found), key=itemgetter(0))
    return HeldUnder(
        places=tuple(dict.fromkeys(place for _, places in by_segment for place in places)),
        unsearched=sum(answer.unsearched for answer in answers),
    )


def facts_of_parts(parts: Parts, *, documents: int, source_bytes: int) -> IndexFacts:
    """As :meth:`Library.facts` says; what the catalog knows is given."""
    answers = parts.ask(Counted())
    licenses: Counter[str] = sum((answer.licenses for answer in answers), Counter())
    languages: Counter[str] = sum((answer.languages for answer in answers), Counter())
    segments = sum(answer.segments for answer in answers)
    return IndexFacts(
        documents=documents,
        segments=segments,
        source_bytes=source_bytes,
        size_bytes=sum(answer.size_bytes for answer in answers),
        has_text=segments > 0 and segments == sum(answer.with_text for answer in answers),
        has_words=any(answer.with_words for answer in answers),
        licenses=_most_frequent_first(licenses),
        languages=_most_frequent_first(languages),
    )


def _most_frequent_first(counts: Counter[str]) -> dict[str, int]:
    """Of equals by name, so that it does not matter who counted first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True, slots=True)
class UnderIds:
    """What a part holds under ids."""

    found: list[tuple[int, list[Place]]]
    """By the places of its segments."""
    unsearched: int


@dataclass(frozen=True, slots=True)
class PlacesUnder:
    """Asks where contents were found that these ids cover."""

    ids: frozenset[str]

    def asked_of(self, part: Part) -> UnderIds:
        """The answer of one part."""
        opt_outs = OptOuts.of(self.ids)
        return UnderIds(
            found=[(placed.place, _places_under(placed.segment, opt_outs)) for placed in part],
            unsearched=unsearched([placed.segment for placed in part], opt_outs),
        )


def _places_under(segment: Segment, opt_outs: OptOuts) -> list[Place]:
    found, _ = covered(segment, opt_outs)
    live = found[segment.live_occurrences[found]]
    owners = segment.documents.owners()[live] if len(live) else np.empty(0, np.uint32)
    return [
        Place(digest=segment.documents.digest(owner), origin=segment.documents.occurrence(number))
        for number, owner in zip(live.tolist(), owners.tolist(), strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCounts:
    """What a part holds, in numbers."""

    segments: int
    with_text: int
    with_words: int
    size_bytes: int
    licenses: Counter[str]
    languages: Counter[str]


@dataclass(frozen=True, slots=True)
class Counted:
    """Asks what there is; takes a look at every file's name."""

    def asked_of(self, part: Part) -> PartCounts:
        """The answer of one part."""
        segments = [placed.segment for placed in part]
        licenses, languages = Counter[str](), Counter[str]()
        for segment in segments:
            licenses.update(segment.documents.license_counts())
            live = segment.live_occurrences
            for number, (_, path, _) in enumerate(segment.documents.places()):
                if live[number]:
                    languages[language_of(path.decode("utf-8", "replace")) or OTHER_LANGUAGE] += 1
        return PartCounts(
            segments=len(segments),
            with_text=sum(segment.has_contents for segment in segments),
            with_words=sum(segment.words is not None for segment in segments),
            size_bytes=sum(segment.size_bytes for segment in segments),
            licenses=licenses,
            languages=languages,
        )


def require_words(words: bytes) -> None:
    """Raise :class:`UsageError` where a text holds no word that could be searched for."""
    if len(word_counts(words)[0]) == 0:
        shown = words.decode("utf-8", "surrogateescape")
        raise UsageError(f"nothing to search for in '{shown}'; name words of two letters or more")


def search_all(libraries: Sequence[Library], words: bytes, *, limit: int) -> list[Found]:
    """Search several libraries; each weighs words by its own files, so scores compare roughly."""
    best: dict[bytes, Found] = {}
    for library in libraries:
        for found in library.search(words, limit=limit):
            held = best.get(found.place.digest)
            if held is None or found.score > held.score:
                best[found.place.digest] = found
    return nsmallest(limit, best.values(), key=lambda found: -found.score)
