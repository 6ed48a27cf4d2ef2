"""What an index is to those who ask it, wherever it lies: a folder, several machines, another process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from attribution.model import Lane
from attribution.span import Span

if TYPE_CHECKING:
    from attribution.candidates import Candidate, Known
    from attribution.query import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which ranges are asked for."""

    min_tokens: int
    """Tokens that a range must share with the query."""
    lanes: frozenset[Lane]
    focus: range | None = None
    """Bytes of the query, of which a range must share at least one token; all of them without it."""
    tells_apart: bool = False
    """Whether words decide between files that are equally good, where the index keeps words."""
    explained: tuple[Span, ...] = ()
    """Lines of the query for which the lane of vectors need not be asked any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What is going to be asked about a text."""

    digest: bytes
    """Whose identical files are asked for."""
    query: Query
    wanted: Wanted


class Index(Protocol):
    """A collection of known files that can be asked what a text is like. Safe to share between threads.

    All methods raise :class:`IndexUnusableError` where the index cannot answer any more.
    """

    def identical(self, digest: bytes) -> list[Known]:
        """The files whose git SHA-1 this is."""

    def find(self, query: Query, wanted: Wanted) -> list[Candidate]:
        """The ranges of known files that the query is like, largest first within a segment and lane."""

    def text(self, digest: bytes) -> bytes | None:
        """The content whose git SHA-1 this is, where the index keeps it."""

    def ahead(self, foresee: Callable[[], Foreseen | None]) -> Index:
        """The same index for the look-ups of one text, where asking ahead saves time: in a single round.

        ``foresee``, which may take a while, is called only then; nothing is foreseen of a text without code.
        """
