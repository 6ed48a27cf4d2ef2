"""One file of named arrays, checked block by block as it is read.

Layout, all little-endian::

    0    magic (8 bytes), format (u32), CRC-32C of the header (u32), its offset and its length (u64), zeros
    60   CRC-32C of the 60 bytes before (u32)
    64   arrays, each starting at a multiple of 64, zeros between them and up to a whole block
    …    one CRC-32C (u32) for each 1 KiB block of the arrays' part
    …    one CRC-32C (u32) for each 4 KiB of those
    …    header: JSON {"arrays": {name: [dtype, count, offset]}, "stop": end of the arrays' part,
         "table_checksum": CRC-32C of the second table}

Opening reads the header and the second table, 4 bytes for each MiB; a block's checksum is compared when the
block is first used, and before it the 4 KiB of checksums that it stands in. So opening is instant whatever
the size, and a flipped byte is never believed. Kernels check through the same flags (native/checked.hpp).
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import mmap
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from attribution.errors import IndexCorruptError, IndexUnusableError, IndexVersionError
from attribution.index.disk import NewFile
from attribution.native.library import KERNELS, pointer

FORMAT = 2
BLOCK_BYTES = 1024
_TABLE_BLOCK_BYTES = 4096
_MAGIC = b"SCATTRB\0"
_MAGIC_OF_FORMAT_1 = b"SCATTRB\n"
_PREAMBLE = struct.Struct("<8sIIQQ28s")
_CHECKSUM = struct.Struct("<I")
_START = 64
_ALIGNMENT = 64
_PIECE_BYTES = 1 << 20
_STRIDE_BYTES = 1 << 26
"""Bytes read between two releases of memory."""

Array = NDArray[Any]


class _Mapped(ctypes.Structure):
    """``sc::Mapped`` of native/checked.hpp."""

    _fields_ = (
        ("base", ctypes.c_void_p),
        ("start", ctypes.c_uint64),
        ("stop", ctypes.c_uint64),
        ("checksums", ctypes.c_void_p),
        ("table_checksums", ctypes.c_void_p),
        ("verified", ctypes.c_void_p),
        ("verified_table", ctypes.c_void_p),
        ("damaged", ctypes.c_void_p),
    )


KERNELS.sc_checksums.argtypes = (
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_uint64,
    ctypes.c_int32,
    ctypes.c_void_p,
)
KERNELS.sc_checksums.restype = None
KERNELS.sc_ensure.argtypes = (ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64)
KERNELS.sc_ensure.restype = ctypes.c_int32
KERNELS.sc_equal_range.argtypes = (
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_uint64,
    ctypes.c_uint32,
    ctypes.c_void_p,
)
KERNELS.sc_equal_range.restype = ctypes.c_int32


def block_checksums(
    data: bytes | Array, block_bytes: int, *, in_software: bool = False
) -> NDArray[np.uint32]:
    """CRC-32C of each ``block_bytes`` of ``data``, of the shorter rest too."""
    raw = np.frombuffer(data, dtype=np.uint8) if isinstance(data, bytes) else data.view(np.uint8)
    checksums = np.empty(-(-len(raw) // block_bytes), dtype="<u4")
    KERNELS.sc_checksums(pointer(raw), len(raw), block_bytes, in_software, pointer(checksums))
    return checksums


def crc32c(data: bytes) -> int:
    """CRC-32C of all of ``data``; 0 of nothing."""
    return int(block_checksums(data, len(data))[0]) if data else 0


class ArrayWriter:
    """Writes a new file array by array, in pieces, so that memory does not grow with the file."""

    def __init__(self, path: Path) -> None:
        """Create the file; raises :class:`OSError`, as all methods do where the disk is full."""
        self._file = NewFile(path)
        self._plan: dict[str, tuple[str, int, int]] = {}
        self._pending = bytearray()
        self._checksums: list[NDArray[np.uint32]] = []
        self._digest = hashlib.blake2b(digest_size=8)
        self._offset = _START

    def __enter__(self) -> ArrayWriter:
        self._file.write(b"\0" * _START)
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)

    def add(self, name: str, pieces: Array | Iterable[Array], *, dtype: str) -> None:
        """Append an array, converted to the little-endian ``dtype``; ``pieces`` are laid end to end."""
        self._append(b"\0" * (-self._offset % _ALIGNMENT))
        offset, kind = self._offset, np.dtype(dtype)
        for piece in [pieces] if isinstance(pieces, np.ndarray) else pieces:
            for at in range(0, len(piece), _PIECE_BYTES):
                self._append(piece[at : at + _PIECE_BYTES].astype(kind, copy=False).tobytes())
        self._plan[name] = (kind.str, (self._offset - offset) // kind.itemsize, offset)

    def finish(self) -> str:
        """Complete the file and force it to disk; return a hexadecimal digest of all that it holds."""
        self._append(b"\0" * (-(self._offset - _START) % BLOCK_BYTES))
        self._flush(len(self._pending))
        table = np.concatenate([np.empty(0, "<u4"), *self._checksums]).astype("<u4")
        second = block_checksums(table, _TABLE_BLOCK_BYTES).tobytes()
        values = {"arrays": self._plan, "stop": self._offset, "table_checksum": crc32c(second)}
        header = json.dumps(values, separators=(",", ":")).encode()
        self._file.write(table.tobytes() + second)
        preamble = _PREAMBLE.pack(_MAGIC, FORMAT, crc32c(header), self._file.size, len(header), b"")
        self._file.write(header)
        self._file.overwrite_start(preamble + _CHECKSUM.pack(crc32c(preamble)))
        self._file.sync()
        self._digest.update(header)
        return self._digest.hexdigest()

    def _append(self, data: bytes) -> None:
        self._pending += data
        self._offset += len(data)
        if len(self._pending) >= _PIECE_BYTES:
            self._flush(len(self._pending) // BLOCK_BYTES * BLOCK_BYTES)

    def _flush(self, size: int) -> None:
        """Write the first ``size`` pending bytes, whole blocks."""
        data = bytes(memoryview(self._pending)[:size])
        del self._pending[:size]
        self._checksums.append(block_checksums(data, BLOCK_BYTES))
        self._digest.update(data)
        self._file.write(data)


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> str:
    """Write arrays that are in memory to a new file, in their own types; see :class:`ArrayWriter`."""
    with ArrayWriter(path) as writer:
        for name, array in arrays.items():
            writer.add(name, array, dtype=array.dtype.str)
        return writer.finish()


class ArrayFile:
    """A file of arrays, mapped read-only."""

    def __init__(self, path: Path) -> None:
        """Map the file; raise :class:`IndexCorruptError` or :class:`IndexVersionError` if it is unusable.

        Another :class:`IndexUnusableError` stands for a file that may not be read.
        """
        self.path = path
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except PermissionError as error:
            raise IndexUnusableError(path, "cannot be read", remedy="check its permissions") from error
        except OSError as error:
            raise IndexCorruptError(path, f"cannot be read ({error.strerror or error})") from error
        except ValueError as error:  # nothing can be mapped of an empty file
            raise IndexCorruptError(path, "is empty") from error
        self._bytes = np.frombuffer(self._map, dtype=np.uint8)
        self._header = self._read_header()
        self._stop = int(self._header["stop"])
        self._struct = self._checked_map()

    def _read_header(self) -> dict[str, Any]:
        if len(self._map) < _START:
            raise IndexCorruptError(self.path, "is truncated")
        magic, version, checksum, offset, length, _ = _PREAMBLE.unpack_from(self._map)
        if magic == _MAGIC_OF_FORMAT_1:
            raise IndexVersionError(self.path, found=1, known=FORMAT)
        if magic != _MAGIC:
            raise IndexCorruptError(self.path, "is not an index file")
        if (crc32c(self._map[: _PREAMBLE.size]),) != _CHECKSUM.unpack_from(self._map, _PREAMBLE.size):
            raise IndexCorruptError(self.path, "is damaged at its beginning")
        if version != FORMAT:
            raise IndexVersionError(self.path, found=version, known=FORMAT)
        if offset + length != len(self._map):
            raise IndexCorruptError(self.path, f"holds {len(self._map)} bytes instead of {offset + length}")
        header = self._map[offset:]
        if crc32c(header) != checksum:
            raise IndexCorruptError(self.path, "has a damaged header")
        values: dict[str, Any] = json.loads(header)
        return values

    def _checked_map(self) -> _Mapped:
        """Lay out what the kernels need to check blocks; the second table is compared now."""
        blocks = (self._stop - _START) // BLOCK_BYTES
        table = self._stop
        second = table + 4 * blocks
        parts = -(-4 * blocks // _TABLE_BLOCK_BYTES)
        if crc32c(self._map[second : second + 4 * parts]) != self._header["table_checksum"]:
            raise IndexCorruptError(self.path, "has a damaged table of checksums")
        self._verified = np.zeros(blocks, dtype=np.uint8)
        self._verified_table = np.zeros(parts, dtype=np.uint8)
        self._damaged = np.zeros(1, dtype=np.uint64)
        base = int(self._bytes.ctypes.data)
        return _Mapped(
            base=base,
            start=_START,
            stop=self._stop,
            checksums=base + table,
            table_checksums=base + second,
            verified=self._verified.ctypes.data,
            verified_table=self._verified_table.ctypes.data,
            damaged=self._damaged.ctypes.data,
        )

    @property
    def checked_address(self) -> int:
        """Address of the ``sc::Mapped`` that kernels check through; valid as long as this object."""
        return ctypes.addressof(self._struct)

    @property
    def names(self) -> list[str]:
        """Names of the arrays."""
        return [*self._header["arrays"]]

    def offset(self, name: str) -> int:
        """Byte of the file at which an array starts."""
        return int(self._header["arrays"][name][2])

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return len(self._map)

    def __getitem__(self, name: str) -> CheckedArray:
        dtype, count, offset = self._header["arrays"][name]
        return CheckedArray(np.frombuffer(self._map, dtype=dtype, count=count, offset=offset), self, offset)

    def __contains__(self, name: str) -> bool:
        return name in self._header["arrays"]

    def copy_to(self, path: Path) -> None:
        """Write the same bytes to a new file, and force that to disk; raises :class:`OSError`."""
        self.ensure_whole()
        with NewFile(path) as copy:
            for at in range(0, len(self._map), _STRIDE_BYTES):
                copy.write(self._map[at : at + _STRIDE_BYTES])
                self.release_memory()
            copy.sync()

    def ensure_whole(self) -> None:
        """Raise :class:`IndexCorruptError` where the file was shortened after it was mapped.

        Reading beyond its new end would kill the process; files of an index are replaced, never overwritten.
        """
        if self._map.size() < len(self._map):
            raise IndexCorruptError(self.path, "was shortened while it was in use")

    def verify_all(self) -> str:
        """Compare every block with its checksum and answer the digest of all, as :meth:`ArrayWriter.finish`.

        Blocks that were verified before are read again. Raises :class:`IndexCorruptError` where one differs.
        """
        self._verified[:] = 0
        self._verified_table[:] = 0
        digest = hashlib.blake2b(digest_size=8)
        for at in range(_START, self._stop, _STRIDE_BYTES):
            size = min(_STRIDE_BYTES, self._stop - at)
            self.ensure(at, size)
            for piece in range(at, at + size, _PIECE_BYTES):
                digest.update(self._map[piece : min(piece + _PIECE_BYTES, at + size)])
            self.release_memory()
        digest.update(self._map[_PREAMBLE.unpack_from(self._map)[3] :])
        return digest.hexdigest()

    def release_memory(self) -> None:
        """Give back the memory of what was read so far; it is read again when it is used again."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def ensure(self, offset: int, size: int) -> None:
        """Compare the blocks of these bytes that have not been used yet."""
        if not KERNELS.sc_ensure(self.checked_address, offset, size):
            self.raise_damage()

    def ensure_each(self, offset: int, positions: NDArray[np.integer[Any]]) -> None:
        """The same for single bytes at ``offset + positions``."""
        blocks = (positions + (offset - _START)) // BLOCK_BYTES
        unused = blocks[self._verified[blocks] == 0]
        for block in np.unique(unused).tolist() if len(unused) else ():
            self.ensure(_START + block * BLOCK_BYTES, BLOCK_BYTES)

    def raise_damage(self) -> NoReturn:
        """Raise the error for what a kernel found damaged."""
        raise IndexCorruptError(self.path, f"is damaged at byte {int(self._damaged[0])}")


