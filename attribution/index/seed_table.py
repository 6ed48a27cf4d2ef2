"""Sorted seeds of a segment, and looking them up.

A seed's hash is stored in two parts. Its leading ``bits`` select one of 2^bits buckets, chosen so that a
bucket holds about 16 postings; its next 32 bits are stored with the posting. So a look-up touches one
bucket, and a foreign seed meets a posting by chance about once in 2^28 look-ups, whatever the size.
A posting is the line of the seed's first token, counted through all documents of the segment (one u32
for document and line); :class:`SeedTable` translates it back.

Seeds that occur in more than ``DOCUMENT_CAP`` documents are common code: only their hashes are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attribution.index.arrays import Array, ArrayFile

DOCUMENT_CAP = 64
"""A seed in more documents than this says nothing about where code comes from."""
REPEAT_CAP = 4
"""Postings of one seed kept in one document."""
_BUCKET_POSTINGS = 16
_LOOKUP_BATCH = 1 << 15


def seed_arrays(
    hashes: NDArray[np.uint64], lines: NDArray[np.uint32], documents: NDArray[np.uint32]
) -> dict[str, Array]:
    """Sort seeds, cap repeats and set common ones apart; the three arrays describe one seed each.

    ``lines`` are counted through the segment from 0; ``documents`` ascend.
    """
    order = np.argsort(hashes, kind="stable")
    hashes, lines, documents = hashes[order], lines[order], documents[order]
    kept, common = _apply_caps(hashes, documents)
    hashes, lines = hashes[kept], lines[kept]
    bits = _bucket_bits(len(hashes))
    buckets = (hashes >> np.uint64(64 - bits)).astype(np.int64)
    return {
        "seed_buckets": np.searchsorted(buckets, np.arange((1 << bits) + 1)).astype("<u4"),
        "seed_low": (hashes >> np.uint64(32 - bits)).astype("<u4"),
        "seed_lines": lines.astype("<u4"),
        "common_seeds": common.astype("<u8"),
    }


def _apply_caps(
    hashes: NDArray[np.uint64], documents: NDArray[np.uint32]
) -> tuple[NDArray[np.bool_], NDArray[np.uint64]]:
    """Mark the postings to keep, and list the hashes that are common. Inputs are sorted."""
    if len(hashes) == 0:
        return np.empty(0, dtype=np.bool_), hashes
    new_hash = np.empty(len(hashes), dtype=np.bool_)
    new_hash[0] = True
    np.not_equal(hashes[1:], hashes[:-1], out=new_hash[1:])
    new_document = new_hash.copy()
    new_document[1:] |= documents[1:] != documents[:-1]
    group_starts = np.flatnonzero(new_hash)
    frequency = np.add.reduceat(new_document.astype(np.int64), group_starts)
    sizes = np.diff(group_starts, append=len(hashes))
    run_starts = np.flatnonzero(new_document)
    run_sizes = np.diff(run_starts, append=len(hashes))
    repeat = np.arange(len(hashes)) - np.repeat(run_starts, run_sizes)
    is_common = frequency > DOCUMENT_CAP
    return (repeat < REPEAT_CAP) & ~np.repeat(is_common, sizes), hashes[group_starts[is_common]]


def _bucket_bits(postings: int) -> int:
    return max(1, (postings // _BUCKET_POSTINGS).bit_length())


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedHits:
    """Where looked-up seeds occur; arrays of the same length, one entry a posting."""

    queries: NDArray[np.int64]
    """Index into the hashes that were looked up."""
    documents: NDArray[np.int64]
    lines: NDArray[np.int64]
    """Line in the document, from 1."""


class SeedTable:
    """Reads what :func:`seed_arrays` laid out."""

    def __init__(self, file: ArrayFile) -> None:
        self._buckets = file["seed_buckets"]
        self._low = file["seed_low"]
        self._lines = file["seed_lines"]
        self._common = file["common_seeds"].all()
        self._line_base = file["line_base"].all().astype(np.int64)
        self._bits = (len(self._buckets) - 1).bit_length() - 1

    def __len__(self) -> int:
        return len(self._low)

    def are_common(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Answer for each hash whether it is common code in this segment."""
        at = np.searchsorted(self._common, hashes)
        found = np.zeros(len(hashes), dtype=np.bool_)
        inside = at < len(self._common)
        found[inside] = self._common[at[inside]] == hashes[inside]
        return found

    def find(self, hashes: NDArray[np.uint64]) -> SeedHits:
        """Look up seeds by hash, in batches that bound the memory."""
        batches = [
            self._find_batch(hashes[at : at + _LOOKUP_BATCH], at)
            for at in range(0, len(hashes), _LOOKUP_BATCH)
        ]
        queries = np.concatenate([q for q, _ in batches]) if batches else np.empty(0, np.int64)
        lines = np.concatenate([p for _, p in batches]) if batches else np.empty(0, np.int64)
        documents = np.searchsorted(self._line_base, lines, side="right") - 1
        return SeedHits(queries=queries, documents=documents, lines=lines - self._line_base[documents] + 1)

    def _find_batch(
        self, hashes: NDArray[np.uint64], offset: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        buckets = (hashes >> np.uint64(64 - self._bits)).astype(np.int64)
        low = (hashes >> np.uint64(32 - self._bits)).astype(np.uint32)
        starts = self._buckets.take(buckets).astype(np.int64)
        counts = self._buckets.take(buckets + 1).astype(np.int64) - starts
        queries = np.repeat(np.arange(len(hashes)), counts)
        postings = np.arange(len(queries)) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
        equal = self._low.take(postings) == low[queries]
        return queries[equal] + offset, self._lines.take(postings[equal]).astype(np.int64)
