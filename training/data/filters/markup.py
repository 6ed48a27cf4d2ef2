"""Of markup: HTML must show something to read, XML must be more than a header (StarCoder, section 3.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape

from training.data.stage import Document, DropReason, Judged, judge_each

_XML_HEAD_CHARACTERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ByVisibleText:
    """Drop HTML with little text that a browser would show, and XML in files named as something else."""

    least_characters: int = 100
    least_share: float = 0.2
    name: str = "markup"

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge HTML by its visible text, others by whether they start as XML."""
        return judge_each(batch, self._refuse)

    def _refuse(self, document: Document) -> tuple[DropReason, str] | None:
        if document.language == "HTML":
            return self._refuse_html(document.text)
        starts_as_xml = "<?xml version=" in document.text[:_XML_HEAD_CHARACTERS]
        if starts_as_xml and document.language not in ("XML", "SVG", "XSLT"):
            return DropReason.DATA_FILE, f"XML in a file of {document.language}"
        return None

    def _refuse_html(self, text: str) -> tuple[DropReason, str] | None:
        visible = len(visible_text(text))
        if visible < self.least_characters or visible < self.least_share * len(text):
            return DropReason.LITTLE_VISIBLE_TEXT, f"{visible:,} of {len(text):,} characters"
        return None


def visible_text(html: str) -> str:
    """The text of a page without tags, comments, scripts and styles, white space as it is; never raises.

    What is open at the end is open to the end, as browsers read it, so every character is looked at once:
    readers that go back and look again take most of an hour for a megabyte that was made for them.
    """
    return _REFERENCE.sub(_character, _MARKUP.sub("", html))


_TAG_REST = r"""(?:[^>=]|=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))?+)*+(?:>|\Z)"""
"""Attributes, of which a quoted value may hold ``>``, to the end of the tag."""
_MARKUP = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))"
    rf"|<(script|style|template)\b{_TAG_REST}.*?(?:</\1\b{_TAG_REST}|\Z)"
    rf"|</?[a-z]{_TAG_REST}"
    r"|<[!?/][^>]*+(?:>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});?", re.IGNORECASE)


def _character(reference: re.Match[str]) -> str:
    return unescape(reference[0])
