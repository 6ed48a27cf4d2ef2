"""Blocks of code as vectors of bits, by which a copy is known that was renamed and edited or reordered.

A block is a line and the deeper ones below it, up to what closes it: a function, a class, a loop. Depth is
the column of a line's first structural token, so no grammar is needed. Blocks of 8 to 60 lines, 40 to 4,096
structural tokens and at least 100 distinct n-grams are kept, nested ones too; shorter ones are alike
everywhere.

The n-grams of a block (2, 3, 4 and 6 structural tokens; all names one symbol, all numbers one, all strings
one) and its numbers and strings themselves are hashed. Each counts 1 + ln(frequency) for or against seven of
256 sums, which its hash draws; the signs of the sums are the vector (SimHash: Charikar 2002, with the sparse
projections of Li et al. 2006). Nothing is learnt, so vectors of different segments can be compared, and
segments merged without their texts.
"""

from __future__ import annotations

from ctypes import c_char_p, c_int32, c_int64, c_void_p
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.tokens import count_lines
from attribution.languages.language import Language
from attribution.languages.native import native
from attribution.native.library import KERNELS, pointer

CODE_BYTES = 32
"""One vector: 256 bits; the same number stands in vectors.cpp."""

KERNELS.sc_blocks.argtypes = (c_char_p, c_int64, c_void_p, c_int32, *[c_void_p] * 4, c_int64)
KERNELS.sc_blocks.restype = c_int64


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """The blocks of one text, in the order in which they end; arrays of the same length."""

    first_lines: NDArray[np.uint32]
    """First line of each block, from 1."""
    last_lines: NDArray[np.uint32]
    tokens: NDArray[np.uint32]
    """Structural tokens of each."""
    codes: NDArray[np.uint8]
    """Vectors, of shape (blocks, ``CODE_BYTES``)."""

    def __len__(self) -> int:
        return len(self.first_lines)

    def at(self, chosen: NDArray[np.int64]) -> Blocks:
        """Some of them, by position."""
        return Blocks(
            first_lines=self.first_lines[chosen],
            last_lines=self.last_lines[chosen],
            tokens=self.tokens[chosen],
            codes=self.codes[chosen],
        )


def blocks(content: bytes, language: Language, *, with_whole: bool = False) -> Blocks:
    """Cut ``content`` and compute the vectors; with ``with_whole`` a short text is a block as well."""
    room = count_lines(content) + 1
    firsts, lasts, tokens = (np.empty(room, dtype=np.uint32) for _ in range(3))
    codes = np.empty((room, CODE_BYTES), dtype=np.uint8)
    outputs = pointer(firsts), pointer(lasts), pointer(tokens), pointer(codes)
    count = KERNELS.sc_blocks(content, len(content), native(language).reference, with_whole, *outputs, room)
    return Blocks(
        first_lines=firsts[:count].copy(),
        last_lines=lasts[:count].copy(),
        tokens=tokens[:count].copy(),
        codes=codes[:count].copy(),
    )
