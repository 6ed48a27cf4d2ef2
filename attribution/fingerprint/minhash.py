"""MinHash signatures of whole files, as The Stack deduplicates them, equal to datasketch's ``affine32``.

Shingles are 5-grams of lowercased words (Kocetkov et al. 2022, "The Stack"). datasketch 2 premixes each
32-bit shingle hash with MurmurHash3's finaliser and permutes it as a*h + b modulo 2^32 with a odd; the
same arithmetic is done by a kernel of ours, so that checking a file need not import datasketch.
"""

from __future__ import annotations

from ctypes import c_char_p, c_int64, c_void_p
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from attribution.native.library import KERNELS, pointer

PERMUTATIONS = 128
BANDS = 14
ROWS = 9
"""14 bands of 9 rows: datasketch's optimum for a Jaccard threshold of 0.7 with 128 permutations."""

_EMPTY = np.uint32(0xFFFFFFFF)
_DATASKETCH_SEED = 1

KERNELS.sc_shingle_hashes.argtypes = (c_char_p, c_int64, c_void_p, c_int64)
KERNELS.sc_shingle_hashes.restype = c_int64
KERNELS.sc_signature.argtypes = (c_void_p, c_int64, c_void_p, c_void_p)
KERNELS.sc_signature.restype = None
KERNELS.sc_sign.argtypes = (c_char_p, c_int64, c_void_p, c_void_p)
KERNELS.sc_sign.restype = None


def shingle_hashes(content: bytes) -> NDArray[np.uint32]:
    """32-bit hashes of the distinct word 5-grams; of the whole text where it has fewer words."""
    hashes = np.empty(len(content) // 2 + 1, dtype=np.uint32)
    count = KERNELS.sc_shingle_hashes(content, len(content), pointer(hashes), len(hashes))
    return np.unique(hashes[:count])


def signature(hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """MinHash signature of shape (PERMUTATIONS,); all ones for the empty set. Repetitions do not matter."""
    minima = np.full(PERMUTATIONS, _EMPTY, dtype=np.uint32)
    given = np.ascontiguousarray(hashes)
    permutations = _permutations()  # held: of two threads that make it, one keeps its own
    KERNELS.sc_signature(pointer(given), len(given), pointer(permutations), pointer(minima))
    return minima


def sign(content: bytes) -> NDArray[np.uint32]:
    """Signature of a text: ``signature(shingle_hashes(content))`` in one pass."""
    made = np.empty(PERMUTATIONS, dtype=np.uint32)
    permutations = _permutations()
    KERNELS.sc_sign(content, len(content), pointer(permutations), pointer(made))
    return made


def band_keys(signature: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Reduce signatures of shape (…, PERMUTATIONS) to one 32-bit key a band, shape (…, BANDS).

    Near copies share at least one of them.
    """
    rows = signature[..., : BANDS * ROWS].reshape(*signature.shape[:-1], BANDS, ROWS)
    keys = np.zeros(rows.shape[:-1], dtype=np.uint64)
    for row in range(ROWS):
        keys = (keys ^ rows[..., row]) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return (keys >> np.uint64(32)).astype(np.uint32)


@lru_cache(maxsize=1)
def _permutations() -> NDArray[np.uint32]:
    """Datasketch's permutation parameters: odd factors, then summands, from its default seed."""
    generator = np.random.RandomState(_DATASKETCH_SEED)
    factors = generator.randint(0, 1 << 31, PERMUTATIONS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    summands = generator.randint(0, 1 << 32, PERMUTATIONS, dtype=np.uint32)
    return np.concatenate([factors, summands])
