"""What indexes hold of somebody's work: files as they are, ranges of them, what came from their origins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from attribution.index.protocol import Index
from attribution.library import Place
from attribution.model import Kind, Match, Origin
from attribution.span import Span
from attribution.swhid import Swhid
from attribution.trace import Tracer

_PLACES = 1024
"""Places of one content that are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A file that an index holds, and what it has to do with who asks."""

    kind: Kind | None
    """How it is like the asker's file; ``None`` where it was found by an id."""
    source: Swhid
    """Fully qualified; ``lines`` where only a part is alike."""
    origin: Origin
    path: str | None = None
    """The asker's file."""
    query: Span | None = None
    """Lines of the asker's file, where only a part is alike."""
    similarity: float = 1.0
    places: int = 1
    """Places where the indexes hold this content, or others that hold the same range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """The answer to one question."""

    files: int
    """Files of the asker that were compared."""
    ids: tuple[str, ...]
    """Ids, as :mod:`attribution.index.opt_outs` writes them, under which was looked."""
    held: tuple[Holding, ...]
    unsearched: int = 0
    """Contents that could not be asked for an author, because their text is not kept."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Files of the asker that were left out, by reason."""

    @property
    def identical(self) -> list[Holding]:
        """Files that are held as they are."""
        return [h for h in self.held if h.kind is Kind.IDENTICAL]

    @property
    def in_part(self) -> list[Holding]:
        """Files of which ranges are held, or that others are like."""
        return [h for h in self.held if h.kind is not None and h.kind is not Kind.IDENTICAL]

    @property
    def by_id(self) -> list[Holding]:
        """Files that were found by the ids."""
        return [h for h in self.held if h.kind is None]

    def license_counts(self) -> dict[str, int]:
        """Count the known files by licence expression, the most frequent first."""
        known = dict.fromkeys((h.source.object_id, h.origin) for h in self.held)
        return dict(Counter(origin.license.expression for _, origin in known).most_common())


def held_there(place: Place) -> Holding:
    """A file that was found by the id of where it comes from."""
    return Holding(kind=None, source=place.swhid, origin=place.origin)


def held_as_is(indexes: Sequence[Index], content: bytes, path: str) -> Holding | None:
    """The place that leads of a content that is held, by its git SHA-1."""
    swhid = Swhid.of_content(content)
    known = [k for index in indexes for k in index.identical(swhid.digest)]
    origins = list(dict.fromkeys(o for k in known for o in k.origins(limit=_PLACES)))
    if not origins:
        return None
    origin = origins[0]
    return Holding(
        kind=Kind.IDENTICAL, source=origin.qualify(swhid), origin=origin, path=path, places=len(origins)
    )


def held_of_file(tracer: Tracer, indexes: Sequence[Index], content: bytes, path: str) -> Iterator[Holding]:
    """The file as it is, or else the ranges of it that are held; common code is nobody's and left out."""
    whole = held_as_is(indexes, content, path)
    if whole is not None:
        yield whole
        return
    for match in tracer.trace(content, path=path).matches:
        if match.kind is not Kind.COMMON:
            yield _in_part(match, path)


def _in_part(match: Match, path: str) -> Holding:
    return Holding(
        kind=match.kind,
        source=match.source,
        origin=match.origin,
        path=path,
        query=match.query,
        similarity=match.similarity,
        places=match.copies,
    )
