"""The structural stream: what stays of a text when its names, its comments and its layout change.

Comments and strings of several lines (docstrings) are dropped. Any other string literal is one token, the
hash of its content, whatever its quotes and prefix; a string that holds code (``f"{x}"``, `` `${x}` ``) is
one symbol, the same for all. Numbers, keywords and punctuation stay. Names are parameters (Baker 1997,
"Parameterized Duplication in Strings"): in each k-gram a name counts as the distance to its previous
occurrence inside that k-gram, 0 where there is none. So a consistent renaming changes no seed.

A k-gram of fewer than ``DISTINCT_SYMBOLS`` distinct symbols (parameters count as symbols) is no seed: rows
of ``self.x = x`` or of ``0, 0, 0`` are alike everywhere and say nothing of where they come from. Winnowing
works on the k-grams that are left, which both texts leave out alike; so the guarantee holds for them.
"""

from __future__ import annotations

from ctypes import c_char_p, c_int64, c_void_p
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.seeds import Seeds
from attribution.fingerprint.tokens import count_tokens
from attribution.languages.language import Language
from attribution.languages.native import native
from attribution.native.library import KERNELS, pointer

STRUCTURE_TOKENS = 20
"""Tokens in one structural seed; the same number stands in structure.hpp."""
DISTINCT_SYMBOLS = 6
"""Distinct symbols that a k-gram must have to be a seed; the same number stands in structure.hpp."""

KERNELS.sc_structure.argtypes = (c_char_p, c_int64, *[c_void_p] * 5, c_int64)
KERNELS.sc_structure.restype = c_int64
KERNELS.sc_structural_seeds.argtypes = (c_void_p, c_void_p, c_int64, c_void_p, c_void_p)
KERNELS.sc_structural_seeds.restype = c_int64
KERNELS.sc_structure_sketches.argtypes = (c_void_p, c_void_p, c_void_p, c_int64, c_void_p, c_int64)
KERNELS.sc_structure_sketches.restype = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureStream:
    """The structural tokens of one text, in order; four arrays of the same length."""

    hashes: NDArray[np.uint64]
    """Hash of each token; of words (names too) and punctuation that of the literal token."""
    previous: NDArray[np.int32]
    """Of a name: how many tokens ago it occurred last, 0 if not among the last ``STRUCTURE_TOKENS - 1``;
    -1 for every other token."""
    starts: NDArray[np.int64]
    """Byte offset at which each token starts."""
    lines: NDArray[np.int32]
    """Line of each token's start, counted from 1, split on LF only."""

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def is_name(self) -> NDArray[np.bool_]:
        """Which tokens are names, that is parameters."""
        return self.previous >= 0


def structure(content: bytes, language: Language) -> StructureStream:
    """Lex ``content`` as ``language``; any bytes will do, and time is linear in their number."""
    count = count_tokens(content)
    hashes = np.empty(count, dtype=np.uint64)
    previous = np.empty(count, dtype=np.int32)
    starts = np.empty(count, dtype=np.int64)
    lines = np.empty(count, dtype=np.int32)
    outputs = pointer(hashes), pointer(previous), pointer(starts), pointer(lines)
    written = KERNELS.sc_structure(content, len(content), native(language).reference, *outputs, count)
    return StructureStream(
        hashes=hashes[:written], previous=previous[:written], starts=starts[:written], lines=lines[:written]
    )


def structural_seeds(stream: StructureStream) -> Seeds:
    """Hash every k-gram that says enough, k = ``STRUCTURE_TOKENS``; positions count tokens of ``stream``."""
    count = len(stream)
    hashes = np.empty(count, dtype=np.uint64)
    positions = np.empty(count, dtype=np.int32)
    tokens, previous = np.ascontiguousarray(stream.hashes), np.ascontiguousarray(stream.previous)
    written = KERNELS.sc_structural_seeds(
        pointer(tokens), pointer(previous), count, pointer(hashes), pointer(positions)
    )
    return Seeds(hashes=hashes[:written], positions=positions[:written])


def structure_sketches(stream: StructureStream, line_count: int) -> NDArray[np.uint8]:
    """Sketch every line in 8 bits, all names being one symbol; 0 = no structural token starts on it."""
    sketches = np.zeros(line_count, dtype=np.uint8)
    inputs = [np.ascontiguousarray(array) for array in (stream.hashes, stream.previous, stream.lines)]
    KERNELS.sc_structure_sketches(*map(pointer, inputs), len(stream), pointer(sketches), line_count)
    return sketches
