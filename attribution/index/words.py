"""The word lane of a segment: which documents hold which words, read from the posting table ``words``.

A posting's payload is ``document << 4 | frequency``, frequencies above 15 being kept as 15.
"""

from __future__ import annotations

import ctypes
import threading
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from attribution.index.arrays import Array, ArrayFile
from attribution.index.postings import native_table
from attribution.native.library import KERNELS, pointer

MAX_FREQUENCY = 15
"""A word that is in a document more often counts as if it were there so often."""

_sizes = ctypes.c_uint64
_address = ctypes.c_void_p
_real = ctypes.c_double
KERNELS.sc_word_ranges.argtypes = (_address, _address, _sizes, _address)
KERNELS.sc_word_ranges.restype = ctypes.c_int32
KERNELS.sc_rank_words.argtypes = (
    *(_address, _sizes, _sizes, _address, _address, _sizes, _real, _real, _real),
    *(_address, _address, _address, _address, _sizes),
)
KERNELS.sc_rank_words.restype = ctypes.c_int64


class _Scores(threading.local):
    """Room for one score a document, zero between calls; each thread keeps its own, so pages stay warm."""

    room: NDArray[np.float64] = np.zeros(0)

    def of(self, documents: int) -> NDArray[np.float64]:
        if len(self.room) < documents:
            self.room = np.zeros(documents)
        return self.room


_scores = _Scores()


class WordLane:
    """Ranks the documents of one segment by their words. Safe to share between threads."""

    def __init__(self, file: ArrayFile, *, hidden: Array | None = None) -> None:
        """``hidden`` holds one byte a document, not zero where it was removed; it is kept, not copied."""
        self._file = file
        self._hidden = hidden
        self._table = native_table(file, "words")
        self._lengths = file["token_counts"]
        self.documents = len(self._lengths)

    @cached_property
    def total_length(self) -> int:
        """Tokens of all documents; reads 4 bytes a document when it is first asked for."""
        return sum(int(piece.sum(dtype=np.uint64)) for piece in self._lengths.pieces())

    def ranges(self, keys: NDArray[np.uint64]) -> NDArray[np.uint32]:
        """First record of each key, and the one behind its last: shape (keys, 2).

        Their difference is in how many documents the word is. Raises :class:`IndexCorruptError`.
        """
        found = np.empty((len(keys), 2), dtype=np.uint32)
        if KERNELS.sc_word_ranges(ctypes.byref(self._table), pointer(keys), len(keys), pointer(found)) < 0:
            self._file.raise_damage()
        return found

    def rank(
        self,
        ranges: NDArray[np.uint32],
        weights: NDArray[np.float64],
        *,
        saturation: float,
        length_share: float,
        mean_length: float,
        limit: int,
    ) -> list[tuple[int, float]]:
        """The best documents for words given by their :meth:`ranges` and weights, each with its score.

        Best first, of equals the earlier document. Raises :class:`IndexCorruptError`.
        """
        documents, scores = np.empty(limit, dtype=np.uint32), np.empty(limit)
        count = KERNELS.sc_rank_words(
            *(ctypes.byref(self._table), self._lengths.offset, self.documents),
            *(pointer(ranges), pointer(weights), len(ranges), saturation, length_share, mean_length),
            *(None if self._hidden is None else pointer(self._hidden), pointer(_scores.of(self.documents))),
            *(pointer(documents), pointer(scores), limit),
        )
        if count < 0:
            self._file.raise_damage()
        return list(zip(documents[:count].tolist(), scores[:count].tolist(), strict=True))