class CheckedArray:
    """A one-dimensional array in an :class:`ArrayFile`, whose every access verifies the blocks it reads."""

    def __init__(self, values: Array, file: ArrayFile, offset: int) -> None:
        self._values = values
        self._file = file
        self.offset = offset
        """Byte of the file at which it starts."""
        self.itemsize = values.itemsize

    def __len__(self) -> int:
        return len(self._values)

    def take(self, indices: NDArray[np.integer[Any]]) -> Array:
        """Gather by index."""
        self._file.ensure_each(self.offset, indices * self.itemsize)
        values: Array = self._values[indices]
        return values

    def slice(self, start: int, stop: int) -> Array:
        """Read ``[start, stop)``, clipped to the array."""
        start, stop = max(start, 0), min(stop, len(self))
        if stop > start:
            self._file.ensure(self.offset + start * self.itemsize, (stop - start) * self.itemsize)
        return self._values[start:stop]

    def item(self, index: int) -> int:
        """Read one element of an integer array."""
        self._file.ensure(self.offset + index * self.itemsize, self.itemsize)
        return int(self._values[index])

    def equal_range(self, value: int) -> range:
        """Indices of ``value`` in an ascending array of uint32; reads what a search needs."""
        places = (ctypes.c_uint64 * 2)()
        where = (self._file.checked_address, self.offset, len(self))
        if not KERNELS.sc_equal_range(*where, value, places):
            self._file.raise_damage()
        return range(*places)

    def pieces(self, *, elements: int = 1 << 20) -> Iterable[Array]:
        """Read all of it, piece by piece."""
        return (self.slice(at, at + elements) for at in range(0, len(self), elements))

    def all(self) -> Array:
        """Read all of it."""
        return self.slice(0, len(self))
