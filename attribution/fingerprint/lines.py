"""Line sketches: 16 bits of hash for each line, so that line ranges can be verified without the text.

Seeds find a copy but stand only at every eighth token or so; comparing sketches line by line extends a
match to its exact ends and counts the lines that both sides share. A sketch depends on the tokens of the
line alone, not on its white space. 16 bits tell nothing of a line's text that could be read back.
"""

from __future__ import annotations

from ctypes import c_int64, c_void_p

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.tokens import TokenStream
from attribution.native.library import KERNELS, pointer

BLANK = 0
"""Sketch of a line without tokens; no other sketch has it, not even in its low byte."""

KERNELS.sc_line_sketches.argtypes = (c_void_p, c_void_p, c_int64, c_void_p, c_int64)
KERNELS.sc_line_sketches.restype = None


def line_sketches(tokens: TokenStream) -> NDArray[np.uint16]:
    """Sketch every line: an array of shape (line_count,), ``BLANK`` where a line has no token."""
    sketches = np.full(tokens.line_count, BLANK, dtype=np.uint16)
    hashes, lines = np.ascontiguousarray(tokens.hashes), np.ascontiguousarray(tokens.lines)
    KERNELS.sc_line_sketches(pointer(hashes), pointer(lines), len(hashes), pointer(sketches), len(sketches))
    return sketches
