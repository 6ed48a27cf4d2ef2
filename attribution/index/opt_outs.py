"""What must stay out of an index: contents, revisions and origins whose owners said so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from attribution.errors import UnreadableInputError, UsageError
from attribution.model import Origin
from attribution.swhid import ObjectType, Swhid, is_uri

_COMMENT = "#"
_SWHID = "swh:"
_WAYS = "a SWHID such as swh:1:cnt:… or the URL of an origin"


def parse_id(text: str) -> str:
    """The id as an index keeps it: a core SWHID, or a URL without ``.git`` and slash at its end.

    Raises :class:`UsageError` for anything else.
    """
    text = text.strip()
    if text.lower().startswith(_SWHID):
        return str(_parse_swhid(text))
    if not is_uri(text):
        raise UsageError(f"{text or 'an empty line'} is neither {_WAYS}")
    return text.rstrip("/").removesuffix(".git")


def _parse_swhid(text: str) -> Swhid:
    try:
        swhid = Swhid.parse(text).core
    except ValueError as error:
        raise UsageError(f"{text} is not a SWHID ({error}); name {_WAYS}") from error
    if swhid.object_type is ObjectType.DIRECTORY:
        raise UsageError(f"{text}: an index does not know directories; name {_WAYS}")
    return swhid


def read_list(path: Path) -> list[str]:
    """Ids of an opt-out list: one a line, comments after ``#`` at its beginning or after a space.

    Raises :class:`UnreadableInputError`, and :class:`UsageError` with the number of a line that is no id.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UnreadableInputError(path, f"cannot be read ({why})", remedy="name a text file") from error
    return [*_ids_of(path, lines)]


def _ids_of(path: Path, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        text = f" {line}".split(f" {_COMMENT}")[0].strip()
        if text:
            try:
                yield parse_id(text)
            except UsageError as error:
                raise UsageError(f"{path}, line {number}: {error}") from error


@dataclass(frozen=True, slots=True)
class OptOuts:
    """A set of ids that answers what it covers."""

    contents: frozenset[bytes]
    """Git SHA-1s."""
    revisions: frozenset[str]
    """Core SWHIDs of revisions, releases and snapshots."""
    urls: frozenset[str]
    """Without regard to case."""

    @classmethod
    def of(cls, ids: Iterable[str]) -> OptOuts:
        """Sort out ids that :func:`parse_id` answered."""
        contents, revisions, urls = set(), set(), set()
        for name in ids:
            if name.startswith("swh:1:cnt:"):
                contents.add(Swhid.parse(name).digest)
            elif name.startswith(_SWHID):
                revisions.add(name)
            else:
                urls.add(name.casefold())
        return cls(frozenset(contents), frozenset(revisions), frozenset(urls))

    def cover(self, digest: bytes, origin: Origin) -> bool:
        """Whether a file must stay out."""
        return digest in self.contents or self.cover_origin(origin)

    def cover_origin(self, origin: Origin) -> bool:
        """Whether everything from there must stay out; path and date do not matter."""
        return (
            (bool(self.urls) and parse_id(origin.url).casefold() in self.urls)
            or origin.revision in self.revisions
            or (origin.snapshot is not None and str(origin.snapshot.core) in self.revisions)
        )
