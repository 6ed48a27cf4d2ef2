"""How a document writes its lines: their ends, and what indents them.

A model writes line feeds and, mostly, four spaces, whatever the document does; a suggestion is to look as if
its author had typed it. Only lines near the cursor are looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LINE_END = re.compile(r"\r\n|\n|\r")
TAB_COLUMNS = 4
"""What a tab counts for where nothing in the document says so."""
_NEAR_CHARACTERS = 16_384
_INDENTED = re.compile(r"^([ \t]+)\S", re.MULTILINE)
_INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)


def line_feeds(text: str) -> str:
    """End every line with a line feed."""
    return LINE_END.sub("\n", text) if "\r" in text else text


def indentation_of(line: str) -> str:
    """Answer the blanks that a line begins with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def columns(line: str) -> int:
    """How far a line is indented, in columns."""
    return len(indentation_of(line).expandtabs(TAB_COLUMNS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The line end and the indentation of the code around a cursor."""

    line_end: str = "\n"
    tabs: bool | None = None
    """Whether tabs indent; ``None`` where nothing is indented yet."""
    width: int = TAB_COLUMNS
    """Spaces of one level, where spaces indent."""

    @classmethod
    def around(cls, prefix: str, suffix: str) -> Layout:
        """Look at the lines around a cursor; where they differ, the line end just before it counts."""
        before, after = prefix[-_NEAR_CHARACTERS:], suffix[:_NEAR_CHARACTERS]
        indents = _INDENTED.findall(line_feeds(before + "|" + after))
        with_tabs = sum(indent[0] == "\t" for indent in indents)
        spaces = {len(indent) for indent in indents if indent[0] == " "} - {1}
        return cls(
            line_end=_last_end(before) or _first_end(after) or "\n",
            tabs=2 * with_tabs > len(indents) if indents else None,
            width=min(spaces, default=TAB_COLUMNS),
        )

    def indent(self, text: str, *, whole_lines: bool) -> str:
        """Indent the lines of an answer as the document does; its first one only if it is a whole one."""
        if self.tabs is None:
            return text
        first, newline, others = ("", "", text) if whole_lines else text.partition("\n")
        return first + newline + _INDENTATION.sub(lambda found: self._blanks(found[0]), others)

    def _blanks(self, indentation: str) -> str:
        if self.tabs and " " in indentation:
            levels, rest = divmod(len(indentation.expandtabs(TAB_COLUMNS)), TAB_COLUMNS)
            return "\t" * levels + " " * rest
        return indentation if self.tabs else indentation.expandtabs(self.width)

    def end_lines(self, text: str) -> str:
        """End the lines of a text, which have line feeds, as the document does."""
        return text if self.line_end == "\n" else text.replace("\n", self.line_end)


def _first_end(text: str) -> str:
    found = LINE_END.search(text)
    return found[0] if found else ""


def _last_end(text: str) -> str:
    last = max(text.rfind("\n"), text.rfind("\r"))
    return "" if last < 0 else "\r\n" if text[max(0, last - 1) : last + 1] == "\r\n" else text[last]
