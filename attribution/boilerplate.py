"""Boilerplate: the lines of a text that are nobody's and tell nothing, whatever the language.

Import statements and licence notices are alike everywhere. An index of many files learns so from how many
documents hold them; in an index of few the text itself must say it.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.line_classes import LineClass, line_classes
from attribution.fingerprint.tokens import tokenize
from attribution.languages import Language

_COMMENT_BLOCK = re.compile(re.escape(bytes([LineClass.COMMENT])) + b"+")
"""Lines that hold nothing but comment, one after another, in an array of line classes."""
_NOTICES = (
    b"license",
    b"licence",
    b"copyright",
    b"(c)",
    b"spdx-",
    b"all rights reserved",
    b"warranty",
    b"warranties",
    b"redistribut",
    b"permission is hereby",
)


def boilerplate_lines(content: bytes, classes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Mark import lines, and blocks of comment that speak of licence or copyright; shape (line_count,)."""
    boilerplate: NDArray[np.bool_] = (classes & LineClass.IMPORT.value) != 0
    blocks = list(_COMMENT_BLOCK.finditer(classes.tobytes()))
    if blocks:
        lines = content.split(b"\n")
        for block in blocks:
            if _speaks_of_rights(b"\n".join(lines[block.start() : block.end()])):
                boilerplate[block.start() : block.end()] = True
    return boilerplate


def telling_tokens(content: bytes, language: Language) -> int:
    """Count the literal tokens that stand on lines which are no boilerplate."""
    boilerplate = boilerplate_lines(content, line_classes(content, language))
    return int(np.count_nonzero(~boilerplate[tokenize(content).lines - 1]))


def _speaks_of_rights(text: bytes) -> bool:
    lowered = text.lower()
    return any(notice in lowered for notice in _NOTICES)
