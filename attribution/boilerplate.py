"""Boilerplate: the lines of a text that are nobody's and tell nothing, whatever the language.

Import statements and licence notices are alike everywhere. An index of many files learns so from how many
documents hold them; in an index of few the text itself must say it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.line_classes import LineClass

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
    code, comment = (classes & LineClass.CODE) != 0, (classes & LineClass.COMMENT) != 0
    boilerplate: NDArray[np.bool_] = (classes & LineClass.IMPORT) != 0
    only_comment = comment & ~code
    if only_comment.any():
        lines = content.split(b"\n")
        for first, end in _runs(only_comment):
            if _speaks_of_rights(b"\n".join(lines[first:end])):
                boilerplate[first:end] = True
    return boilerplate


def _speaks_of_rights(text: bytes) -> bool:
    lowered = text.lower()
    return any(notice in lowered for notice in _NOTICES)


def _runs(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open ranges of indices that are marked without a break."""
    edges = np.flatnonzero(np.diff(marked.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]
