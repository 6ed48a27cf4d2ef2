"""Vectors of blocks in a segment, and FAISS's search over them: a lane that only some indexes have.

``vector_counts`` holds the blocks of each document, the other arrays one block after the other, as
:mod:`attribution.fingerprint.blocks` makes them. FAISS compares bits where they lie, in the mapped file;
there is no index of its own to be loaded, kept or merged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from attribution.errors import MissingExtraError
from attribution.fingerprint.blocks import CODE_BYTES, Blocks
from attribution.index.arrays import Array, ArrayFile

COUNTS = "vector_counts"
BLOCK_COLUMNS = {
    "vector_first_lines": ("<u4", 1),
    "vector_last_lines": ("<u4", 1),
    "vector_tokens": ("<u2", 1),
    "vector_codes": ("u1", CODE_BYTES),
}
"""Arrays that grow with blocks: their types, and elements a block."""
VECTOR_COLUMNS = {COUNTS: "<u4"} | {name: kind for name, (kind, _) in BLOCK_COLUMNS.items()}
"""Arrays that a segment with vectors has beside those of its profile, with their types."""
_PIECE_BLOCKS = 1 << 20


class Neighbour(NamedTuple):
    """A known block whose vector is near to one that was asked for."""

    asked: int
    """Position of the vector that was asked for."""
    distance: int
    """Bits that differ, of 256."""
    document: int
    first_line: int
    last_line: int
    tokens: int
    """Structural tokens of the known block."""


def has_faiss() -> bool:
    """Whether vectors can be searched here."""
    return find_spec("faiss") is not None


def ensure_faiss() -> None:
    """Raise :class:`MissingExtraError` where FAISS is not installed."""
    if not has_faiss():
        raise MissingExtraError("a lane of vectors", "vectors")


def vector_values(found: Sequence[Blocks]) -> Iterator[tuple[str, Array]]:
    """What documents with these blocks append to each array."""
    yield COUNTS, np.array([len(blocks) for blocks in found])
    yield "vector_first_lines", np.concatenate([blocks.first_lines for blocks in found])
    yield "vector_last_lines", np.concatenate([blocks.last_lines for blocks in found])
    yield "vector_tokens", np.concatenate([blocks.tokens for blocks in found])
    yield "vector_codes", np.concatenate([blocks.codes for blocks in found]).reshape(-1)


class VectorLane:
    """The blocks of one segment."""

    def __init__(self, file: ArrayFile, *, hidden: Array | None) -> None:
        """``hidden`` holds one byte a document, not zero where it was removed."""
        self._file = file
        self._hidden = hidden

    @cached_property
    def base(self) -> NDArray[np.int64]:
        """First block of each document, and the end of the last."""
        counts = self._file[COUNTS].all().astype(np.int64)
        return np.concatenate(([0], np.cumsum(counts)))

    def nearest(self, codes: NDArray[np.uint8], *, limit: int, most_bits: int) -> list[Neighbour]:
        """For each vector at most so many blocks that differ in no more bits than that, nearest first.

        Needs FAISS. Raises :class:`IndexCorruptError` where the file is damaged.
        """
        distances, numbers = self._search(codes, limit)
        rows = np.argwhere((distances <= most_bits) & (numbers >= 0)).tolist()
        found = [self._neighbour(row, int(distances[row, at]), int(numbers[row, at])) for row, at in rows]
        return [n for n in found if self._hidden is None or not self._hidden[n.document]]

    def _search(self, codes: NDArray[np.uint8], limit: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Distances and blocks, nearest first, of equal ones the first; -1 where there are fewer."""
        import faiss

        known, count = self._file["vector_codes"], int(self.base[-1])
        distances = np.empty((len(codes), 0), dtype=np.int32)
        numbers = np.empty((len(codes), 0), dtype=np.int64)
        for first in range(0, count, _PIECE_BLOCKS):
            stop = min(first + _PIECE_BLOCKS, count)
            piece = known.slice(first * CODE_BYTES, stop * CODE_BYTES).reshape(-1, CODE_BYTES)
            near, at = faiss.knn_hamming(codes, piece, min(limit, stop - first))
            distances = np.concatenate((distances, near), axis=1)
            numbers = np.concatenate((numbers, np.where(at < 0, -1, at + first)), axis=1)
            order = np.lexsort((numbers, distances), axis=1)[:, :limit]
            distances = np.take_along_axis(distances, order, axis=1)
            numbers = np.take_along_axis(numbers, order, axis=1)
        return distances, numbers

    def _neighbour(self, asked: int, distance: int, number: int) -> Neighbour:
        document = int(np.searchsorted(self.base, number, side="right")) - 1
        first, last, tokens = (self._file[name].item(number) for name in [*BLOCK_COLUMNS][:3])
        return Neighbour(asked, distance, document, first, last, tokens)
