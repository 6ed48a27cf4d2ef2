"""Asking one segment for what a text is like: seeds looked up, chained and aligned in one compiled call."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attribution.index.arrays import Array, ArrayFile
from attribution.index.postings import NativeTable, native_table
from attribution.native.library import KERNELS, pointer

_REPEATS = 16
_GAP_TOKENS = 64
_DIAGONAL_STEP = 8
_ALIGNED = 128
"""Chains that are aligned, and so ranges that are answered; more for texts of more than a thousand lines."""
_LINES_A_CHAIN = 8
_ALIGNED_A_LINE = 18
_LEAST_HITS = 1 << 12
_HITS_A_SEED = 16
_MOST_HITS = 1 << 22

FOUND = np.dtype(
    [
        (name, "<u4")
        for name in (
            "document",
            "query_first",
            "query_last",
            "source_first",
            "source_last",
            "tokens",
            "telling_tokens",
            "query_tokens",
            "seeds",
            "common_seeds",
            "equal_lines",
            "distinct",
        )
    ]
    + [("source_tokens", "<f4")]
)
"""One answer: lines from 1, both ends included; see ``struct Found`` in ``lane.hpp``."""


class _Lane(ctypes.Structure):
    _fields_ = (
        ("table", NativeTable),
        ("line_base", ctypes.c_uint64),
        ("documents", ctypes.c_uint64),
        ("sketches", ctypes.c_uint64),
        ("sketch_bytes", ctypes.c_uint64),
        ("token_counts", ctypes.c_uint64),
        ("hidden", ctypes.c_void_p),
    )


class _Query(ctypes.Structure):
    _fields_ = (
        ("keys", ctypes.c_void_p),
        ("positions", ctypes.c_void_p),
        ("seeds", ctypes.c_uint64),
        ("token_hashes", ctypes.c_void_p),
        ("token_lines", ctypes.c_void_p),
        ("telling", ctypes.c_void_p),
        ("tokens", ctypes.c_uint64),
        ("sketches", ctypes.c_void_p),
        ("lines", ctypes.c_uint64),
        ("focus_first", ctypes.c_uint64),
        ("focus_end", ctypes.c_uint64),
        ("seed_tokens", ctypes.c_uint32),
        ("min_tokens", ctypes.c_uint32),
    )


class _Limits(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint32)
        for name in ("repeats", "gap_tokens", "diagonal_step", "aligned", "aligned_a_line", "hits")
    )


KERNELS.sc_find.restype = ctypes.c_int64
KERNELS.sc_find.argtypes = (*(ctypes.c_void_p,) * 4, ctypes.c_uint64)
KERNELS.sc_compare.restype = ctypes.c_int64
KERNELS.sc_compare.argtypes = (*(ctypes.c_void_p,) * 3, ctypes.c_uint32, ctypes.c_void_p)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedQuery:
    """What one lane asks: a stream of tokens, its seeds, and the sketches of its lines."""

    keys: NDArray[np.uint64]
    """Seeds worth looking up: 40 bits of hash each."""
    positions: NDArray[np.uint32]
    """Token at which each seed starts, ascending."""
    token_hashes: NDArray[np.uint64]
    """Which tokens are equal."""
    token_lines: NDArray[np.int32]
    """Line of each token, from 1."""
    token_starts: NDArray[np.int64]
    """Byte at which each token starts."""
    telling: NDArray[np.uint8]
    """For each token, not zero unless it is boilerplate."""
    sketches: NDArray[np.uint16]
    """One a line, 0 where the stream has nothing on it."""
    seed_tokens: int

    def tokens_between(self, span: range) -> range:
        """Positions of the tokens that start within a range of bytes."""
        first, end = np.searchsorted(self.token_starts, (span.start, span.stop))
        return range(int(first), int(end))


class SeedLane:
    """One lane of a segment: a posting table and the sketches by which lines are compared."""

    def __init__(self, file: ArrayFile, *, table: str, sketches: str, hidden: Array | None) -> None:
        """``hidden`` holds one byte a document, not zero where it was removed."""
        self._file = file
        self._hidden = hidden
        kept = file[sketches]
        self._lane = _Lane(
            table=native_table(file, table),
            line_base=file.offset("line_base"),
            documents=len(file["line_base"]) - 1,
            sketches=file.offset(sketches),
            sketch_bytes=kept.itemsize,
            token_counts=file.offset("token_counts"),
            hidden=None if hidden is None else pointer(hidden),
        )

    def find(self, query: SeedQuery, *, min_tokens: int, focus: range | None = None) -> NDArray[np.void]:
        """Ranges that share at least ``min_tokens`` tokens with the query, as an array of :data:`FOUND`.

        With ``focus``, a range of token positions, only those that share a token inside it. Raises
        :class:`IndexCorruptError` where the file is damaged.
        """
        asked = _asked(query, min_tokens, focus)
        limits = _limits(query)
        found = np.empty(limits.aligned, dtype=FOUND)
        count = KERNELS.sc_find(
            ctypes.byref(self._lane), ctypes.byref(asked), ctypes.byref(limits), pointer(found), len(found)
        )
        if count < 0:
            self._file.raise_damage()
        return found[:count]

    def compare(self, query: SeedQuery, document: int) -> NDArray[np.void]:
        """The range of one document that holds most of the query's lines: at most one :data:`FOUND`."""
        found = np.empty(1, dtype=FOUND)
        count = KERNELS.sc_compare(
            ctypes.byref(self._lane),
            ctypes.byref(_asked(query, 0, None)),
            ctypes.byref(_limits(query)),
            document,
            pointer(found),
        )
        if count < 0:
            self._file.raise_damage()
        return found[:count]


def _asked(query: SeedQuery, min_tokens: int, focus: range | None) -> _Query:
    focus = range(len(query.token_lines)) if focus is None else focus
    return _Query(
        keys=pointer(query.keys),
        positions=pointer(query.positions),
        seeds=len(query.keys),
        token_hashes=pointer(query.token_hashes),
        token_lines=pointer(query.token_lines),
        telling=pointer(query.telling),
        tokens=len(query.token_lines),
        sketches=pointer(query.sketches),
        lines=len(query.sketches),
        focus_first=focus.start,
        focus_end=focus.stop,
        seed_tokens=query.seed_tokens,
        min_tokens=min_tokens,
    )


def _limits(query: SeedQuery) -> _Limits:
    """Bounds on the work; hits in proportion to the query, so that common code costs no more than rare."""
    return _Limits(
        repeats=_REPEATS,
        gap_tokens=_GAP_TOKENS,
        diagonal_step=_DIAGONAL_STEP,
        aligned=max(_ALIGNED, len(query.sketches) // _LINES_A_CHAIN),
        aligned_a_line=_ALIGNED_A_LINE,
        hits=min(_MOST_HITS, max(_LEAST_HITS, _HITS_A_SEED * len(query.keys))),
    )
