"""A typing session: a real file of the standard library, written anew by somebody with a rhythm of typing.

Keys come in bursts, a word at a time, with longer pauses at the ends of words and lines; now and then a wrong
key is struck and deleted. What is typed in the end is the file's own text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

WORD_GAP_S, BETWEEN_WORDS_S, LINE_GAP_S, THINKING_S = 0.11, 0.19, 0.45, 1.2
"""Medians; 0.11 s a key inside of words is about 60 words a minute with the pauses between them."""
SPREAD = 0.35
WRONG_KEY = 0.02
THINKS = 0.2
"""How often somebody thinks at the end of a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keystroke:
    """One event: ``deleted`` characters before the cursor go, ``text`` comes; then a pause."""

    pause_s: float
    text: str = ""
    deleted: int = 0
    is_right: bool = True
    """Whether the text is what is wanted."""


def next_keystrokes(wanted: str, random: Random) -> Iterator[Keystroke]:
    """Strike the next key of a text; sometimes a wrong one first, which is noticed and deleted.

    An editor indents by itself: a line end and the blanks after it are one key.
    """
    if random.random() < WRONG_KEY and wanted[0].isalpha():
        yield Keystroke(pause_s=_pause(WORD_GAP_S, random), text=random.choice("etaoinsr"), is_right=False)
        yield Keystroke(pause_s=_pause(LINE_GAP_S, random), deleted=1)
    key = wanted[0]
    if key == "\n":
        blanks = len(wanted) - 1 - len(wanted[1:].lstrip(" "))
        yield Keystroke(pause_s=_pause(LINE_GAP_S, random), text=wanted[: 1 + blanks])
    else:
        yield Keystroke(pause_s=_pause(_median(key, wanted, random), random), text=key)


def _median(key: str, wanted: str, random: Random) -> float:
    if wanted[1:2] == "\n" and random.random() < THINKS:
        return THINKING_S
    return WORD_GAP_S if key.isalnum() else BETWEEN_WORDS_S


def _pause(median_s: float, random: Random) -> float:
    return random.lognormvariate(0, SPREAD) * median_s
