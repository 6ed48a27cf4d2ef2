"""Files cut into pieces that can stand in a prompt by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

MOST_LINES = 24
_DEFINITION = re.compile(r"(?m)^(?=[^\s#)\]}/*])")
"""Before a line that is not indented and closes nothing: where something new may begin."""
_WORD = re.compile(r"[A-Za-z_]\w+")
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_LEAST_PART = 3


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Lines of a file. Without slots, because what is found out about it is kept with it."""

    path: str
    """As the prompt names it: relative to the workspace, with forward slashes."""
    first_line: int
    """From 0."""
    text: str

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """What it speaks of, as often as it does."""
        return terms_of(self.text)


def cut(path: str, text: str) -> tuple[Piece, ...]:
    """Part a file at its definitions, small ones together, large ones every :data:`MOST_LINES` lines."""
    pieces: list[Piece] = []
    line = 0
    for block in _joined(_DEFINITION.split(text)):
        if block.strip():
            pieces.append(Piece(path=path, first_line=line, text=block))
        line += block.count("\n")
    return tuple(pieces)


def _joined(blocks: list[str]) -> Iterator[str]:
    """Blocks of at most :data:`MOST_LINES` lines; together they are the whole text."""
    held = ""
    for block in blocks:
        lines = block.splitlines(keepends=True)
        if held and held.count("\n") + len(lines) > MOST_LINES:
            yield held
            held = ""
        while len(lines) > MOST_LINES:
            yield "".join(lines[:MOST_LINES])
            lines = lines[MOST_LINES:]
        held += "".join(lines)
    yield held


def terms_of(text: str) -> tuple[str, ...]:
    """Identifiers in small letters, and the words that they are made of.

    >>> terms_of("readHeader(raw_line)")
    ('readheader', 'read', 'header', 'raw_line', 'raw', 'line')
    """
    found: list[str] = []
    for word in _WORD.findall(text):
        parts = [part.lower() for part in _PART.findall(word) if len(part) >= _LEAST_PART]
        found.append(word.lower())
        found += parts if len(parts) > 1 else ()
    return tuple(found)
