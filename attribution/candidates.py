"""Candidates: the ranges of known files that a text may have come from, found but not judged yet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from attribution.model import Lane, Origin
from attribution.span import Span


class Known(Protocol):
    """A known content, wherever it is kept."""

    @property
    def digest(self) -> bytes:
        """Git SHA-1 of the content, 20 bytes."""

    @property
    def path(self) -> str:
        """The path at which it was met first."""

    @property
    def token_count(self) -> int:
        """Literal tokens of the content."""

    @property
    def is_generated(self) -> bool:
        """Whether the file says of itself that a program wrote it."""

    def origins(self, *, limit: int) -> list[Origin]:
        """At most so many of the places where it was found, first met first; at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """A known content as it was described by an index that is somewhere else."""

    key: tuple[str, int]
    """Which document of which segment it is; equal keys of one index are the same document."""
    digest: bytes = field(compare=False)
    path: str = field(compare=False)
    token_count: int = field(compare=False)
    is_generated: bool = field(compare=False)
    places: tuple[Origin, ...] = field(compare=False)

    def origins(self, *, limit: int) -> list[Origin]:
        """At most so many of the places where it was found."""
        return list(self.places[:limit])


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A range of the checked text and the range of a known file that it is like."""

    known: Known
    lane: Lane
    """The lane whose ranges these are."""
    query: Span
    source: Span
    tokens: int
    """Tokens of the query range that the source holds too."""
    telling_tokens: int
    """Those of them that are not boilerplate (import lines, licence notices)."""
    similarity: float
    containment: float
    weight: float
    """What it counts for beside others: shared tokens, weighed by similarity."""
    also_by: frozenset[Lane] = frozenset()
    """Other lanes that found the same."""
    words: float = 0.0
    """BM25 of the query's words in the file, where it was asked to tell equally good files apart."""
    is_common: bool = False
    """Whether most of its seeds are in so many documents that the index keeps no places for them."""

    @property
    def found_by(self) -> tuple[Lane, ...]:
        """Every lane that found it, in the order in which lanes are defined."""
        return tuple(lane for lane in Lane if lane is self.lane or lane in self.also_by)

    def also_found_by(self, *lanes: Lane) -> Candidate:
        """Note that other lanes found the same."""
        return replace(self, also_by=self.also_by.union(lanes))

    def shifted(self, lines: int) -> Candidate:
        """Move the range of the query, which was a later part of the checked text."""
        return replace(self, query=self.query.shifted(lines))
