"""Positions: from an editor's lines and code units to characters of a text, and back.

The specification (LSP 3.18, "Position" and "Text Documents") ends lines at LF, CR LF and CR only, while
``str.splitlines`` also ends them at form feeds and at Unicode's separators, and has a column beyond the end
of a line mean the end of that line. A document that disagrees with its editor about either drifts apart
from it with every edit.
"""

from __future__ import annotations

import re
from bisect import bisect_right

import numpy as np
from lsprotocol.types import Position, PositionEncodingKind, Range

_LINE_FEED = ord("\n")
_LINE_END = re.compile(r"\r\n|\n|\r")
_LONE_CARRIAGE_RETURN = re.compile(r"\r(?!\n)")
_CONTINUATION = bytes(range(0x80, 0xC0))
"""The bytes of UTF-8 that begin no character."""
_FIRST_PAIR = "\U00010000"
"""From here on a character takes two units of UTF-16."""


def units(text: str, encoding: PositionEncodingKind) -> int:
    """Count the code units of a text.

    >>> [units("a\N{DUCK}", kind) for kind in (PositionEncodingKind.Utf8, PositionEncodingKind.Utf16)]
    [5, 3]
    """
    if encoding is PositionEncodingKind.Utf32 or text.isascii():
        return len(text)
    if encoding is PositionEncodingKind.Utf8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def count_line_ends(text: str) -> int:
    """Count what ends lines for an editor."""
    return sum(1 for _ in _LINE_END.finditer(text))


def line_feeds_only(text: str) -> str:
    """Make every line of an editor one of the tracer, which counts line feeds; nothing else changes."""
    return _LONE_CARRIAGE_RETURN.sub("\n", text) if "\r" in text else text


def column(line: str, character: int, encoding: PositionEncodingKind) -> int:
    """Convert a column in code units to one in characters.

    A column beyond the line is its end; one inside of a character is the start of that character.
    """
    character = max(0, character)
    if encoding is PositionEncodingKind.Utf8:
        return _column_of_byte(line.encode("utf-8", "surrogatepass"), character)
    if encoding is PositionEncodingKind.Utf32 or units(line, encoding) == len(line):
        return min(character, len(line))
    seen = 0
    for index, symbol in enumerate(line[: character + 1]):
        seen += 1 + (symbol >= _FIRST_PAIR)
        if seen > character:
            return index
    return len(line)


def _column_of_byte(line: bytes, byte: int) -> int:
    """Characters of UTF-8 that end before a byte, which are those that begin before it but for a cut one."""
    is_inside = byte < len(line) and line[byte] in _CONTINUATION
    return len(line[:byte].translate(None, _CONTINUATION)) - is_inside


def _split_at_all_ends(text: str) -> tuple[list[int], list[int]]:
    """Answer where each line starts, and where it ends before its line end."""
    ends = list(_LINE_END.finditer(text))
    return [0, *(end.end() for end in ends)], [*(end.start() for end in ends), len(text)]


def _split_at_line_feeds(text: str) -> tuple[list[int], list[int]]:
    """Do the same six times faster; a table of a long document is made at every keystroke."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    ends: list[int] = np.flatnonzero(codes == _LINE_FEED).tolist()
    return [0, *(end + 1 for end in ends)], [*ends, len(text)]


class LineTable:
    """The lines of a text, for conversions between positions and offsets."""

    def __init__(self, text: str, encoding: PositionEncodingKind) -> None:
        self._text = text
        self._encoding = encoding
        self._starts, self._ends = _split_at_all_ends(text) if "\r" in text else _split_at_line_feeds(text)

    def __len__(self) -> int:
        """At least 1: an empty text has one empty line."""
        return len(self._starts)

    def line(self, number: int) -> str:
        """Answer a line, counted from 0, without its end; empty beyond the text."""
        if not 0 <= number < len(self):
            return ""
        return self._text[self._starts[number] : self._ends[number]]

    def offset(self, position: Position) -> int:
        """Convert a position to characters from the start; beyond the text is its end."""
        if position.line >= len(self):
            return len(self._text)
        line = max(0, position.line)
        return self._starts[line] + column(self.line(line), position.character, self._encoding)

    def position(self, offset: int) -> Position:
        """Convert characters from the start to a position."""
        offset = min(max(0, offset), len(self._text))
        line = bisect_right(self._starts, offset) - 1
        end = min(offset, self._ends[line])
        return Position(line=line, character=units(self._text[self._starts[line] : end], self._encoding))

    def clipped(self, place: Range) -> Range:
        """Answer a range whose ends lie in the text."""
        return Range(start=self.position(self.offset(place.start)), end=self.position(self.offset(place.end)))

    def range_of_lines(self, first: int, last: int) -> Range:
        """Answer the range of whole lines, counted from 1, both included; clipped to the text."""
        top = min(max(1, first), len(self)) - 1
        bottom = min(max(first, last), len(self)) - 1
        end = units(self.line(bottom), self._encoding)
        return Range(start=Position(line=top, character=0), end=Position(line=bottom, character=end))
