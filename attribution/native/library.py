"""The compiled kernels, loaded once. Every other module calls them through :data:`KERNELS`.

The functions take pointers and sizes and touch nothing but the arrays they are given; they run without
Python's global lock, so threads use every core. The contract of each stands above it
in its ``.cpp`` file.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.errors import KernelsMissingError
from attribution.native.build import LIBRARY

ABI = 1
"""Changes with the signature of any function, so that a stale library is noticed."""


def _load() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(str(LIBRARY))
        found = library.sc_abi()
    except (OSError, AttributeError) as error:
        raise KernelsMissingError(LIBRARY, str(error)) from error
    if found != ABI:
        raise KernelsMissingError(LIBRARY, f"it is of version {found}, not {ABI}")
    return library


KERNELS = _load()


def pointer(array: NDArray[Any]) -> int:
    """Address of an array's first element; the caller keeps the array alive and contiguous.

    ``array.ctypes.data`` says the same three times as slowly, which a query of some forty arrays would feel.
    """
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):  # read-only, or empty
        return array.ctypes.data


def address(content: bytes) -> NDArray[np.uint8]:
    """View bytes as an array, without a copy."""
    return np.frombuffer(content, dtype=np.uint8)
