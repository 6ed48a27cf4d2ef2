"""Line sketches: 16 bits of hash for each line, so that line ranges can be verified without the text.

Seeds find a copy but stand only at every eighth token or so; comparing sketches line by line extends a
match to its exact ends and counts the lines that both sides share. A sketch depends on the tokens of the
line alone, not on its white space. 16 bits tell nothing of a line's text that could be read back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.tokens import TokenStream, mix

BLANK = 0
"""Sketch of a line without tokens; no other sketch has it, not even in its low byte."""
_STEP = np.uint64(0x9E3779B97F4A7C15)


def line_sketches(tokens: TokenStream) -> NDArray[np.uint16]:
    """Sketch every line: an array of shape (line_count,), ``BLANK`` where a line has no token."""
    sketches = np.full(tokens.line_count, BLANK, dtype=np.uint16)
    if len(tokens) == 0:
        return sketches
    firsts = np.flatnonzero(np.diff(tokens.lines, prepend=0))
    counts = np.diff(firsts, append=len(tokens))
    place = np.arange(len(tokens)) - np.repeat(firsts, counts)
    sums = np.add.reduceat(mix(tokens.hashes + place.astype(np.uint64) * _STEP), firsts)
    high = (mix(sums) >> np.uint64(48)).astype(np.uint16)
    high[high & 0xFF == BLANK] += np.uint16(1)
    sketches[tokens.lines[firsts] - 1] = high
    return sketches
