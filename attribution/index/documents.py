"""The document table of a segment: which contents it holds, and where each of them was found.

A document is one content, known by its git SHA-1. The same content is often found in several places; each
place is an occurrence, the first one met being the one that reports name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.index.arrays import Array, ArrayFile
from attribution.model import License, Origin
from attribution.swhid import Swhid

_DIGEST_BYTES = 20


@dataclass(slots=True)
class DocumentTableBuilder:
    """Collects documents and their occurrences in the order in which they are met."""

    _documents: dict[bytes, int] = field(default_factory=dict)
    _occurrences: list[tuple[int, int, bytes]] = field(default_factory=list)
    _origins: dict[bytes, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._documents)

    def add(self, digest: bytes, origin: Origin) -> bool:
        """Enter one place where a content was found; answer whether the content is new here."""
        is_new = digest not in self._documents
        document = self._documents.setdefault(digest, len(self._documents))
        source = self._origins.setdefault(_encode_origin(origin), len(self._origins))
        path = origin.path.encode("utf-8", "surrogateescape")
        self._occurrences.append((document, source, path))
        return is_new

    def arrays(self) -> dict[str, Array]:
        """Lay the table out as arrays; see :class:`DocumentTable` for their meaning."""
        digests = np.frombuffer(b"".join(self._documents), dtype=np.uint8)
        keys = _digest_keys(digests)
        order = np.argsort(keys, kind="stable")
        occurrences = sorted(self._occurrences, key=lambda occurrence: occurrence[0])
        owners = np.array([document for document, _, _ in occurrences], dtype=np.int64)
        return {
            "digests": digests,
            "digest_keys": keys[order],
            "digest_documents": order.astype("<u4"),
            "occurrence_base": np.searchsorted(owners, np.arange(len(self) + 1)).astype("<u4"),
            "occurrence_origin": np.array([source for _, source, _ in occurrences], dtype="<u4"),
            **_pack("path", [path for _, _, path in occurrences]),
            **_pack("origin", list(self._origins)),
        }


class DocumentTable:
    """Reads what :class:`DocumentTableBuilder` laid out."""

    def __init__(self, file: ArrayFile) -> None:
        self._file = file
        self._digests = file["digests"]
        self._digest_keys = file["digest_keys"]
        self._occurrence_base = file["occurrence_base"]

    def __len__(self) -> int:
        return len(self._digest_keys)

    def find(self, digest: bytes) -> int | None:
        """Look up a content by its git SHA-1 (20 bytes)."""
        key = int.from_bytes(digest[:8], "big")
        for place in self._digest_keys.equal_range(key, 0, len(self)):
            document = self._file["digest_documents"].item(place)
            if self.digest(document) == digest:
                return document
        return None

    def digest(self, document: int) -> bytes:
        """The git SHA-1 of a document's content."""
        return self._digests.slice(document * _DIGEST_BYTES, (document + 1) * _DIGEST_BYTES).tobytes()

    def path(self, document: int) -> str:
        """The path at which the content was met first."""
        return self._path(self._occurrence_base.item(document))

    def origins(self, document: int, *, limit: int | None = None) -> list[Origin]:
        """The places where the content was found, first met first."""
        first, last = (int(value) for value in self._occurrence_base.slice(document, document + 2))
        if limit is not None:
            last = min(last, first + limit)
        return [self._occurrence(number) for number in range(first, last)]

    def _occurrence(self, number: int) -> Origin:
        source = self._file["occurrence_origin"].item(number)
        return _decode_origin(_unpack(self._file, "origin", source), self._path(number))

    def _path(self, number: int) -> str:
        return _unpack(self._file, "path", number).decode("utf-8", "surrogateescape")

    def license_counts(self) -> Mapping[str, int]:
        """Count occurrences by licence expression."""
        origins = len(self._file["origin_offsets"]) - 1
        expressions = [
            json.loads(_unpack(self._file, "origin", number))["license"] for number in range(origins)
        ]
        counts: dict[str, int] = {}
        per_origin = np.bincount(self._file["occurrence_origin"].all(), minlength=origins)
        for expression, count in zip(expressions, per_origin.tolist(), strict=True):
            counts[expression] = counts.get(expression, 0) + count
        return counts


def _digest_keys(digests: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The first 8 bytes of each digest as a number that sorts as the digests do."""
    heads = digests.reshape(-1, _DIGEST_BYTES)[:, :8]
    return np.ascontiguousarray(heads).view(">u8").reshape(-1).astype("<u8")


def _pack(name: str, values: list[bytes]) -> dict[str, Array]:
    """Lay byte strings end to end, with the offset of each and of the end."""
    offsets = np.zeros(len(values) + 1, dtype="<u8")
    np.cumsum([len(value) for value in values], out=offsets[1:])
    return {f"{name}_offsets": offsets, f"{name}_bytes": np.frombuffer(b"".join(values), dtype=np.uint8)}


def _unpack(file: ArrayFile, name: str, number: int) -> bytes:
    start, stop = (int(value) for value in file[f"{name}_offsets"].slice(number, number + 2))
    return file[f"{name}_bytes"].slice(start, stop).tobytes()


def _encode_origin(origin: Origin) -> bytes:
    values: dict[str, Any] = {
        "url": origin.url,
        "revision": origin.revision,
        "snapshot": str(origin.snapshot) if origin.snapshot else None,
        "license": origin.license.expression,
        "evidence": origin.license.evidence,
    }
    return json.dumps(values, separators=(",", ":")).encode()


def _decode_origin(encoded: bytes, path: str) -> Origin:
    values = json.loads(encoded)
    return Origin(
        url=values["url"],
        path=path,
        revision=values["revision"],
        snapshot=Swhid.parse(values["snapshot"]) if values["snapshot"] else None,
        license=License(expression=values["license"], evidence=tuple(values["evidence"])),
    )
