"""SWHID 1.2 (ISO/IEC 18670): identifiers of source code as frozen values.

``str`` and :meth:`Swhid.parse` are inverse. A field that the specification forbids is rejected when a
value is made; on reading, a qualifier that is unknown or invalid is ignored, as the specification asks.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import unquote_to_bytes

from attribution.span import Span

_CORE = re.compile(r"swh:1:(cnt|dir|rev|rel|snp):([0-9a-f]{40})")
_FRAGMENT = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)
"""Eighteen digits count the lines and bytes of any file; longer numbers would not fit into 64 bits."""
_NOT_IN_IRI = re.compile(r"[%;\x00-\x20\x7f]")
_NOT_IN_PATH = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,=:@/\x80-\U0010ffff]")
"""ASCII that RFC 3987's ``ipath-absolute`` does not hold, and what ends a qualifier."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")


class ObjectType(StrEnum):
    """The five kinds of object that a SWHID can name."""

    CONTENT = "cnt"
    DIRECTORY = "dir"
    REVISION = "rev"
    RELEASE = "rel"
    SNAPSHOT = "snp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swhid:
    """A SoftWare Hash IDentifier, with or without qualifiers.

    Raises :class:`ValueError` for what SWHID 1.2 does not allow.

    >>> swhid = Swhid.parse("swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2;lines=9-15")
    >>> swhid.lines
    Span(first=9, last=15)
    >>> str(swhid.core)
    'swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2'
    """

    object_type: ObjectType
    object_id: str
    """40 lowercase hexadecimal digits."""
    origin: str | None = None
    """URI of the place where the object was found."""
    visit: Swhid | None = None
    """Snapshot of the visit in which it was found; needs ``origin``."""
    anchor: Swhid | None = None
    """Directory, revision, release or snapshot in which ``path`` starts."""
    path: str | None = None
    """Absolute path below the anchor's root; undecodable bytes as surrogate escapes."""
    lines: Span | None = None
    """Lines, counted from 1, both ends included, split on LF only."""
    byte_range: Span | None = None
    """Bytes, counted from 0, both ends included; the qualifier ``bytes``."""

    def __post_init__(self) -> None:
        if not _CORE.fullmatch(f"swh:1:{self.object_type}:{self.object_id}"):
            raise ValueError(f"not a SWHID: swh:1:{self.object_type}:{self.object_id}")
        if self.path is not None:
            object.__setattr__(self, "path", _normalized(self.path))
        for name, problem in self._problems():
            raise ValueError(f"SWHID qualifier {name}: {problem}")

    def _problems(self) -> list[tuple[str, str]]:
        problems = []
        if self.origin is not None and not is_uri(self.origin):
            problems.append(("origin", "is not a URI"))
        if self.visit is not None and self.origin is None:
            problems.append(("visit", "needs an origin"))
        if self.visit is not None and not self.visit._is_core(ObjectType.SNAPSHOT):
            problems.append(("visit", "is not the core SWHID of a snapshot"))
        if self.anchor is not None and not self.anchor._is_core(*_ANCHORS):
            problems.append(("anchor", "is not the core SWHID of a directory, revision, release or snapshot"))
        if self.path is not None and not self.path.startswith("/"):
            problems.append(("path", "is not absolute"))
        if self.lines is not None and self.lines.first < 1:
            problems.append(("lines", "count from 1"))
        if (
            self.lines is not None or self.byte_range is not None
        ) and self.object_type is not ObjectType.CONTENT:
            problems.append(("lines, bytes", "belong to contents only"))
        if self.lines is not None and self.byte_range is not None:
            problems.append(("lines, bytes", "exclude each other"))
        return problems

    def _is_core(self, *types: ObjectType) -> bool:
        return self.object_type in types and self == self.core

    @classmethod
    def of_content(cls, content: bytes) -> Swhid:
        """Identify file content; equal to the id of the git blob.

        >>> str(Swhid.of_content(b""))
        'swh:1:cnt:e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
        """
        digest = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
        digest.update(content)
        return cls(object_type=ObjectType.CONTENT, object_id=digest.hexdigest())

    @classmethod
    def of_digest(cls, digest: bytes) -> Swhid:
        """Name the content whose git SHA-1 is these 20 bytes."""
        return cls(object_type=ObjectType.CONTENT, object_id=digest.hex())

    @classmethod
    def parse(cls, text: str) -> Swhid:
        """Read a SWHID; raise :class:`ValueError` unless its core is well formed."""
        core, *qualifiers = text.split(";")
        matched = _CORE.fullmatch(core)
        if not matched:
            raise ValueError(f"not a SWHID: {core}")
        swhid = cls(object_type=ObjectType(matched[1]), object_id=matched[2])
        pairs = dict(reversed([q.split("=", 1) for q in qualifiers if "=" in q]))
        for name in _QUALIFIERS:
            if name in pairs:
                swhid = swhid._with_text(name, pairs[name])
        return swhid

    def _with_text(self, name: str, text: str) -> Swhid:
        """Add a qualifier as written; unchanged when it is invalid."""
        try:
            if name == "origin":
                return replace(self, origin=_unescape(text))
            if name == "path":
                return replace(self, path=_unescape(text))
            if name == "visit":
                return replace(self, visit=Swhid.parse(text))
            if name == "anchor":
                return replace(self, anchor=Swhid.parse(text))
            if name == "lines":
                return replace(self, lines=_parse_fragment(text))
            return replace(self, byte_range=_parse_fragment(text))
        except ValueError:
            return self

    @property
    def core(self) -> Swhid:
        """The same object without qualifiers."""
        return Swhid(object_type=self.object_type, object_id=self.object_id)

    @property
    def digest(self) -> bytes:
        """The 20 bytes of the object id."""
        return bytes.fromhex(self.object_id)

    def __str__(self) -> str:
        parts = [f"swh:1:{self.object_type}:{self.object_id}"]
        if self.origin is not None:
            parts.append(f"origin={_escape(self.origin, _NOT_IN_IRI)}")
        if self.visit is not None:
            parts.append(f"visit={self.visit}")
        if self.anchor is not None:
            parts.append(f"anchor={self.anchor}")
        if self.path is not None:
            parts.append(f"path={_escape(self.path, _NOT_IN_PATH)}")
        if self.lines is not None:
            parts.append(f"lines={self.lines}")
        if self.byte_range is not None:
            parts.append(f"bytes={self.byte_range}")
        return ";".join(parts)


_ANCHORS = (ObjectType.DIRECTORY, ObjectType.REVISION, ObjectType.RELEASE, ObjectType.SNAPSHOT)
_QUALIFIERS = ("origin", "visit", "anchor", "path", "lines", "bytes")


def is_uri(text: str) -> bool:
    """Whether a text starts with a URI scheme.

    >>> is_uri("https://github.com/psf/requests"), is_uri("requests")
    (True, False)
    """
    return _SCHEME.match(text) is not None


def _normalized(path: str) -> str:
    """Read surrogate escapes that spell UTF-8 as what they spell; raise :class:`ValueError` for others."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _escape(text: str, forbidden: re.Pattern[str]) -> str:
    """Percent-encode what may not stand in a qualifier, and bytes that are not UTF-8."""
    escaped = forbidden.sub(lambda m: f"%{ord(m[0]):02X}" if m[0] < "\x80" else m[0], text)
    return "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in escaped)


def _unescape(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "surrogateescape")


def _parse_fragment(text: str) -> Span:
    matched = _FRAGMENT.fullmatch(text)
    if not matched:
        raise ValueError(f"not a range: {text}")
    return Span(int(matched[1]), int(matched[2] or matched[1]))
