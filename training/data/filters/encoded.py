r"""Encoded data: base64, lists of bytes, escapes of Unicode (StarCoder2, section 2.1; the-stack-v2's code).

The published expressions are slow on ordinary code (Python's ``re`` looks again at each character). So what
they could match is sought first in a coarse form of the text, one byte a character, in which every character
of a class is the same; a text without any such place is clean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from training.data.stage import Document, DropReason, Judged, judge_each

_BASE64 = re.compile(r"[a-zA-Z0-9+/\n=]{64,}")
_BYTES = re.compile(r"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}")
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4}){8,}")

_SPACES = b" \t\r\n\v\f\x1c\x1d\x1e\x1f"
_WIDE_SPACES = re.compile(r"[^\S\x00-\x7f]")
_BASE64_CLASS = bytes(
    ord("a") if chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "+/=\n") else ord(" ")
    for byte in range(256)
)
_BASE64_RUN = b"a" * 64
_DENSE_CLASS = bytes(ord("a") if byte in b"0123456789abcdefABCDEF,x\\" else ord(" ") for byte in range(256))
_DENSE_RUN = b"a" * 16
"""Eight bytes in hexadecimal, white space left out."""


class Share(NamedTuple):
    """How much of a text is encoded data."""

    longest: int
    """Characters of the longest match."""
    total: int
    """Characters that any expression matches; those that several match count once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByEncodedData:
    """Drop texts with a long stretch of encoded data, or that consist of it."""

    most_characters: int = 1_024
    """Of one match."""
    most_share: float = 0.5
    """Of the text, all matches together."""
    name: str = "encoded data"

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge by the text."""
        return judge_each(batch, self._refuse)

    def _refuse(self, document: Document) -> tuple[DropReason, str] | None:
        share = encoded_share(document.text)
        if share.longest > self.most_characters:
            return DropReason.ENCODED_DATA, f"{share.longest:,} characters at a stretch"
        if share.total > self.most_share * len(document.text):
            return DropReason.ENCODED_DATA, f"{share.total / len(document.text):.0%} of the text"
        return None


def encoded_share(text: str) -> Share:
    """Measure all expressions together."""
    spans = sorted(match.span() for expression in _suspects(text) for match in expression.finditer(text))
    total = covered = 0
    for start, end in spans:
        total += max(0, end - max(start, covered))
        covered = max(covered, end)
    return Share(longest=max((end - start for start, end in spans), default=0), total=total)


def _suspects(text: str) -> list[re.Pattern[str]]:
    """The expressions that may match a text; never too few."""
    plain = text if text.isascii() else _WIDE_SPACES.sub(" ", text)
    coarse = plain.encode("ascii", "replace")
    found = []
    if _BASE64_RUN in coarse.translate(_BASE64_CLASS):
        found.append(_BASE64)
    if _DENSE_RUN in coarse.translate(_DENSE_CLASS, _SPACES):
        found.append(_BYTES)
    if text.count("\\u") >= 8:
        found.append(_ESCAPES)
    return found
