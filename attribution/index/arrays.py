"""One file of named arrays, checked block by block as it is read.

Layout, all little-endian::

    0    magic (8 bytes), header length (u32), CRC-32 of the header (u32)
    16   header: JSON {"format", "size", "arrays": {name: [dtype, count, offset]},
         "checksums": [offset, crc]},
         filled with spaces up to a multiple of 4096
    …    arrays, each starting at a multiple of 4096
    …    one CRC-32 (u32) for each 4 KiB block of the arrays' part

Opening reads the header and the table of checksums; a block's checksum is compared when the block is
first used. So opening is instant whatever the size, and a flipped byte is never believed.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.errors import IndexCorruptError, IndexVersionError

FORMAT = 1
_MAGIC = b"SCATTRB\n"
_PREAMBLE = struct.Struct("<8sII")
_BLOCK = 4096

Array = NDArray[Any]


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> str:
    """Write the arrays to a new file and force it to disk; return a hexadecimal digest of the whole.

    Raises :class:`OSError` where the disk is full or not writable; the file is then incomplete.
    """
    plan, size = _plan(arrays)
    with path.open("xb") as file:
        file.truncate(size)
        checksums: list[int] = []
        for name, array in arrays.items():
            offset = plan[name][2]
            data = np.ascontiguousarray(array).tobytes()
            data += b"\0" * (-len(data) % _BLOCK)
            checksums += (zlib.crc32(data[at : at + _BLOCK]) for at in range(0, len(data), _BLOCK))
            file.seek(offset)
            file.write(data)
        table = np.array(checksums, dtype="<u4").tobytes()
        file.seek(size - len(table))
        file.write(table)
        header = _header(plan, size, [size - len(table), zlib.crc32(table)])
        header += b" " * (-(_PREAMBLE.size + len(header)) % _BLOCK)
        file.seek(0)
        file.write(_PREAMBLE.pack(_MAGIC, len(header), zlib.crc32(header)) + header)
        file.flush()
        os.fsync(file.fileno())
    return _digest(header, table)


def _plan(arrays: Mapping[str, Array]) -> tuple[dict[str, tuple[str, int, int]], int]:
    """Place each array: (dtype, count, offset) by name, and the size of the file."""
    room = len(
        _header({n: (a.dtype.str, a.size, 1 << 50) for n, a in arrays.items()}, 1 << 50, [1 << 50, 1 << 32])
    )
    offset = start = _round_up(_PREAMBLE.size + room)
    plan = {}
    for name, array in arrays.items():
        plan[name] = (array.dtype.str, array.size, offset)
        offset += _round_up(array.nbytes)
    return plan, offset + (offset - start) // _BLOCK * 4


def _header(plan: Mapping[str, tuple[str, int, int]], size: int, checksums: list[int]) -> bytes:
    return json.dumps({"format": FORMAT, "size": size, "arrays": plan, "checksums": checksums}).encode()


def _round_up(offset: int) -> int:
    return -(-offset // _BLOCK) * _BLOCK


def _digest(header: bytes, table: bytes) -> str:
    return hashlib.blake2b(header + table, digest_size=8).hexdigest()


class ArrayFile:
    """A file of arrays, mapped read-only."""

    def __init__(self, path: Path) -> None:
        """Map the file; raise :class:`IndexCorruptError` or :class:`IndexVersionError` if it is unusable."""
        self.path = path
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise IndexCorruptError(path, f"cannot be read ({error})") from error
        self._view = memoryview(self._map)
        self._header = self._read_header()
        self._start = min((entry[2] for entry in self._header["arrays"].values()), default=0)
        self._checksums = self._read_checksums()
        self._verified = np.zeros(len(self._checksums), dtype=np.bool_)

    def _read_header(self) -> dict[str, Any]:
        if len(self._map) < _PREAMBLE.size:
            raise IndexCorruptError(self.path, "is truncated")
        magic, length, checksum = _PREAMBLE.unpack_from(self._map)
        header = self._map[_PREAMBLE.size : _PREAMBLE.size + length]
        if magic != _MAGIC:
            raise IndexCorruptError(self.path, "is not an index file")
        if zlib.crc32(header) != checksum:
            raise IndexCorruptError(self.path, "has a damaged header")
        values: dict[str, Any] = json.loads(header)
        if values["format"] > FORMAT:
            raise IndexVersionError(self.path, found=values["format"], known=FORMAT)
        if values["size"] != len(self._map):
            raise IndexCorruptError(self.path, f"holds {len(self._map)} bytes instead of {values['size']}")
        return values

    def _read_checksums(self) -> NDArray[np.uint32]:
        offset, checksum = self._header["checksums"]
        table = self._map[offset:]
        if zlib.crc32(table) != checksum:
            raise IndexCorruptError(self.path, "has a damaged table of checksums")
        return np.frombuffer(table, dtype="<u4")

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return len(self._map)

    def __getitem__(self, name: str) -> CheckedArray:
        dtype, count, offset = self._header["arrays"][name]
        values = np.frombuffer(self._map, dtype=dtype, count=count, offset=offset)
        return CheckedArray(values, self, (offset - self._start) // _BLOCK)

    def __contains__(self, name: str) -> bool:
        return name in self._header["arrays"]

    def ensure_whole(self) -> None:
        """Raise :class:`IndexCorruptError` where the file was shortened after it was mapped.

        Reading beyond its new end would kill the process; files of an index are replaced, never overwritten.
        """
        if self._map.size() < len(self._map):
            raise IndexCorruptError(self.path, "was shortened while it was in use")

    def verify_all(self) -> None:
        """Compare every block with its checksum; raise :class:`IndexCorruptError` where one differs."""
        self.verify_range(0, len(self._checksums) - 1)

    def verify_blocks(self, blocks: NDArray[np.integer[Any]]) -> None:
        """Compare those of the blocks that have not been used yet."""
        unused = blocks[~self._verified[blocks]]
        for block in np.unique(unused).tolist() if len(unused) else ():
            self._verify(block)

    def verify_range(self, first: int, last: int) -> None:
        """The same for the blocks ``first`` to ``last``, both included."""
        for block in range(first, last + 1):
            if not self._verified[block]:
                self._verify(block)

    def _verify(self, block: int) -> None:
        at = self._start + block * _BLOCK
        if zlib.crc32(self._view[at : at + _BLOCK]) != self._checksums[block]:
            raise IndexCorruptError(self.path, f"is damaged at byte {at}")
        self._verified[block] = True


class CheckedArray:
    """A one-dimensional array in an :class:`ArrayFile`, whose every access verifies the blocks it reads."""

    def __init__(self, values: Array, file: ArrayFile, first_block: int) -> None:
        self._values = values
        self._file = file
        self._first_block = first_block
        self._per_block = _BLOCK // values.itemsize

    def __len__(self) -> int:
        return len(self._values)

    def take(self, indices: NDArray[np.integer[Any]]) -> Array:
        """Gather by index."""
        self._file.verify_blocks(self._first_block + indices // self._per_block)
        values: Array = self._values[indices]
        return values

    def slice(self, start: int, stop: int) -> Array:
        """Read ``[start, stop)``, clipped to the array."""
        start, stop = max(start, 0), min(stop, len(self))
        if stop > start:
            first = self._first_block + start // self._per_block
            last = self._first_block + (stop - 1) // self._per_block
            self._file.verify_range(first, last)
        return self._values[start:stop]

    def item(self, index: int) -> int:
        """Read one element of an integer array."""
        self._file.verify_range(*[self._first_block + index // self._per_block] * 2)
        return int(self._values[index])

    def equal_range(self, value: int, low: int, high: int) -> range:
        """Indices of ``value`` within ``[low, high)``, where the array ascends; reads what a search needs."""
        end = high
        while low < high:
            middle = (low + high) // 2
            if self.item(middle) < value:
                low = middle + 1
            else:
                high = middle
        while high < end and self.item(high) == value:
            high += 1
        return range(low, high)

    def all(self) -> Array:
        """Read all of it."""
        return self.slice(0, len(self))
