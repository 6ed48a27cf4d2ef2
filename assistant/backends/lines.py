"""Text turned into ids line by line, so that whoever types on one line pays for that line alone.

Nothing is joined across a line end that follows a character which is no blank: GPT-2's pattern, by which the
StarCoder family parts texts before it joins bytes, begins a new piece there. So the ids of the lines are
those of the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

_END_OF_LINE = re.compile(r"(?<=\S)(?=\r?\n)")
MOST_LINES = 1 << 14


class LineTokens:
    """The ids of the latest lines; belongs to one thread at a time."""

    def __init__(self, tokenize: Callable[[str], Sequence[int]], piece: Callable[[int], bytes]) -> None:
        """``piece`` answers the bytes of a token."""
        self._tokenize, self._piece = tokenize, piece
        self._known: dict[str, tuple[int, ...]] = {}
        """The oldest first."""

    def ids(self, text: str) -> list[int]:
        """Turn a text into ids; lines that were met lately are not tokenised again."""
        found: list[int] = []
        for is_known, lines in groupby(lines_of(text), key=self._known.__contains__):
            for ids in map(self._met, lines) if is_known else [self._learnt(list(lines))]:
                found += ids
        while len(self._known) > MOST_LINES:
            del self._known[next(iter(self._known))]
        return found

    def _met(self, line: str) -> Sequence[int]:
        ids = self._known[line] = self._known.pop(line)
        return ids

    def _learnt(self, lines: Sequence[str]) -> Sequence[int]:
        """Tokenise new lines at once, which is three times faster than one by one, and remember each.

        In a vocabulary that joins across lines what follows the first such token is not remembered.
        """
        ids = self._tokenize("".join(lines))
        start = 0
        for line in lines:
            end, room = start, len(line.encode("utf-8", "replace"))
            while room > 0 and end < len(ids):
                room, end = room - len(self._piece(ids[end])), end + 1
            if room != 0:
                break
            self._known[line] = tuple(ids[start:end])
            start = end
        return ids


def lines_of(text: str) -> list[str]:
    r"""Part a text before the ends of its lines, blank lines together with the line below them.

    >>> lines_of("a = 1\nb\n\n    c")
    ['a = 1', '\nb', '\n\n    c']
    """
    return _END_OF_LINE.split(text)


def end_of_last_line(text: str) -> int:
    r"""Where the text parts for the last time; 0 where it does not.

    >>> end_of_last_line("a = 1\nb\n\n    c"), end_of_last_line("\n\na")
    (7, 0)
    """
    end = len(text)
    while (end := text.rfind("\n", 0, end)) > 0:
        at = end - 1 if text[end - 1] == "\r" else end
        if at and not text[at - 1].isspace():
            return at
    return 0


def batches_of(text: str, characters: int) -> Iterator[str]:
    """The text in parts of whole lines, each of so many characters or of one longer line."""
    held: list[str] = []
    room = characters
    for line in lines_of(text):
        if held and len(line) > room:
            yield "".join(held)
            held, room = [], characters
        held.append(line)
        room -= len(line)
    yield "".join(held)
