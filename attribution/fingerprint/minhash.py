"""MinHash signatures of whole files, as The Stack deduplicates them, equal to datasketch's ``affine32``.

Shingles are 5-grams of lowercased words (Kocetkov et al. 2022, "The Stack"). datasketch 2 premixes each
32-bit shingle hash with MurmurHash3's finaliser and permutes it as a*h + b modulo 2^32 with a odd; the
same arithmetic is done here on whole arrays, so that checking a file need not import datasketch.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.seeds import all_seeds
from attribution.fingerprint.tokens import tokenize_words

PERMUTATIONS = 128
SHINGLE_WORDS = 5
BANDS = 14
ROWS = 9
"""14 bands of 9 rows: datasketch's optimum for a Jaccard threshold of 0.7 with 128 permutations."""

_EMPTY = np.uint32(0xFFFFFFFF)
_DATASKETCH_SEED = 1
_BLOCK_SHINGLES = 2048


def shingle_hashes(content: bytes) -> NDArray[np.uint32]:
    """32-bit hashes of the distinct word 5-grams; of the whole text where it has fewer words."""
    words = tokenize_words(content.lower())
    if len(words) == 0:
        return np.empty(0, dtype=np.uint32)
    grams = all_seeds(words, k=min(SHINGLE_WORDS, len(words)))
    return np.unique((grams.hashes >> np.uint64(32)).astype(np.uint32))


def signature(hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """MinHash signature of shape (PERMUTATIONS,); all ones for the empty set."""
    a, b = _permutations()
    mixed = _premix(hashes)
    minima = np.full(PERMUTATIONS, _EMPTY, dtype=np.uint32)
    for start in range(0, len(mixed), _BLOCK_SHINGLES):
        block = mixed[start : start + _BLOCK_SHINGLES, None]
        np.minimum(minima, (block * a + b).min(axis=0), out=minima)
    return minima


def band_keys(signature: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Reduce a signature to one 32-bit key a band; near copies share at least one. Shape (BANDS,)."""
    keys = np.zeros(BANDS, dtype=np.uint64)
    rows = signature[: BANDS * ROWS].reshape(BANDS, ROWS)
    for row in range(ROWS):
        keys = (keys ^ rows[:, row]) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return (keys >> np.uint64(32)).astype(np.uint32)


def _premix(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """MurmurHash3's 32-bit finaliser (Appleby)."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


@lru_cache(maxsize=1)
def _permutations() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Datasketch's permutation parameters: odd factors, then summands, from its default seed."""
    generator = np.random.RandomState(_DATASKETCH_SEED)
    factors = generator.randint(0, 1 << 31, PERMUTATIONS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    summands = generator.randint(0, 1 << 32, PERMUTATIONS, dtype=np.uint32)
    return factors, summands
