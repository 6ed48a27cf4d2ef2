"""Whether a text is English: by its letters, and by how often the commonest words of English occur."""

from __future__ import annotations

import re

COMMON_WORDS = frozenset(  # without those that are common in other languages too: a, as, do, no, on, also
    """about after all an and any are at be because been but by can could did does for from get had has have
    how i if in into is it its just like make more my not of one only or other our out see should some than
    that the their them then there these they this to up use used using we what when where which while with
    would you your""".split()
)
_CODE = re.compile(
    r"^(```|~~~).*?(?:^\1|\Z)|^(?: {4}|\t)[^\n]*|`[^`\n]*`|https?://\S+|<[^<>\n]{1,200}>",
    re.MULTILINE | re.DOTALL,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_LEAST_WORDS = 12
"""Fewer say nothing of a language but by their letters."""
LEAST_SHARE = 0.1
LEAST_LATIN = 0.9


def is_english(text: str) -> bool:
    """Judge what is outside code: nine of ten letters are ASCII, and every tenth word is a common one."""
    prose = _CODE.sub(" ", text)
    letters = sum(map(str.isalpha, prose))
    latin = sum(character.isascii() and character.isalpha() for character in prose)
    if latin < LEAST_LATIN * letters:
        return False
    words = _WORD.findall(prose.lower())
    common = sum(word in COMMON_WORDS for word in words)
    return len(words) < _LEAST_WORDS or common >= LEAST_SHARE * len(words)
