"""Data of a segment under construction that may not fit into memory: columns and postings, spilled to files.

All spill files lie in one folder, which the segment's writer makes and deletes; after a crash the next writer
sweeps it up.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.index.arrays import Array
from attribution.index.disk import NewFile
from attribution.native.library import KERNELS, pointer

PARTITIONS = 256
PARTITION_SHIFT = 32
"""A key of 40 bits without its partition has 32."""
COMMON = 0xFFFFFFFF
"""Payload of a seed that keeps no places."""
_PIECE_BYTES = 1 << 20
_PARTITIONED_BYTES = 20
"""Memory for a posting: key, payload, and its record when they are distributed."""

_sizes = ctypes.c_uint64
_address = ctypes.c_void_p
KERNELS.sc_partition.argtypes = (_address, _address, _sizes, _address, _address)
KERNELS.sc_partition.restype = None
KERNELS.sc_sort.argtypes = (_address, _address, _sizes, ctypes.c_int32)
KERNELS.sc_sort.restype = None
KERNELS.sc_take_seeds.argtypes = (
    *(_address, _address, _address, _address, _sizes, ctypes.c_uint32),
    *(_address, _address, _address),
)
KERNELS.sc_take_seeds.restype = _sizes


class SpillFile:
    """Bytes written one after the other, read anywhere."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: NewFile | None = None

    def append(self, data: Array) -> int:
        """Write an array's bytes; return the offset at which they stand."""
        if self._file is None:
            self._file = NewFile(self._path)
        offset = self._file.size
        self._file.write(np.ascontiguousarray(data).data.cast("B"))
        return offset

    def read(self, offset: int, count: int, dtype: np.dtype[Any]) -> Array:
        """Read ``count`` elements back."""
        return np.fromfile(self._path, dtype=dtype, count=count, offset=offset)

    def close(self) -> None:
        """Release the file; its folder is deleted by others."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Column:
    """An array that grows at its end; what exceeds a mebibyte is in a file."""

    def __init__(self, path: Path, dtype: str) -> None:
        self._file = SpillFile(path)
        self._dtype = np.dtype(dtype)
        self._recent: list[Array] = []
        self._recent_bytes = 0
        self._spilled = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, values: Array) -> None:
        """Add values at the end, converted to the column's type."""
        self._recent.append(values.astype(self._dtype, copy=True))
        self._recent_bytes += values.size * self._dtype.itemsize
        self._count += values.size
        if self._recent_bytes >= _PIECE_BYTES:
            merged = np.concatenate(self._recent)
            self._file.append(merged)
            self._spilled += len(merged)
            self._recent, self._recent_bytes = [], 0

    def pieces(self) -> Iterator[Array]:
        """All values, in pieces of about a mebibyte."""
        width = self._dtype.itemsize
        step = _PIECE_BYTES // width
        for at in range(0, self._spilled, step):
            yield self._file.read(at * width, min(step, self._spilled - at), self._dtype)
        yield from self._recent

    def all(self) -> Array:
        """All values at once."""
        return np.concatenate([np.empty(0, self._dtype), *self.pieces()])

    def close(self) -> None:
        """Release the file."""
        self._file.close()


