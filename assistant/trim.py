"""What is kept of a model's answer: pure functions from text to text.

Two questions, asked of the same place in a document: is the answer already complete, so that generating
can end; and which part of it belongs into the document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from assistant.brackets import fit_brackets
from assistant.layout import Layout, columns, indentation_of, line_feeds

_OPENS_BLOCK = re.compile(r"(?:[:{(\[]|=>|->|\b(?:then|do|else|begin))$")
_COMMENT = ("#", "//", "--", "*", "/*", ";")
_OPENING, _CLOSING = "([{", ")]}"
_QUOTES = "\"'`"
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_WORD = re.compile(r"\w")
_SIGNIFICANT_CHARACTERS = 3
_LONGEST_OPENING = 8
_LONGEST_LINE = 1000
"""Characters of a line in which brackets are counted; a longer one is data."""
_LOOPS, _LONG_LOOPS = 6, 3
"""Times that the same characters follow upon themselves before that is taken for a loop; fewer if many do."""
_MIN_LOOP_CHARACTERS, _MANY_CHARACTERS, _MAX_LOOP_CHARACTERS = 2, 40, 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The place that is filled in, and how far an answer may reach. Its lines may end in any way."""

    prefix: str
    suffix: str
    multiline: bool
    max_lines: int = 24

    @property
    def line_before(self) -> str:
        """The cursor's line, up to the cursor."""
        return self.prefix[max(self.prefix.rfind("\n"), self.prefix.rfind("\r")) + 1 :]

    @property
    def line_above(self) -> str:
        """The last line before the cursor's that is not blank; empty if there is none."""
        above = self.prefix[: len(self.prefix) - len(self.line_before)].rstrip()
        return above[max(above.rfind("\n"), above.rfind("\r")) + 1 :]

    @property
    def line_after(self) -> str:
        """The rest of the cursor's line."""
        return _first_line(self.suffix)


def begins_block(prefix: str, suffix: str) -> bool:
    """Whether more than one line is likely to be wanted here.

    That is so on a blank line, and at the end of a line that opens a block; never inside a line.
    """
    gap = Gap(prefix=prefix, suffix=suffix, multiline=True)
    if gap.line_after.strip(_CLOSING + " \t,;:\"'"):
        return False
    before = gap.line_before.strip()
    return not before or _opens_block(before)


def is_complete(text: str, gap: Gap) -> bool:
    """Whether nothing that is generated after ``text`` could be kept."""
    return _end_of_answer(line_feeds(text), gap) is not None


def end_of_sense(text: str) -> int | None:
    """Find where a text began to repeat itself, as small models do; ``None`` while it does not.

    Asked after each token: only what the text ends with is looked at.

    >>> end_of_sense("path." * 6), end_of_sense("-" * 80), end_of_sense("0, 1, 0, 1, 0, 0, 1")
    (5, None, None)
    """
    for size in range(_MIN_LOOP_CHARACTERS, _MAX_LOOP_CHARACTERS + 1):
        times = _LOOPS if size < _MANY_CHARACTERS else _LONG_LOOPS
        if size * times > len(text):
            continue
        unit = text[-size:]
        if text.endswith(unit * times) and _WORD.search(unit):
            start = len(text) - size * times
            while text.startswith(unit, start - size) and start >= size:
                start -= size
            return _start_of_word(text, start + size)
    return None


def _start_of_word(text: str, position: int) -> int:
    """Go back from the inside of a word to its start."""
    if _is_word(text[position : position + 1]):
        while position and _is_word(text[position - 1]):
            position -= 1
    return position


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def trim(text: str, gap: Gap, *, finished: bool) -> str:
    """Cut an answer to what belongs into the gap; empty if that is nothing worth showing.

    ``finished`` is ``False`` when the answer was broken off by a limit: then a line or word that may be
    half is left out. Lines end and are indented as in the document.
    """
    text = line_feeds(text)
    end = _end_of_answer(text, gap)
    text = text[:end] if finished or end is not None else _drop_half(text, gap)
    layout = Layout.around(gap.prefix, gap.suffix)
    text = layout.indent(_drop_surplus_indentation(text, gap), whole_lines=not gap.line_before)
    text = _drop_repeated_lines(text, gap)
    text = _drop_repeated_rest(text, gap)
    text = fit_brackets(text, gap.prefix, gap.suffix) if "\n" not in text or gap.line_after else text
    text = _drop_overlap(text, gap).rstrip()
    return "" if _says_nothing_new(text, gap) else layout.end_lines(text)


def _says_nothing_new(text: str, gap: Gap) -> bool:
    """Whether it is blank, stands behind the cursor already, or is the line above once more."""
    if not text.strip() or text == gap.line_after.rstrip():
        return True
    line = (gap.line_before + text + gap.line_after).strip()
    return line == gap.line_above.strip() and len(_WORD.findall(line)) >= _SIGNIFICANT_CHARACTERS


