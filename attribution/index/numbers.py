"""Numbering contents as they are met, in 30 bytes of memory for each."""

from __future__ import annotations

import ctypes
import threading

import numpy as np
from numpy.typing import NDArray

from attribution.native.library import KERNELS, pointer

DIGEST_BYTES = 20
_LEAST_ROOM = 1 << 10
_SLOTS_A_DIGEST = 2

_sizes = ctypes.c_uint64
_address = ctypes.c_void_p
KERNELS.sc_number_digests.argtypes = (
    *(_address, _sizes, _address, _sizes),
    *(_address, _sizes, ctypes.c_int32, _address, _address),
)
KERNELS.sc_number_digests.restype = _sizes


class DigestNumbers:
    """The digests met so far, numbered from 0. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._room = 0
        self._slots = np.empty(0, dtype=np.uint32)
        self._kept = np.empty(0, dtype=np.uint8)

    def __len__(self) -> int:
        return self._count

    def enter(self, digests: bytes) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
        """Number the digests, which are laid end to end; answer numbers, and which of them are new."""
        with self._lock:
            wanted = self._count + len(digests) // DIGEST_BYTES
            if wanted > self._room:
                self._grow(max(2 * self._room, wanted, _LEAST_ROOM))
            numbers, is_new, self._count = self._call(digests, self._count, look_only=False)
        return numbers, is_new

    def known(self, digests: bytes) -> NDArray[np.bool_]:
        """Which of the digests have a number."""
        with self._lock:
            if not self._count:
                return np.zeros(len(digests) // DIGEST_BYTES, dtype=np.bool_)
            return ~self._call(digests, self._count, look_only=True)[1]

    def all(self) -> NDArray[np.uint8]:
        """All digests in the order of their numbers, shape (count, 20)."""
        return self._kept[: self._count * DIGEST_BYTES].reshape(-1, DIGEST_BYTES)

    def sorted(self) -> NDArray[np.uint32]:
        """Numbers in the order of their digests."""
        head = self.all()[:, :8].copy().view(">u8")[:, 0].astype(np.uint64)
        middle = self.all()[:, 8:16].copy().view(">u8")[:, 0].astype(np.uint64)
        tail = self.all()[:, 16:].copy().view(">u4")[:, 0].astype(np.uint32)
        return np.lexsort((tail, middle, head)).astype(np.uint32)

    def _grow(self, room: int) -> None:
        before = self._kept[: self._count * DIGEST_BYTES].tobytes()
        self._room = room
        self._slots = np.zeros(1 << (_SLOTS_A_DIGEST * room).bit_length(), dtype=np.uint32)
        self._kept = np.empty(room * DIGEST_BYTES, dtype=np.uint8)
        self._call(before, 0, look_only=False)

    def _call(
        self, digests: bytes, count: int, *, look_only: bool
    ) -> tuple[NDArray[np.uint32], NDArray[np.bool_], int]:
        numbers = np.empty(len(digests) // DIGEST_BYTES, dtype=np.uint32)
        is_new = np.empty(len(numbers), dtype=np.bool_)
        after = KERNELS.sc_number_digests(
            *(pointer(self._slots), len(self._slots), pointer(self._kept), count),
            *(digests, len(numbers), look_only, pointer(numbers), pointer(is_new)),
        )
        return numbers, is_new, int(after)