class PostingSorter:
    """Sorts any number of postings in bounded memory: distributes them by key, then sorts part by part.

    A posting is a key of 40 bits and a payload of 32 bits. The 256 partitions follow each other in the order
    of keys; in each a posting is the record ``key << 32 | payload``, the key without its first 8 bits.
    """

    def __init__(self, path: Path, *, memory_bytes: int) -> None:
        capacity = max(1024, memory_bytes // _PARTITIONED_BYTES)
        self._file = SpillFile(path)
        self._runs: list[tuple[int, NDArray[np.uint64]]] = []
        self._keys = np.empty(capacity, dtype=np.uint64)
        self._payloads = np.empty(capacity, dtype=np.uint32)
        self._filled = 0
        self._rest = np.empty(0, dtype=np.uint64)
        self._rest_starts = np.zeros(PARTITIONS + 1, dtype=np.uint64)
        self.count = 0
        """Postings taken in."""

    def add(self, keys: NDArray[np.uint64], payloads: NDArray[np.uint32]) -> None:
        """Take postings in. Of one key, payloads never descend from call to call or inside one."""
        self._make_room(len(keys))
        self._keys[self._filled : self._filled + len(keys)] = keys
        self._payloads[self._filled : self._filled + len(keys)] = payloads
        self._filled += len(keys)
        self.count += len(keys)

    def add_seeds(
        self,
        keys: NDArray[np.uint64],
        lines: NDArray[np.uint32],
        counts: NDArray[np.uint64],
        first_lines: NDArray[np.uint32],
        *,
        cap: int,
    ) -> None:
        """Take the seeds of several documents in, of each key the ``cap`` first ones in each document.

        Document d has ``counts[d]`` of the seeds, and lines from ``first_lines[d]`` on; ``lines`` count from
        1 in their document.
        """
        self._make_room(len(keys))
        slots = np.empty(max(2, 1 << (2 * int(counts.max(initial=1)) - 1).bit_length()), dtype=np.uint64)
        taken = KERNELS.sc_take_seeds(
            *(pointer(keys), pointer(lines), pointer(counts), pointer(first_lines), len(counts), cap),
            pointer(slots),
            *(pointer(self._keys[self._filled :]), pointer(self._payloads[self._filled :])),
        )
        self._filled += taken
        self.count += taken

    def _make_room(self, count: int) -> None:
        """Spill what is in memory where ``count`` postings more would not fit."""
        if self._filled + count > len(self._keys) and self._filled:
            records, starts = self._distribute()
            self._runs.append((self._file.append(records), starts))
        if count > len(self._keys):
            self._keys, self._payloads = np.empty(count, dtype=np.uint64), np.empty(count, dtype=np.uint32)

    def finish(self) -> None:
        """Take no more postings; :meth:`partition` may be called from now on, by several threads."""
        self._rest, self._rest_starts = self._distribute()
        self._keys, self._payloads = np.empty(0, np.uint64), np.empty(0, np.uint32)

    def _distribute(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """What is in memory as records ordered by partition, and where each partition starts."""
        records = np.empty(self._filled, dtype=np.uint64)
        starts = np.zeros(PARTITIONS + 1, dtype=np.uint64)
        arguments = (pointer(self._keys), pointer(self._payloads), self._filled)
        KERNELS.sc_partition(*arguments, pointer(records), pointer(starts[1:]))
        np.cumsum(starts, out=starts)
        self._filled = 0
        return records, starts

    @property
    def filled(self) -> list[int]:
        """Numbers of the partitions that hold any."""
        sizes = sum((np.diff(starts) for _, starts in self._runs), start=np.diff(self._rest_starts))
        filled: list[int] = np.flatnonzero(sizes).tolist()
        return filled

    def partition(self, number: int) -> NDArray[np.uint64]:
        """The records of one partition, sorted; they are read in their order, so keys alone decide."""
        parts = []
        for offset, starts in self._runs:
            first, stop = int(starts[number]), int(starts[number + 1])
            parts.append(self._file.read(offset + 8 * first, stop - first, np.dtype(np.uint64)))
        parts.append(self._rest[int(self._rest_starts[number]) : int(self._rest_starts[number + 1])])
        return sort_records(np.concatenate(parts), first_bit=PARTITION_SHIFT)

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def sort_records(records: NDArray[np.uint64], *, first_bit: int = 0) -> NDArray[np.uint64]:
    """Sort by the bits from ``first_bit`` on, stably and in place; answers its argument."""
    scratch = np.empty_like(records)
    KERNELS.sc_sort(pointer(records), pointer(scratch), len(records), first_bit)
    return records
