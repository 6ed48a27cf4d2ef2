"""What each line of a text holds: code, only comment, part of an import statement, nothing."""

from __future__ import annotations

from ctypes import c_char_p, c_int64, c_void_p
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.tokens import count_lines
from attribution.languages.language import Language
from attribution.languages.native import native
from attribution.native.library import KERNELS, pointer

KERNELS.sc_line_classes.argtypes = (c_char_p, c_int64, c_void_p, c_void_p, c_int64)
KERNELS.sc_line_classes.restype = None


class LineClass(IntFlag):
    """Bits of a line's class; 0 is a blank line. The values are those in line_classes.cpp."""

    CODE = 1
    """A structural token stands on it, or a string that reaches over it."""
    COMMENT = 2
    """A comment or docstring touches it (blank lines inside one too)."""
    IMPORT = 4
    """All code on it belongs to import statements, also long ones in brackets; ``CODE`` is set as well.

    An import ends at a semicolon or with its line, but for the brackets in which its language writes names.
    """


def line_classes(content: bytes, language: Language) -> NDArray[np.uint8]:
    """Classify every line: an array of shape (line_count,) of ``LineClass`` bits."""
    classes = np.zeros(count_lines(content), dtype=np.uint8)
    KERNELS.sc_line_classes(content, len(content), native(language).reference, pointer(classes), len(classes))
    return classes
