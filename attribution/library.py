"""A library: an index with what people ask of it beside tracing, wherever it lies.

Tracing needs no more than :class:`attribution.index.protocol.Index`. Commands and the service also search by
words, ask what is held of somebody's work, and state what an index holds. The embedded library answers from
folders on this machine; :mod:`attribution.remote` has the one that asks a service.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest
from pathlib import Path
from typing import Protocol

import numpy as np

from attribution.candidates import Candidate, Known
from attribution.errors import UsageError
from attribution.fingerprint.words import word_counts
from attribution.index.index import Index
from attribution.index.opt_outs import OptOuts
from attribution.index.protocol import Index as SearchableIndex
from attribution.index.protocol import Wanted
from attribution.index.removal import unsearched
from attribution.languages import language_of
from attribution.lexical import rank
from attribution.model import Origin
from attribution.query import Query
from attribution.swhid import Swhid

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
        digest = hashlib.blake2b(digest_size=8)
        for index in self.indexes:
            for row in index.rows:
                digest.update(row.id.encode() + row.hidden.tobytes() + b"\0")
            digest.update(b"\1")
        return digest.hexdigest()

    def identical(self, digest: bytes) -> list[Known]:
        """The files whose git SHA-1 this is, of every index."""
        return [known for index in self.indexes for known in index.identical(digest)]

    def find(self, query: Query, wanted: Wanted) -> list[Candidate]:
        """The ranges of known files that the query is like, index by index."""
        return [candidate for index in self.indexes for candidate in index.find(query, wanted)]

    def text(self, digest: bytes) -> bytes | None:
        """The content whose git SHA-1 this is, from the first index that keeps it."""
        return next((text for index in self.indexes if (text := index.text(digest)) is not None), None)

    def search(self, words: bytes, *, limit: int) -> list[Found]:
        """The files that are likest to the words, ranked over all indexes as over one."""
        require_words(words)
        lanes = [(s, lane) for index in self.indexes for s in index.segments if (lane := s.words) is not None]
        if not lanes:
            raise UsageError(
                "these indexes keep no words (profile seeds or sparse); build one with: --profile full"
            )
        ranked = rank([lane for _, lane in lanes], words, limit=limit * len(lanes), postings=_POSTINGS)
        found: dict[bytes, Found] = {}
        for each in ranked:
            segment = lanes[each.segment][0]
            digest = segment.documents.digest(each.document)
            if digest not in found and len(found) < limit:
                (origin, *_) = segment.origins(each.document, limit=1)
                found[digest] = Found(place=Place(digest=digest, origin=origin), score=each.score)
        return list(found.values())

    def held_under(self, ids: Iterable[str]) -> HeldUnder:
        """What :func:`attribution.index.removal.remove` would take out for these ids, each place once."""
        from attribution.index.removal import covered

        opt_outs = OptOuts.of(ids)
        segments = [segment for index in self.indexes for segment in index.segments]
        places: dict[Place, None] = {}
        for segment in segments:
            found, _ = covered(segment, opt_outs)
            live = found[segment.live_occurrences[found]]
            owners = segment.documents.owners()[live] if len(live) else np.empty(0, np.uint32)
            for number, owner in zip(live.tolist(), owners.tolist(), strict=True):
                digest, origin = segment.documents.digest(owner), segment.documents.occurrence(number)
                places.setdefault(Place(digest=digest, origin=origin))
        return HeldUnder(places=tuple(places), unsearched=unsearched(segments, opt_outs))

    def facts(self) -> IndexFacts:
        """Counted once for a view."""
        return self._facts

    @cached_property
    def _facts(self) -> IndexFacts:
        segments = [segment for index in self.indexes for segment in index.segments]
        licenses, languages = Counter[str](), Counter[str]()
        for segment in segments:
            licenses.update(segment.documents.license_counts())
            live = segment.live_occurrences
            for number, (_, path, _) in enumerate(segment.documents.places()):
                if live[number]:
                    languages[language_of(path.decode("utf-8", "replace")) or OTHER_LANGUAGE] += 1
        return IndexFacts(
            documents=sum(index.document_count for index in self.indexes),
            segments=len(segments),
            source_bytes=sum(index.source_bytes for index in self.indexes),
            size_bytes=sum(index.size_bytes for index in self.indexes),
            has_text=bool(segments) and all(segment.has_contents for segment in segments),
            has_words=any(segment.words is not None for segment in segments),
            licenses=dict(licenses.most_common()),
            languages=dict(languages.most_common()),
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
