"""Reads the header of a GGUF file, to refuse what llama.cpp would crash on.

Every length is checked against the file's size before it is used, so that a truncated or hostile file
costs one clear sentence. Format: the GGUF specification, versions 2 and 3, in ggml's documentation.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

from assistant.errors import ModelNotFoundError, ModelUnusableError

Scalar = str | int | float | bool

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_DEFAULT_ALIGNMENT = 32
_MAX_DIMENSIONS = 4
_STRING, _ARRAY = 8, 9
_LENGTH = struct.Struct("<Q")
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
TENSOR_BLOCKS = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    30: (1, 2),
}
"""Elements and bytes of a block, by ggml tensor type; a type that is missing here has its size unchecked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufHeader:
    """What a GGUF file says of itself."""

    metadata: dict[str, Scalar]
    """Scalar values by key; of arrays, only ``<key>.length``."""
    tensors: int
    parameters: int = 0
    """Numbers in all tensors."""
    weight_bytes: int = 0
    """Bytes of all tensors of the types that are known here."""
    arrays: dict[str, tuple[Scalar, ...]] = field(default_factory=dict)
    """The arrays that were asked for."""

    @property
    def architecture(self) -> str:
        """The model's architecture in llama.cpp's words, such as ``starcoder2``."""
        return str(self.metadata.get("general.architecture", ""))


def read_header(path: Path, *, arrays: Collection[str] = ()) -> GgufHeader:
    """Read the header and check that all the tensors it lists lie inside the file.

    ``arrays`` names those that are read too; others are only counted.

    Raises :class:`ModelNotFoundError` or :class:`ModelUnusableError`.
    """
    if not path.is_file():
        raise ModelNotFoundError(path)
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise _unusable(path, "this is not a GGUF file")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(data, path).header(frozenset(arrays))
    except OSError as error:
        raise _unusable(path, f"it cannot be read ({error.strerror})") from error


def _unusable(path: Path, reason: str) -> ModelUnusableError:
    return ModelUnusableError(
        path, reason, remedy="name one of the StarCoder family, in an editor by model.path"
    )


class _Reader:
    """A position in the file, and the ways to move it forward."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self._data = data
        self._path = path
        self._at = len(_MAGIC)

    def header(self, wanted: frozenset[str]) -> GgufHeader:
        version = self._number("I")
        if version not in _VERSIONS:
            raise _unusable(self._path, f"its GGUF version {version} is not one of {_VERSIONS}")
        tensors, pairs = self._number("Q"), self._number("Q")
        metadata: dict[str, Scalar] = {}
        arrays: dict[str, tuple[Scalar, ...]] = {}
        for _ in range(pairs):
            key = self._string()
            kind = self._number("I")
            if kind == _ARRAY and key in wanted:
                arrays[key] = self._array()
            elif kind == _ARRAY:
                metadata[f"{key}.length"] = self._skip_array()
            else:
                metadata[key] = self._value(kind)
        alignment = int(metadata.get("general.alignment", _DEFAULT_ALIGNMENT))
        parameters, size = self._check_tensors(tensors, alignment=alignment)
        return GgufHeader(
            metadata=metadata, tensors=tensors, parameters=parameters, weight_bytes=size, arrays=arrays
        )

    def _check_tensors(self, count: int, *, alignment: int) -> tuple[int, int]:
        """Answer the numbers and bytes of all tensors."""
        end = parameters = total = 0
        for _ in range(count):
            elements, size, offset = self._tensor()
            end, parameters, total = max(end, offset + size), parameters + elements, total + size
        if alignment < 1:
            raise _unusable(self._path, "its alignment is not a positive number")
        start = -(-self._at // alignment) * alignment
        missing = start + end - len(self._data)
        if missing > 0:
            raise _unusable(self._path, f"it is truncated: {missing:,} bytes are missing")
        return parameters, total

    def _tensor(self) -> tuple[int, int, int]:
        """Answer the numbers in a tensor, its bytes, and where it starts in the tensor data."""
        self._string()
        dimensions = self._number("I")
        if dimensions > _MAX_DIMENSIONS:
            raise _unusable(self._path, "its list of tensors is damaged")
        elements = prod(self._number("Q") for _ in range(dimensions))
        kind, offset = self._number("I"), self._number("Q")
        block_elements, block_bytes = TENSOR_BLOCKS.get(kind, (1, 0))
        return elements, -(-elements // block_elements) * block_bytes, offset

    def _value(self, kind: int) -> Scalar:
        if kind == _STRING:
            return self._string()
        if kind not in _SCALARS:
            raise _unusable(self._path, "its metadata is damaged")
        value: Scalar = self._unpack(_SCALARS[kind])
        return value

    def _array(self) -> tuple[Scalar, ...]:
        kind, count = self._number("I"), self._number("Q")
        return tuple(self._value(kind) for _ in range(count))

    def _skip_array(self) -> int:
        kind, count = self._number("I"), self._number("Q")
        if kind in _SCALARS:
            self._advance(count * struct.calcsize("<" + _SCALARS[kind]))
        elif kind == _STRING:
            self._skip_strings(count)
        else:
            raise _unusable(self._path, "its metadata is damaged")
        return count

    def _skip_strings(self, count: int) -> None:
        """Move over many strings: a vocabulary and its merges are about 100,000."""
        at, end = self._at, len(self._data)
        for _ in range(count):
            if at + _LENGTH.size > end:
                at = end + 1
                break
            at += _LENGTH.size + _LENGTH.unpack_from(self._data, at)[0]
        self._advance(at - self._at)

    def _string(self) -> str:
        length = self._number("Q")
        start = self._advance(length)
        return self._data[start : self._at].decode("utf-8", "replace")

    def _number(self, code: str) -> int:
        return int(self._unpack(code))

    def _unpack(self, code: str) -> int | float | bool:
        start = self._advance(struct.calcsize("<" + code))
        value: int | float | bool = struct.unpack_from("<" + code, self._data, start)[0]
        return value

    def _advance(self, size: int) -> int:
        """Move over ``size`` bytes and answer where they start."""
        start = self._at
        if size > len(self._data) - start:
            raise _unusable(self._path, "it is truncated: its header ends in the middle")
        self._at = start + size
        return start
