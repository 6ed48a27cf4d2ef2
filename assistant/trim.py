"""What is kept of a model's answer: pure functions from text to text.

Two questions, asked of the same place in a document: is the answer already complete, so that generating
can end; and which part of it belongs into the document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPENS_BLOCK = re.compile(r"(?:[:{(\[]|=>|->|\bthen|\bdo)\s*$")
_OPENING, _CLOSING = "([{", ")]}"
_WORD = re.compile(r"\w")
_TRAILING_WORD = re.compile(r"\w+$")
_TAB_COLUMNS = 4
_SIGNIFICANT_CHARACTERS = 3
_LOOPS = 6
"""Times that the same characters follow upon themselves before that is taken for a loop."""
_MIN_LOOP_CHARACTERS, _MAX_LOOP_CHARACTERS = 2, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The place that is filled in, and how far an answer may reach."""

    prefix: str
    suffix: str
    multiline: bool
    max_lines: int = 24

    @property
    def line_before(self) -> str:
        """The cursor's line, up to the cursor."""
        return self.prefix.rsplit("\n", 1)[-1]

    @property
    def line_after(self) -> str:
        """The rest of the cursor's line."""
        return self.suffix.split("\n", 1)[0].rstrip("\r")


def begins_block(prefix: str, suffix: str) -> bool:
    """Whether more than one line is likely to be wanted here.

    That is so on a blank line, and at the end of a line that opens a block; never inside a line.
    """
    gap = Gap(prefix=prefix, suffix=suffix, multiline=True)
    if gap.line_after.strip(_CLOSING + " \t,;:\"'"):
        return False
    before = gap.line_before.strip()
    return not before or _OPENS_BLOCK.search(before) is not None


def is_complete(text: str, gap: Gap) -> bool:
    """Whether nothing that is generated after ``text`` could be kept."""
    return _end_of_answer(text, gap) is not None


def end_of_sense(text: str) -> int | None:
    """Find where a text began to repeat itself, as small models do; ``None`` while it does not.

    Asked after each token: only what the text ends with is looked at.

    >>> end_of_sense("path." * 6), end_of_sense("-" * 80), end_of_sense("0, 1, 0, 1, 0, 0, 1")
    (5, None, None)
    """
    for size in range(_MIN_LOOP_CHARACTERS, _MAX_LOOP_CHARACTERS + 1):
        unit = text[-size:]
        if _WORD.search(unit) and text.endswith(unit * _LOOPS):
            start = len(text) - size * _LOOPS
            while text.startswith(unit, start - size) and start >= size:
                start -= size
            return start + size
    return None


def trim(text: str, gap: Gap, *, finished: bool) -> str:
    """Cut an answer to what belongs into the gap; empty if that is nothing worth showing.

    ``finished`` is ``False`` when the answer was broken off by a limit: then a line or word that may be
    half is left out.
    """
    end = _end_of_answer(text, gap)
    if end is not None:
        text = text[:end]
    elif not finished:
        text = _drop_half(text, gap)
    text = _drop_repeated_lines(text, gap)
    text = _drop_repeated_rest(text, gap)
    text = _drop_unopened_brackets(text, gap) if gap.line_after else text
    text = text.rstrip()
    return text if text.strip() and not gap.suffix.startswith(text + "\n") else ""


def _end_of_answer(text: str, gap: Gap) -> int | None:
    """Find where the answer ends by itself: with its line, or with its block."""
    if not gap.multiline:
        newline = text.find("\n")
        return None if newline < 0 else newline
    return _end_of_block(text, gap)


def _end_of_block(text: str, gap: Gap) -> int | None:
    """Find the first line that belongs to an outer block, or is one too many.

    Only lines whose end is known count, unless their indentation alone decides.
    """
    floor = _block_floor(gap)
    position, blank_lines = 0, 0
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if number >= gap.max_lines:
            return position - 1
        is_last = number == len(lines) - 1
        if number > 0 and line.strip() and _columns(line) < floor and not _closes(line, floor):
            return position - 1
        blank_lines = 0 if line.strip() or number == 0 else blank_lines + 1
        if blank_lines > 1 and not is_last:
            return position - 1
        position += len(line) + 1
    return None


def _block_floor(gap: Gap) -> int:
    """Columns of indentation that a line needs to belong to the block at the cursor."""
    before = gap.line_before
    if not before.strip():
        return _columns(before + "x")
    own = _columns(before)
    return own + 1 if _OPENS_BLOCK.search(before) else own


def _closes(line: str, floor: int) -> bool:
    """Whether the line only closes the block, as a bracket one level further out does."""
    return line.strip()[0] in _CLOSING and _columns(line) == floor - 1


def _columns(line: str) -> int:
    indentation = line[: len(line) - len(line.lstrip(" \t"))]
    return len(indentation.expandtabs(_TAB_COLUMNS))


def _drop_half(text: str, gap: Gap) -> str:
    """Leave out what the limit broke off: the last line of several, or the last word of one."""
    if gap.multiline and "\n" in text.strip("\n"):
        return text[: text.rindex("\n")]
    return _TRAILING_WORD.sub("", text)


def _drop_repeated_lines(text: str, gap: Gap) -> str:
    """Cut where the answer runs into the lines that already stand after the cursor."""
    following = [line.rstrip() for line in gap.suffix.split("\n")[1:] if line.strip()]
    if not following:
        return text
    lines = text.split("\n")
    for number, line in enumerate(lines):
        whole = line if number else gap.line_before + line + gap.line_after
        if whole.rstrip() != following[0]:
            continue
        rest = [other.rstrip() for other in lines[number:] if other.strip()]
        is_significant = len(_WORD.findall(whole)) >= _SIGNIFICANT_CHARACTERS
        if is_significant or (number and rest == following[: len(rest)]):
            return "\n".join(lines[:number])
    return text


def _drop_repeated_rest(text: str, gap: Gap) -> str:
    """Cut what repeats the rest of the cursor's line."""
    rest = gap.line_after.strip()
    if not rest:
        return text
    first, newline, others = text.partition("\n")
    first = first.rstrip() if not newline else first
    if first.endswith(rest) and not newline and not (rest[0] in _CLOSING and _is_balanced(first)):
        return first[: -len(rest)]
    found = first.find(rest) if len(_WORD.findall(rest)) >= _SIGNIFICANT_CHARACTERS else -1
    return first[:found] if found >= 0 else first + newline + others


def _is_balanced(text: str) -> bool:
    """Whether every bracket that the text closes was opened in it."""
    depth = 0
    for character in text:
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth < 0:
            return False
    return True


def _drop_unopened_brackets(text: str, gap: Gap) -> str:
    """Cut at a closing bracket that the answer never opened and that the line already has."""
    depth = 0
    for position, character in enumerate(text):
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
            if depth < 0 and gap.line_after.lstrip().startswith(character):
                return text[:position]
    return text
