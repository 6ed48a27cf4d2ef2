"""What must stay out of an index: contents, revisions and origins whose owners said so."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from attribution.errors import UnreadableInputError, UsageError
from attribution.model import Origin
from attribution.swhid import ObjectType, Swhid, is_uri

_COMMENT = re.compile(r"(?:^|\s)#.*", re.DOTALL)
_BLANK = " \t\r"
_ENDING = re.compile(r"(?:/|\.[gG][iI][tT])+\Z")
_SWHID = "swh:"
_NOT_WRITABLE = frozenset({"Cc", "Cs"})
"""Unicode categories of control characters, and of what stands for bytes that are not UTF-8."""
_WAYS = "a SWHID such as swh:1:cnt:… or the URL of an origin"


def parse_id(text: str) -> str:
    """The id as an index keeps it: a core SWHID, or a URL without every ``.git`` and slash at its end.

    Raises :class:`UsageError` for anything else.
    """
    text = text.strip(_BLANK + "\n")
    if any(unicodedata.category(character) in _NOT_WRITABLE for character in text):
        raise UsageError(f"{text!a} holds control characters or is not UTF-8 text; name {_WAYS}")
    if text.lower().startswith(_SWHID):
        return str(_parse_swhid(text))
    if not is_uri(text):
        raise UsageError(f"{text or 'an empty line'} is neither {_WAYS}")
    url = _without_ending(text)
    if not url.partition(":")[2]:
        raise UsageError(f"{text} is neither {_WAYS}: nothing is named after the scheme")
    return url


def key_of(name: str) -> str:
    """What is equal for two spellings of one id: case, slashes and ``.git`` at the end do not matter."""
    return _without_ending(name.casefold())


def _without_ending(url: str) -> str:
    return _ENDING.sub("", url)


def _parse_swhid(text: str) -> Swhid:
    try:
        swhid = Swhid.parse(text).core
    except ValueError as error:
        raise UsageError(f"{text} is not a SWHID ({error}); name {_WAYS}") from error
    if swhid.object_type is ObjectType.DIRECTORY:
        raise UsageError(f"{text}: an index does not know directories; name {_WAYS}")
    return swhid


def read_list(path: Path) -> list[str]:
    """Ids of an opt-out list: one a line, comments after ``#`` at its beginning or after white space.

    Raises :class:`UnreadableInputError`, and :class:`UsageError` with the number of a line that is no id.
    """
    try:
        content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
        raise UnreadableInputError(path, reason, remedy="name a text file") from error
    return [*_ids_of(path, content.replace(b"\r\n", b"\n").split(b"\n"))]


def _ids_of(path: Path, lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            text = _COMMENT.sub("", line.decode()).strip(_BLANK)
            if text:
                yield parse_id(text)
        except UnicodeDecodeError as error:
            reason = f"cannot be read (line {number} is not UTF-8 text)"
            raise UnreadableInputError(path, reason, remedy="write it as UTF-8") from error
        except UsageError as error:
            raise UsageError(f"{path}, line {number}: {error}") from error


@dataclass(frozen=True, slots=True)
class OptOuts:
    """A set of ids that answers which of them cover something."""

    contents: Mapping[bytes, str]
    """Ids of contents by git SHA-1."""
    revisions: frozenset[str]
    """Core SWHIDs of revisions, releases and snapshots."""
    urls: Mapping[str, str]
    """Ids of origins by what :func:`key_of` makes of them."""

    @classmethod
    def of(cls, ids: Iterable[str]) -> OptOuts:
        """Sort out ids that :func:`parse_id` answered."""
        contents, revisions, urls = dict[bytes, str](), set[str](), dict[str, str]()
        for name in ids:
            if name.startswith("swh:1:cnt:"):
                contents[Swhid.parse(name).digest] = name
            elif name.startswith(_SWHID):
                revisions.add(name)
            else:
                urls[key_of(name)] = name
        return cls(contents, frozenset(revisions), urls)

    def cover(self, digest: bytes, origin: Origin) -> bool:
        """Whether a file must stay out."""
        return digest in self.contents or bool(self.covering(origin))

    def covering(self, origin: Origin) -> set[str]:
        """The ids that keep out everything from there; path and date do not matter."""
        found = {self.urls[key] for key in (key_of(origin.url),) if key in self.urls}
        named = {origin.revision, str(origin.snapshot.core) if origin.snapshot else None}
        return found | {name for name in named if name in self.revisions}
