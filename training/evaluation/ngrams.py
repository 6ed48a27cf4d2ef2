"""An interpolated 5-gram model with a cache: what counting alone can do, on a language model's own tokens.

Each order is discounted and backs off into the shorter one (Ney, Essen and Kneser 1994: absolute discounting
with interpolation); the cache is the same model over what stands around the cursor (Kuhn and De Mori 1990;
Hellendoorn and Devanbu 2017 show that it makes n-grams strong on code).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.evaluation.counts import ORDER, Counts

_DISCOUNTS = (0.3, 0.5, 0.7, 0.9)
_CACHE_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


class Cache:
    """Counts of the text at hand, grown token by token."""

    def __init__(self) -> None:
        self._tables: list[dict[tuple[int, ...], dict[int, int]]] = [defaultdict(dict) for _ in range(ORDER)]
        self._recent: list[int] = []

    def add(self, token: int) -> None:
        """Count a token behind what was added last."""
        for length in range(min(ORDER, len(self._recent) + 1)):
            followers = self._tables[length][tuple(self._recent[len(self._recent) - length :])]
            followers[token] = followers.get(token, 0) + 1
        self._recent = [*self._recent, token][-(ORDER - 1) :]

    def end(self) -> None:
        """What is added next does not follow what was added last."""
        self._recent = []

    def matching(self, context: Sequence[int]) -> Iterator[dict[int, int]]:
        """Counts behind ever longer ends of a context, as long as it was seen."""
        for length in range(min(ORDER, len(context) + 1)):
            followers = self._tables[length].get(tuple(context[len(context) - length :]))
            if not followers:
                return
            yield followers


@dataclass(frozen=True, slots=True, kw_only=True)
class NgramModel:
    """Counts of a corpus and of the text at hand, weighed."""

    counts: Counts
    discount: float = 0.7
    cache_discount: float = 0.7
    cache_share: float = 0.3
    """Weight of the cache, 0 to 1."""

    def distribution(self, context: Sequence[int], cache: Cache) -> NDArray[np.float64]:
        """Chance of every id to come next, shape (vocabulary,)."""
        vocabulary = self.counts.vocabulary
        learned = np.full(vocabulary, 1.0 / vocabulary)
        for tokens, counts, total in self.counts.matching(context):
            learned *= self.discount * len(tokens) / total
            learned[tokens] += (counts - self.discount) / total
        near = np.full(vocabulary, 1.0 / vocabulary)
        for followers in cache.matching(context):
            total = sum(followers.values())
            near *= self.cache_discount * len(followers) / total
            near[list(followers)] += (np.array(list(followers.values())) - self.cache_discount) / total
        return (1.0 - self.cache_share) * learned + self.cache_share * near

    def greedy(self, prefix: Sequence[int], cache: Cache) -> Iterator[int]:
        """Yield the likeliest token after a prefix, then the next, without end."""
        context = list(prefix[-(ORDER - 1) :])
        while True:
            token = int(self.distribution(context, cache).argmax())
            yield token
            context = [*context, token][-(ORDER - 1) :]

    def bits(self, windows: Sequence[Sequence[int]]) -> float:
        """Bits that all tokens of windows but the first ones take, the cache starting anew in each."""
        learned, near = _chances(self.counts, windows, self.discount, self.cache_discount)
        return float(-np.log2((1.0 - self.cache_share) * learned + self.cache_share * near).sum())

    def tuned(self, windows: Sequence[Sequence[int]]) -> NgramModel:
        """The same counts with the weights that take the fewest bits on these windows."""
        chances = {d: _chances(self.counts, windows, d, d) for d in _DISCOUNTS}
        best = min(
            (
                (float(-np.log2((1.0 - share) * chances[d][0] + share * chances[e][1]).sum()), d, e, share)
                for d in _DISCOUNTS
                for e in _DISCOUNTS
                for share in _CACHE_SHARES
            ),
        )
        return replace(self, discount=best[1], cache_discount=best[2], cache_share=best[3])


def _chances(
    counts: Counts, windows: Sequence[Sequence[int]], discount: float, cache_discount: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What corpus and cache each say of every token but the first of each window."""
    learned: list[float] = []
    near: list[float] = []
    for window in windows:
        cache = Cache()
        for place, token in enumerate(window):
            if place:
                context = window[max(0, place - ORDER + 1) : place]
                learned.append(_learned_chance(counts, context, token, discount))
                near.append(_near_chance(cache, context, token, cache_discount, counts.vocabulary))
            cache.add(token)
    return np.array(learned), np.array(near)


def _learned_chance(counts: Counts, context: Sequence[int], token: int, discount: float) -> float:
    chance = 1.0 / counts.vocabulary
    for tokens, found, total in counts.matching(context):
        chance *= discount * len(tokens) / total
        place = int(np.searchsorted(tokens, token))
        if place < len(tokens) and tokens[place] == token:
            chance += (int(found[place]) - discount) / total
    return chance


def _near_chance(cache: Cache, context: Sequence[int], token: int, discount: float, vocabulary: int) -> float:
    chance = 1.0 / vocabulary
    for followers in cache.matching(context):
        total = sum(followers.values())
        chance *= discount * len(followers) / total
        if token in followers:
            chance += (followers[token] - discount) / total
    return chance
