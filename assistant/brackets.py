"""How an answer fits the brackets around it: which of them it may close, and whether it must leave one open.

Languages are not told apart: what is a string or a comment in most of them does not count. Where the code
around the cursor does not say enough, everything is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from assistant.layout import columns, line_feeds

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_LONGEST_BEFORE, _LONGEST_AFTER = 8_192, 4_096
"""Characters around the cursor that are looked at."""
_LEVELS = 3
"""Lines that enclose one another and the cursor, of which the outermost is where looking begins."""
_TOKEN = re.compile(
    r'"{3}(?:\\.|[^\\])*?(?:"{3}|\Z)|\'{3}(?:\\.|[^\\])*?(?:\'{3}|\Z)'  # the strings of several lines
    r'|"(?:\\.|[^"\\\n])*"?|\'(?:\\.|[^\'\\\n])*\'|`(?:\\.|[^`\\])*`'  # a lone ' is no string: &'a, don't
    r"|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)|(?<![\\:])//[^\n]*|(?<!\S)\#[^\n]*"
    r"|\\.|[()\[\]{}]",  # what is escaped belongs to a pattern
    re.DOTALL,
)
_BEGINS_NOTHING = re.compile(r"[\r\n#)\]}]|end\b")
_LINE = re.compile(r"[^\n]*\n?")


@dataclass(frozen=True, slots=True)
class _Bracket:
    character: str
    position: int
    column: int
    """Of the line in which it stands: how far that is indented."""
    begins_line: bool

    @property
    def opens(self) -> bool:
        return self.character in _PAIRS

    def is_closed_by(self, other: _Bracket) -> bool:
        """Whether a bracket is of the kind that closes this one."""
        return _PAIRS.get(self.character) == other.character


def fit_brackets(text: str, before: str, after: str) -> str:
    r"""Cut an answer where it closes a bracket that the code after it closes already, or that nothing opened.

    Where the code after a line closes a bracket that the line has yet to open, an answer of one line is cut
    behind the one that it opens. ``text`` has line feeds; blocks of several lines end by their indentation,
    so it is for answers of one line, and for those inside one.

    >>> fit_brackets("a, b) == 0:", "f(", ",\n  c)")
    'a, b'
    >>> fit_brackets("__(self) -> None:", "def __init", "\n    self,\n) -> None:\n")
    '__('
    """
    if not any(character in "()[]{}" for character in text):
        return text
    start = _start(before)
    if start is None:
        return text
    head = line_feeds(before[start:])
    tail = _statement_after(head, line_feeds(after[:_LONGEST_AFTER]))
    found = list(_brackets(head + text + tail))
    end = len(head) + len(text)
    _, openers = _unmatched(bracket for bracket in found if bracket.position < len(head))
    closers, _ = _unmatched(bracket for bracket in found if bracket.position >= end)
    own = [bracket for bracket in found if len(head) <= bracket.position < end]
    cut = _end_of_fit(own, openers, closers)
    surplus = _surplus(openers, closers)
    if cut is None and surplus:
        cut = _behind_opener(own, closers[-surplus], head, tail)
    return text if cut is None else text[: cut - len(head)]


def _start(before: str) -> int | None:
    """Find the line that begins what encloses the cursor, some levels out; ``None`` inside a string.

    A line encloses those that follow and are deeper. The cursor's own line, while nothing or only brackets
    that close are in it, may close what began as far out as it can be.
    """
    start = line = _start_of_line(before, len(before))
    is_open = before[line:].strip(" \t)]}") == ""
    column, levels = len(before) if is_open else columns(before[line:]), 0
    nearest = max(0, len(before) - _LONGEST_BEFORE)
    while line > nearest and column and (is_open or levels < _LEVELS):
        line = _start_of_line(before, line - 1)
        code = before[line:start].lstrip(" \t")
        if not _BEGINS_NOTHING.match(code) and columns(before[line:start]) < column:
            start, column, levels = line, columns(before[line:start]), levels + 1
    quotes = max(before.count(mark, 0, start) for mark in ('"""', "'''"))
    return None if quotes % 2 else start


def _statement_after(head: str, after: str) -> str:
    """Take the lines that can belong to the statement: up to the next one that is no deeper."""
    least = columns(head)
    end = after.find("\n") + 1 or len(after)
    for found in _LINE.finditer(after, end):
        code, column = found[0].strip(), columns(found[0])
        if code and (column < least or (column == least and code[0] not in ")]}")):
            break
        end = found.end()
    return after[:end]


def _start_of_line(text: str, position: int) -> int:
    return max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1


def _brackets(code: str) -> Iterator[_Bracket]:
    """Find the brackets of a text that stand in no string and no comment."""
    for found in _TOKEN.finditer(code):
        if len(found[0]) == 1 and found[0] in "()[]{}":
            line = code[code.rfind("\n", 0, found.start()) + 1 : found.end()]
            yield _Bracket(found[0], found.start(), columns(line), line.lstrip() == found[0])


def _unmatched(brackets: Iterable[_Bracket]) -> tuple[list[_Bracket], list[_Bracket]]:
    """Brackets that close what was not opened, and those that are left open, in their order."""
    closers: list[_Bracket] = []
    openers: list[_Bracket] = []
    for bracket in brackets:
        if bracket.opens:
            openers.append(bracket)
        elif openers and openers[-1].is_closed_by(bracket):
            openers.pop()
        else:
            closers.append(bracket)
    return closers, openers


def _surplus(openers: Sequence[_Bracket], closers: Sequence[_Bracket]) -> int:
    """How many brackets behind the cursor close nothing, when they close as many before it as they can.

    What the code after the cursor leaves open are the innermost ones, which are still to be closed.
    """
    for outer in range(len(openers), 0, -1):
        if outer <= len(closers) and all(map(_Bracket.is_closed_by, openers[outer - 1 :: -1], closers)):
            return len(closers) - outer
    return len(closers)


def _end_of_fit(
    own: Sequence[_Bracket], openers: Sequence[_Bracket], closers: Sequence[_Bracket]
) -> int | None:
    """Find the first bracket of an answer that closes nothing, or the last that takes another's opener."""
    most = _surplus(openers, closers)
    stack = list(openers)
    fitting: int | None = None
    for bracket in own:
        if bracket.opens:
            stack.append(bracket)
            continue
        if _surplus(stack, closers) <= most:
            fitting = bracket.position
        if not stack or not stack[-1].is_closed_by(bracket):
            return bracket.position
        stack.pop()
    return None if _surplus(stack, closers) <= most else fitting


def _behind_opener(own: Sequence[_Bracket], closer: _Bracket, head: str, tail: str) -> int | None:
    """Find the end of the last outermost bracket of an answer that has to stay open for ``closer``."""
    line, _, following = tail.partition("\n")
    column = columns(head[head.rfind("\n") + 1 :])
    is_next = closer.begins_line and closer.column == column < columns(following.lstrip("\n"))
    if line.strip() or not is_next or _unmatched(own)[1]:
        return None
    depth, last = 0, None
    for bracket in own:
        if not depth and bracket.is_closed_by(closer):
            last = bracket.position + 1
        depth += 1 if bracket.opens else -1
    return last
