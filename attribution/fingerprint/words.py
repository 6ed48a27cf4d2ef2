"""The words of a text: what the lexical lane keeps of a file, and what it is asked.

A word is a run of two or more letters, digits, underscores and bytes beyond ASCII, lowercased. Single
letters and digits are left out: they are everywhere, so no ranking misses them (docs/experiments.md).
"""

from __future__ import annotations

import ctypes
import secrets

import numpy as np
from numpy.typing import NDArray

from attribution.native.library import KERNELS, address, pointer

_COUNT_BITS = np.uint64(24)
_COUNT_MASK = np.uint64((1 << 24) - 1)
_LEAST_SLOTS = 1 << 10
_BYTES_A_SLOT = 8
_GROWTH = 4
_SEED = secrets.randbits(64) | 1

KERNELS.sc_word_counts.restype = ctypes.c_int64
KERNELS.sc_word_counts.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_uint64,
)


def word_counts(content: bytes) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """Keys of the distinct words, ascending and of 40 bits, and how often each occurs (at most 2^24 - 1)."""
    data = address(content)
    slot_count = max(_LEAST_SLOTS, 1 << (len(content) // _BYTES_A_SLOT).bit_length())
    while True:
        slots = np.zeros(slot_count, dtype=np.uint64)
        found = KERNELS.sc_word_counts(pointer(data), len(data), pointer(slots), slot_count, _SEED)
        if found >= 0:
            entries = slots[:found]
            return entries >> _COUNT_BITS, (entries & _COUNT_MASK).astype(np.uint32)
        slot_count *= _GROWTH
