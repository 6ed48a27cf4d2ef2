"""What is kept of accepted lines, so that they can be found again: hashes of 16 and 8 bits, no text.

A line is sketched as an index sketches it (:mod:`attribution.fingerprint.lines`): by its tokens, whatever
its white space, and by its structure, whatever its names. Lines without tokens are left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from attribution.fingerprint.fingerprint import fingerprint
from attribution.fingerprint.lines import BLANK
from attribution.languages.extensions import language_of
from attribution.languages.guess import guess_language
from attribution.languages.language import language_of_path
from attribution.span import Span

CONTEXT_LINES = 4
"""Lines on either side of the accepted ones that are sketched too: they tell equal lines apart."""
_WINDOW_TOKENS = 256
"""Of winnowing, whose seeds nobody asks for here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketched:
    """The lines of a text that have tokens; three sequences of the same length."""

    literal: Sequence[int]
    structural: Sequence[int]
    numbers: Sequence[int]
    """Number of each line, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """Accepted lines with a few around them."""

    literal: tuple[int, ...]
    structural: tuple[int, ...]
    accepted: range
    """Which of them were accepted; the others are the surroundings."""

    def as_text(self) -> str:
        """One line of JSON."""
        ends = [self.accepted.start, self.accepted.stop]
        return json.dumps({"literal": self.literal, "structural": self.structural, "accepted": ends})

    @classmethod
    def of_text(cls, text: str) -> Sketch:
        """Read what :meth:`as_text` wrote; raise :class:`ValueError` for anything else."""
        try:
            value = json.loads(text)
            return cls(
                literal=tuple(map(int, value["literal"])),
                structural=tuple(map(int, value["structural"])),
                accepted=range(*map(int, value["accepted"])),
            )
        except (KeyError, TypeError) as error:
            raise ValueError("not a sketch") from error


def sketch_lines(content: bytes, *, path: str) -> Sketched:
    """Sketch a whole text; the extension of ``path`` tells the language."""
    language = guess_language(content) if language_of(path) is None else language_of_path(path)
    found = fingerprint(
        content, language=language, window_tokens=_WINDOW_TOKENS, with_structure=True, with_signature=False
    )
    literal, structural = found.sketches.tolist(), found.structure_sketches.tolist()
    kept = [position for position, value in enumerate(literal) if value != BLANK]
    return Sketched(
        literal=[literal[p] for p in kept],
        structural=[structural[p] for p in kept],
        numbers=[p + 1 for p in kept],
    )


def sketch_accepted(before: str, accepted: str, after: str, *, path: str) -> tuple[Sketch, Span]:
    """Sketch the lines into which ``accepted`` reaches, and :data:`CONTEXT_LINES` on either side.

    The range is that of the lines, from the first to the last that has tokens, counted from 1 at the start of
    ``before``.
    """
    content = (before + accepted + after).encode("utf-8", "replace")
    lines = sketch_lines(content, path=path)
    first = before.count("\n") + 1
    last = first + accepted.count("\n")
    inside = [p for p, number in enumerate(lines.numbers) if first <= number <= last]
    start = inside[0] if inside else sum(number < first for number in lines.numbers)
    stop = inside[-1] + 1 if inside else start
    low, high = max(0, start - CONTEXT_LINES), stop + CONTEXT_LINES
    sketch = Sketch(
        literal=tuple(lines.literal[low:high]),
        structural=tuple(lines.structural[low:high]),
        accepted=range(start - low, stop - low),
    )
    span = Span(lines.numbers[start], lines.numbers[stop - 1]) if inside else Span(first, last)
    return sketch, span
