"""Nearly equal texts: clusters over shared bands of their MinHash signatures, one document of each kept.

What shares a band is a candidate; the estimated Jaccard similarity of both signatures decides. Clusters grow
over chains of such pairs (union-find), as in The Stack's own deduplication. Beside the signatures, which stay
on disk, about 50 bytes a document are in memory, whatever is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.minhash import PERMUTATIONS
from training.data.dedup.bands import bands_for, keys_of_bands

_CHUNK = 1 << 13
_WORDLESS = np.uint32(0xFFFFFFFF)
"""What stands in the signature of a text without words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDuplicates:
    """What counts as nearly the same."""

    threshold: float = 0.7
    """Estimated Jaccard similarity of the sets of word 5-grams; lower drops more."""
    most_compared: int = 128
    """With so many others at most a document is compared for each band: without a bound a million files that
    share one, such as a licence and a line, would take a day."""


def near_duplicates(
    signatures: NDArray[np.uint32],
    ranks: NDArray[np.int64],
    config: NearDuplicates,
    *,
    among: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """For each of n documents the one that is kept for its cluster: shape (n,), its own number where it is.

    ``signatures`` has shape (n, 128) and may be mapped; of a cluster the lowest of ``ranks`` (shape (n,), all
    different) is kept. Only the numbers in ``among`` are compared, the others keep themselves; so does a
    text without any word, which has nothing in common with another one.
    """
    among = np.arange(len(ranks)) if among is None else among
    among = among[signatures[among, 0] != _WORDLESS]
    parents = np.arange(len(ranks))
    for keys in keys_of_bands(signatures, among, bands_for(config.threshold)):
        for left, right in _candidates(keys, ranks, among, signatures, config):
            _join(parents, ranks, left, right)
        parents = _flat(parents)
    return parents


def _candidates(
    keys: NDArray[np.uint64],
    ranks: NDArray[np.int64],
    among: NDArray[np.int64],
    signatures: NDArray[np.uint32],
    config: NearDuplicates,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield pairs of documents with equal keys that are alike: each with the best of its group.

    Who is not like the best of the group stays behind, and is compared with the best of those, and so on.
    """
    order = np.lexsort((ranks[among], keys))
    members, keys = among[order], keys[order]
    for _ in range(config.most_compared):
        if len(members) < 2:
            return
        opens = np.ones(len(keys), dtype=np.bool_)
        opens[1:] = keys[1:] != keys[:-1]
        best = members[np.maximum.accumulate(np.where(opens, np.arange(len(keys)), 0))]
        follows = ~opens
        left, right = best[follows], members[follows]
        alike = _are_alike(signatures, left, right, config.threshold)
        yield left[alike], right[alike]
        members, keys = right[~alike], keys[follows][~alike]


def _are_alike(
    signatures: NDArray[np.uint32], left: NDArray[np.int64], right: NDArray[np.int64], threshold: float
) -> NDArray[np.bool_]:
    """Whether at least a share of ``threshold`` of both signatures is equal."""
    least = int(np.ceil(threshold * PERMUTATIONS))
    alike = np.empty(len(left), dtype=np.bool_)
    for start in range(0, len(left), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        equal = signatures[left[chunk]] == signatures[right[chunk]]
        alike[chunk] = np.count_nonzero(equal, axis=1) >= least
    return alike


def _join(
    parents: NDArray[np.int64],
    ranks: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
) -> None:
    """Put pairs into one cluster each; its root is the document of the lowest rank."""
    apart = parents[left] != parents[right]
    for one, other in zip(left[apart].tolist(), right[apart].tolist(), strict=True):
        first, second = _root(parents, one), _root(parents, other)
        if first != second:
            if ranks[second] < ranks[first]:
                first, second = second, first
            parents[second] = first


def _root(parents: NDArray[np.int64], at: int) -> int:
    """The root of a document; halves the way to it."""
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = int(parents[at])
    return at


def _flat(parents: NDArray[np.int64]) -> NDArray[np.int64]:
    """The root of every document."""
    while True:
        further = parents[parents]
        if np.array_equal(further, parents):
            return parents
        parents = further