def _end_of_answer(text: str, gap: Gap) -> int | None:
    """Find where the answer ends by itself: with its line, or with its block."""
    if not gap.multiline:
        newline = text.find("\n")
        return None if newline < 0 else newline
    return _end_of_block(text, gap)


def _first_line(text: str) -> str:
    ends = [end for end in (text.find("\n"), text.find("\r")) if end >= 0]
    return text[: min(ends)] if ends else text


def _end_of_block(text: str, gap: Gap) -> int | None:
    """Find the first line that belongs to an outer block, or is one too many.

    Only lines whose end is known count, unless their indentation or first bracket alone decides.
    """
    floor = _block_floor(gap)
    position, blank_lines, depth = 0, 0, max(0, _depth(gap.line_before))
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if number >= gap.max_lines:
            return position - 1
        is_last = number == len(lines) - 1
        if number > 0 and line.strip() and _is_outside(line, floor, depth):
            return position - 1
        blank_lines = 0 if line.strip() or number == 0 else blank_lines + 1
        if blank_lines > 1 and not is_last:
            return position - 1
        depth += _depth(line)
        position += len(line) + 1
    return None


def _block_floor(gap: Gap) -> int:
    """Columns of indentation that a line needs to belong to the block at the cursor."""
    before, above = gap.line_before, gap.line_above
    own = columns(before)
    if before.strip():
        return own + 1 if _opens_block(before) else own
    return columns(above) + 1 if own <= columns(above) and _opens_block(above) else own


def _opens_block(line: str) -> bool:
    """Whether a block begins behind a line; a comment that ends in a colon begins none."""
    line = line.strip()
    return not line.startswith(_COMMENT) and _OPENS_BLOCK.search(line[-_LONGEST_OPENING:]) is not None


def _is_outside(line: str, floor: int, depth: int) -> bool:
    """Whether a line belongs to an outer block, by its indentation or because it closes that one.

    A bracket one column further out than the block closes what the cursor's line opened.
    """
    own, code = columns(line), line.strip()
    closing = len(code) - len(code.lstrip(_CLOSING))
    return (own < floor and not (closing and own == floor - 1)) or closing > max(depth, own == floor - 1)


def _depth(line: str) -> int:
    """How many brackets a line opens, less those that it closes; what is quoted does not count."""
    code = _QUOTED.sub("", line) if len(line) <= _LONGEST_LINE else ""
    return sum((character in _OPENING) - (character in _CLOSING) for character in code)


def _drop_half(text: str, gap: Gap) -> str:
    """Leave out what the limit broke off: the last line of several, or the last word of one."""
    if gap.multiline and "\n" in text.strip("\n"):
        return text[: text.rindex("\n")]
    return text[: len(text) - _trailing_word(text)]


def _trailing_word(text: str) -> int:
    """How many characters of a word a text ends with."""
    return next(
        (count for count, character in enumerate(reversed(text)) if not _is_word(character)), len(text)
    )


def _drop_surplus_indentation(text: str, gap: Gap) -> str:
    """Take back what the answer indents although the cursor is indented already, in all of its lines."""
    surplus = indentation_of(text)
    first = text.split("\n", 1)[0]
    if not surplus or not gap.line_before or gap.line_before.strip() or not first.strip():
        return text
    if _opens_block(gap.line_above) and columns(gap.line_before) <= columns(gap.line_above):
        return text
    whole = gap.line_before + surplus
    lines = [line for line in text.split("\n")[1:] if line.strip()]
    if lines and all(line.startswith(whole) for line in lines):
        text = text.replace("\n" + whole, "\n" + gap.line_before)
    return text[len(surplus) :]


def _drop_repeated_lines(text: str, gap: Gap) -> str:
    """Cut where the answer runs into the lines that already stand after the cursor."""
    following = [line.rstrip() for line in line_feeds(gap.suffix).split("\n")[1:] if line.strip()]
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


def _drop_overlap(text: str, gap: Gap) -> str:
    """Cut what the answer ends with and the rest of the line begins with: a quote, or several words."""
    rest = gap.line_after
    if "\n" in text or not rest:
        return text
    if rest[0] in _QUOTES and text.endswith(rest[0]):
        return text if (gap.line_before + text).count(rest[0]) % 2 else text[:-1]
    for size in range(min(len(text), len(rest)) - 1, _SIGNIFICANT_CHARACTERS - 1, -1):
        shared = rest[:size]
        starts_word = not (_is_word(shared[0]) and _is_word(text[-size - 1 : -size] or " "))
        if text.endswith(shared) and starts_word and len(_WORD.findall(shared)) >= _SIGNIFICANT_CHARACTERS:
            return text[:-size]
    return text


def _is_balanced(text: str) -> bool:
    """Whether every bracket that the text closes was opened in it."""
    depth = 0
    for character in text:
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth < 0:
            return False
    return True
