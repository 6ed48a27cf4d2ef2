"""A segment: an immutable part of an index, whole in itself.

``segments/<id>/arrays.bin`` holds everything; the id is a digest of its content, so equal input gives an
equal segment on every machine. Segments can be built apart, copied and published.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.fingerprint import Fingerprint
from attribution.fingerprint.minhash import BANDS, PERMUTATIONS, band_keys
from attribution.index.arrays import Array, ArrayFile, write_arrays
from attribution.index.documents import DocumentTable, DocumentTableBuilder
from attribution.index.profile import Profile
from attribution.index.seed_table import SeedTable, seed_arrays
from attribution.model import Origin

_ARRAYS = "arrays.bin"
_TEMPORARY = "tmp-"
_OURS = re.compile(r"(?:tmp-)?[0-9a-f]{16}")


@dataclass(slots=True)
class SegmentBuilder:
    """Collects the fingerprints of a segment in memory: about 3 bytes for each byte of source."""

    profile: Profile
    documents: DocumentTableBuilder = field(default_factory=DocumentTableBuilder)
    source_bytes: int = 0
    _fingerprints: list[Fingerprint] = field(default_factory=list)

    def add_occurrence(self, digest: bytes, origin: Origin) -> bool:
        """Enter where a content was found; answer whether its fingerprint must be added next."""
        return self.documents.add(digest, origin)

    def add_fingerprint(self, fingerprint: Fingerprint, *, size: int) -> None:
        """Add the fingerprint of the content entered last."""
        self._fingerprints.append(fingerprint)
        self.source_bytes += size

    def write(self, directory: Path) -> str:
        """Write the segment into ``directory`` under its id and return that; all of it is on disk then.

        A segment of that id, which may be live, is replaced in one step by one of the same content.
        """
        directory.mkdir(parents=True, exist_ok=True)
        sync_directory(directory.parent)
        temporary = directory / f"{_TEMPORARY}{secrets.token_hex(8)}"
        temporary.mkdir()
        try:
            segment_id = write_arrays(temporary / _ARRAYS, self._arrays())
            final = directory / segment_id
            if final.is_dir():
                (temporary / _ARRAYS).replace(final / _ARRAYS)
                sync_directory(final)
            else:
                sync_directory(temporary)
                temporary.rename(final)
                sync_directory(directory)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return segment_id

    def _arrays(self) -> dict[str, Array]:
        prints = self._fingerprints
        line_base = np.zeros(len(prints) + 1, dtype=np.int64)
        np.cumsum([len(p.sketches) for p in prints], out=line_base[1:])
        counts = [len(p.seeds) for p in prints]
        lines = _concatenate([p.seed_lines for p in prints], np.int64) - 1 + np.repeat(line_base[:-1], counts)
        arrays = {
            "line_base": line_base.astype("<u4"),
            "sketches": _concatenate([p.sketches for p in prints], np.uint16).astype(
                self.profile.sketch_type
            ),
            "token_counts": np.array([p.token_count for p in prints], dtype="<u4"),
            **seed_arrays(
                _concatenate([p.seeds.hashes for p in prints], np.uint64),
                lines.astype(np.uint32),
                np.repeat(np.arange(len(prints), dtype=np.uint32), counts),
            ),
            **self.documents.arrays(),
        }
        if self.profile.keeps_signatures:
            arrays |= _signature_arrays([p.signature for p in prints if p.signature is not None])
        return arrays


def _concatenate(parts: list[NDArray[np.generic]] | list[Array], dtype: type[np.generic]) -> Array:
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)


def _signature_arrays(signatures: list[NDArray[np.uint32]]) -> dict[str, Array]:
    """Keep one byte of each signature value (b-bit MinHash, Li and König 2010) and sorted band keys."""
    keys = np.array([band_keys(s) for s in signatures], dtype=np.uint32).reshape(-1, BANDS).T
    order = np.argsort(keys, axis=1, kind="stable")
    return {
        "signatures": np.array(signatures, dtype=np.uint32).astype(np.uint8).reshape(-1),
        "band_keys": np.take_along_axis(keys, order, axis=1).astype("<u4").reshape(-1),
        "band_documents": order.astype("<u4").reshape(-1),
    }


def sync_directory(path: Path) -> None:
    """Force the entries of a directory to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_strays(directory: Path, live: set[str]) -> None:
    """Delete what a killed writer left behind: segments that no catalog lists. Foreign things stay."""
    for path in directory.iterdir() if directory.is_dir() else ():
        if _OURS.fullmatch(path.name) and path.name not in live:
            shutil.rmtree(path, ignore_errors=True)


class Segment:
    """One segment, mapped read-only."""

    def __init__(self, directory: Path) -> None:
        """Open it; raise :class:`IndexCorruptError` or :class:`IndexVersionError` if it is unusable."""
        self._file = ArrayFile(directory / _ARRAYS)
        self.documents = DocumentTable(self._file)
        self.seeds = SeedTable(self._file)
        self._line_base = self._file["line_base"]
        self._sketches = self._file["sketches"]

    def ensure_whole(self) -> None:
        """Raise :class:`IndexCorruptError` where its file was shortened after it was opened."""
        self._file.ensure_whole()

    @property
    def size_bytes(self) -> int:
        """Bytes it takes on disk."""
        return self._file.size_bytes

    @property
    def has_signatures(self) -> bool:
        """Whether whole files can be looked up by MinHash."""
        return "signatures" in self._file

    def sketches(self, document: int) -> Array:
        """Line sketches of a document: one for each line, u2 or (sparse profile) their low bytes as u1."""
        start, stop = (int(value) for value in self._line_base.slice(document, document + 2))
        return self._sketches.slice(start, stop)

    def sketches_at(self, documents: NDArray[np.int64], lines: NDArray[np.int64]) -> Array:
        """Sketches of single lines, counted from 1 in their documents; of the last line for those beyond."""
        first, last = self._line_base.take(documents), self._line_base.take(documents + 1)
        return self._sketches.take(np.minimum(first.astype(np.int64) + lines, last) - 1)

    def token_count(self, document: int) -> int:
        """Tokens of a document."""
        return self._file["token_counts"].item(document)

    def near_copies(self, signature: NDArray[np.uint32]) -> list[tuple[int, float]]:
        """Documents that share a band with ``signature``, each with its estimated Jaccard similarity."""
        if not self.has_signatures:
            return []
        candidates: set[int] = set()
        for band, key in enumerate(band_keys(signature).tolist()):
            candidates.update(self._band_members(band, key))
        return [(document, self._estimate(document, signature)) for document in sorted(candidates)]

    def _band_members(self, band: int, key: int) -> list[int]:
        """Documents whose key in this band is ``key``."""
        count, documents = len(self.documents), self._file["band_documents"]
        places = self._file["band_keys"].equal_range(key, band * count, (band + 1) * count)
        return [documents.item(place) for place in places]

    def _estimate(self, document: int, signature: NDArray[np.uint32]) -> float:
        kept = self._file["signatures"].slice(document * PERMUTATIONS, (document + 1) * PERMUTATIONS)
        equal = float(np.mean(kept == signature.astype(np.uint8)))
        return max(0.0, (equal - 1 / 256) / (1 - 1 / 256))

    def verify(self) -> None:
        """Read everything and compare it with its checksums; raise :class:`IndexCorruptError`."""
        self._file.verify_all()
