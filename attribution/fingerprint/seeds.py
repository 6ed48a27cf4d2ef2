"""Literal seeds: hashes of k consecutive tokens, thinned by robust winnowing.

Of each window of w consecutive k-grams the one with the least hash is kept, of equals the rightmost
(Schleimer, Wilkerson, Aiken 2003, "Winnowing"). Two texts that share a run of k + w - 1 tokens therefore
certainly share a seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.tokens import TokenStream, mix

K_TOKENS = 8
"""Tokens in one seed. Changing it makes every index unreadable."""

_MULTIPLIER = 0xD6E8FEB86659FD93


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """Seeds of one text in the order of their positions; two arrays of the same length."""

    hashes: NDArray[np.uint64]
    positions: NDArray[np.int32]
    """Index of the first of the k tokens in the token stream."""

    def __len__(self) -> int:
        return len(self.hashes)


def all_seeds(tokens: TokenStream, *, k: int = K_TOKENS) -> Seeds:
    """Hash every k-gram: what a query looks up, so that it meets whichever seeds the index kept."""
    count = len(tokens) - k + 1
    if count <= 0:
        return Seeds(hashes=np.empty(0, np.uint64), positions=np.empty(0, np.int32))
    sums = np.zeros(count, dtype=np.uint64)
    for offset in range(k):
        sums *= np.uint64(_MULTIPLIER)
        sums += tokens.hashes[offset : offset + count]
    return Seeds(hashes=mix(sums), positions=np.arange(count, dtype=np.int32))


def winnow(seeds: Seeds, *, window: int) -> Seeds:
    """Keep the least of each ``window`` consecutive seeds; all windows of a short text are one."""
    if len(seeds) == 0:
        return seeds
    kept = _window_minima(seeds.hashes, min(window, len(seeds)))
    return Seeds(hashes=seeds.hashes[kept], positions=seeds.positions[kept])


def _window_minima(values: NDArray[np.uint64], window: int) -> NDArray[np.intp]:
    """Indices of the rightmost minimum of each window, each once, ascending.

    Doubles the width of the running minimum until it reaches the window; the last step overlaps.
    """
    best = np.arange(len(values))
    width = 1
    while width < window:
        step = min(width, window - width)
        left, right = best[:-step], best[step:]
        best = np.where(values[right] <= values[left], right, left)
        width += step
    return best[np.flatnonzero(np.diff(best, prepend=-1))]
