"""The description in a Python package's metadata (PyPA): its readme, for wheels carry no other."""

from __future__ import annotations

import re

_FIELD = re.compile(
    rb"^(Description(?:-Content-Type)?):[ \t]*(.*(?:\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE
)
_FOLDED = re.compile(rb"\n(?: {7}\|| {8}|[ \t])")
_LANGUAGES = {"text/markdown": "Markdown", "text/plain": "Text", "text/x-rst": "reStructuredText"}


def description_of(content: bytes) -> tuple[bytes, str]:
    """The description and its language; empty where there is none. Fields such as authors are left behind.

    It is the body of the message, or before version 2.1 of the specification a folded field.
    """
    head, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    fields = {match[1].lower(): match[2] for match in _FIELD.finditer(head)}
    kind = fields.get(b"description-content-type", b"").partition(b";")[0].strip().decode("ascii", "replace")
    folded = _FOLDED.sub(b"\n", fields.get(b"description", b""))
    return body or folded, _LANGUAGES.get(kind.lower(), "reStructuredText")
