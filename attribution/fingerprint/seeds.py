"""Literal seeds: hashes of k consecutive tokens, thinned by robust winnowing.

Of each window of w consecutive k-grams the one with the least hash is kept, of equals the rightmost
(Schleimer, Wilkerson, Aiken 2003, "Winnowing"). Two texts that share a run of k + w - 1 tokens therefore
certainly share a seed. The hash of a k-gram is the polynomial of its tokens' hashes with the multiplier
0xD6E8FEB86659FD93 modulo 2^64, the last token at exponent 0, scrambled by :func:`tokens.mix`.
"""

from __future__ import annotations

from ctypes import c_int32, c_int64, c_void_p
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.tokens import TokenStream
from attribution.native.library import KERNELS, pointer

K_TOKENS = 8
"""Tokens in one seed. Changing it makes every index unreadable."""
KEY_BITS = 40
"""Bits of a seed's hash that an index keeps: the low ones, since winnowing biases the high ones."""
MAX_WINDOW = 256
"""Widest window that :func:`winnow` takes."""
_MAX_K = 32

KERNELS.sc_all_seeds.argtypes = (c_void_p, c_int64, c_int32, c_void_p)
KERNELS.sc_all_seeds.restype = None
KERNELS.sc_winnow.argtypes = (c_void_p, c_int64, c_int32, c_void_p)
KERNELS.sc_winnow.restype = c_int64


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """Seeds of one text in the order of their positions; two arrays of the same length."""

    hashes: NDArray[np.uint64]
    positions: NDArray[np.int32]
    """Index of the first of the k tokens in the token stream."""

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def keys(self) -> NDArray[np.uint64]:
        """What an index knows of each hash: its low ``KEY_BITS`` bits."""
        return self.hashes & np.uint64((1 << KEY_BITS) - 1)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Seeds:
        """Those that a mask or indices name."""
        return Seeds(hashes=self.hashes[chosen], positions=self.positions[chosen])


def all_seeds(tokens: TokenStream, *, k: int = K_TOKENS) -> Seeds:
    """Hash every k-gram, k from 1 to 32: what a query looks up, so that it meets whichever the index kept."""
    if not 1 <= k <= _MAX_K:
        raise ValueError(f"k is {k}, not between 1 and {_MAX_K}")
    count = max(0, len(tokens) - k + 1)
    hashes = np.empty(count, dtype=np.uint64)
    given = np.ascontiguousarray(tokens.hashes)
    KERNELS.sc_all_seeds(pointer(given), len(given), k, pointer(hashes))
    return Seeds(hashes=hashes, positions=np.arange(count, dtype=np.int32))


def winnow(seeds: Seeds, *, window: int) -> Seeds:
    """Keep the least of each ``window`` (1 to 256) consecutive seeds; a shorter text is one window."""
    return seeds.take(winnowed(seeds.hashes, window=window))


def winnowed(hashes: NDArray[np.uint64], *, window: int) -> NDArray[np.int64]:
    """Indices of the hashes that winnowing keeps, ascending."""
    if not 1 <= window <= MAX_WINDOW:
        raise ValueError(f"window is {window}, not between 1 and {MAX_WINDOW}")
    given = np.ascontiguousarray(hashes)
    kept = np.empty(len(given), dtype=np.int64)
    count = KERNELS.sc_winnow(pointer(given), len(given), window, pointer(kept))
    return kept[:count]
