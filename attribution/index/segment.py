"""A segment: an immutable part of an index, whole in itself.

``segments/<id>/arrays.bin`` holds everything; the id is a digest of its content, so equal input gives an
equal segment on every machine. Segments can be built apart, copied and published.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attribution.errors import IndexCorruptError
from attribution.fingerprint.minhash import PERMUTATIONS, band_keys
from attribution.index.arrays import Array, ArrayFile
from attribution.index.catalog import SEGMENTS, Catalog, SegmentRow, read_catalog
from attribution.index.contents import DIGEST as CONTENTS_DIGEST
from attribution.index.contents import FILE as CONTENTS
from attribution.index.contents import ContentsStore, contents_of, open_to_read
from attribution.index.disk import copy_open_file
from attribution.index.documents import DocumentTable
from attribution.index.seek import SeedLane
from attribution.index.vectors import COUNTS, VectorLane
from attribution.index.words import WordLane
from attribution.model import Origin
from attribution.native.library import KERNELS, pointer

ARRAYS = "arrays.bin"
GENERATED = 1
"""Bit of ``flags``: the file says of itself that a program wrote it."""


Choose = Callable[[Sequence[SegmentRow]], Sequence[SegmentRow]]


def open_segments(index: Path, rows: Iterable[SegmentRow]) -> list[Segment]:
    """Open live segments of an index; raises as :class:`Segment` does."""
    return [Segment(index / SEGMENTS / row.id, hidden_occurrences=row.hidden) for row in rows]


def open_live(index: Path, *, only: Choose = lambda rows: rows) -> tuple[Catalog, list[Segment]]:
    """The state of an index with its segments open, so that later writes do not disturb them.

    ``only`` chooses those that are opened. Raises as :func:`read_catalog` and :class:`Segment` do.
    """
    for _ in range(_ATTEMPTS):
        catalog = read_catalog(index)
        try:
            return catalog, open_segments(index, only(catalog.segments))
        except IndexCorruptError:
            if read_catalog(index).segments == catalog.segments:
                raise
            # else a writer replaced a segment between the two reads
    raise IndexCorruptError(index, "is being rewritten faster than it can be opened")


_ATTEMPTS = 5
_NEAR_COPIES = 1024
"""Documents that one signature may meet, counted once for each band they share."""

KERNELS.sc_band_members.argtypes = (
    *(ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64),
    *(ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64),
)
KERNELS.sc_band_members.restype = ctypes.c_int64


class Segment:
    """One segment, mapped read-only."""

    def __init__(
        self,
        directory: Path,
        *,
        hidden_occurrences: NDArray[np.uint32] | None = None,
        opened: Segment | None = None,
    ) -> None:
        """Open it; raise :class:`IndexCorruptError` or :class:`IndexVersionError` if it is unusable.

        ``hidden_occurrences``, ascending, were removed since it was written. With ``opened`` its open files
        are used, whatever became of them since.
        """
        self.directory = directory
        self.file: ArrayFile = ArrayFile(directory / ARRAYS) if opened is None else opened.file
        self.documents = DocumentTable(self.file, hidden_occurrences=hidden_occurrences)
        self.line_base = self.file["line_base"]
        self._sketches = self.file["sketches"]
        self.contents_handle = self._open_contents(opened)
        """Open file of texts, so that they can be read when the segment is compacted away."""
        if self.contents_handle is not None:
            weakref.finalize(self, os.close, self.contents_handle)
        self._hidden_occurrences = (
            np.empty(0, np.uint32) if hidden_occurrences is None else hidden_occurrences
        )

    def _open_contents(self, opened: Segment | None) -> int | None:
        if not self.has_contents:
            return None
        if opened is None or opened.contents_handle is None:
            return open_to_read(self.directory / CONTENTS)
        return os.dup(opened.contents_handle)

    def hiding(self, occurrences: NDArray[np.uint32]) -> Segment:
        """The same open files without these occurrences, which ascend."""
        return Segment(self.directory, hidden_occurrences=occurrences, opened=self)

    @cached_property
    def hidden(self) -> NDArray[np.uint8] | None:
        """One byte a document, 1 where all its occurrences were removed; ``None`` where nothing was."""
        if len(self._hidden_occurrences) == 0:
            return None
        hidden = np.ones(len(self.documents), dtype=np.uint8)
        hidden[self.documents.owners()[self.live_occurrences]] = 0
        return hidden

    @property
    def live_occurrences(self) -> NDArray[np.bool_]:
        """For each occurrence whether it was not removed."""
        live = np.ones(self.documents.occurrence_count, dtype=np.bool_)
        live[self._hidden_occurrences] = False
        return live

    @property
    def live_documents(self) -> NDArray[np.bool_]:
        """For each document whether any occurrence of it was not removed."""
        return np.ones(len(self.documents), dtype=np.bool_) if self.hidden is None else self.hidden == 0

    @property
    def total_lines(self) -> int:
        """Lines of all documents."""
        return self.line_base.item(len(self.line_base) - 1)

    @property
    def most_postings(self) -> int:
        """Records of its largest posting table."""
        shapes = (name for name in self.file.names if name.endswith("_shape"))
        return max(self.file[name].item(0) for name in shapes)

    @property
    def has_contents(self) -> bool:
        """Whether the texts of the documents were kept."""
        return CONTENTS_DIGEST in self.file

    @cached_property
    def texts(self) -> ContentsStore | None:
        """The texts of the documents, where they were kept; raises as :func:`contents_of` does."""
        return contents_of(self)

    def copy_to(self, folder: Path) -> None:
        """Write the same files into a folder, and force them to disk; raises :class:`OSError`."""
        self.file.copy_to(folder / ARRAYS)
        if self.contents_handle is not None:
            copy_open_file(self.contents_handle, folder / CONTENTS)

    def ensure_whole(self) -> None:
        """Raise :class:`IndexCorruptError` where its file was shortened after it was opened."""
        self.file.ensure_whole()

    @property
    def size_bytes(self) -> int:
        """Bytes of its files, also when they were compacted away since it was opened."""
        contents = 0 if self.contents_handle is None else os.fstat(self.contents_handle).st_size
        return self.file.size_bytes + contents

    @property
    def has_signatures(self) -> bool:
        """Whether whole files can be looked up by MinHash."""
        return "signatures" in self.file

    def sketches(self, document: int) -> Array:
        """Line sketches of a document: one for each line, u2 or (sparse profile) their low bytes as u1."""
        start, stop = self.line_base.slice(document, document + 2).tolist()
        return self._sketches.slice(start, stop)

    def structure_sketches(self, document: int) -> Array:
        """Structural line sketches of a document, where the profile keeps them: one byte for each line."""
        start, stop = self.line_base.slice(document, document + 2).tolist()
        return self.file["structure_sketches"].slice(start, stop)

    def token_count(self, document: int) -> int:
        """Tokens of a document."""
        return self.file["token_counts"].item(document)

    def line_count(self, document: int) -> int:
        """Lines of a document."""
        start, stop = self.line_base.slice(document, document + 2).tolist()
        return int(stop - start)

    def is_generated(self, document: int) -> bool:
        """Whether a document says of itself that a program wrote it."""
        return bool(self.file["flags"].item(document) & GENERATED)

    def origins(self, document: int, *, limit: int | None = None) -> list[Origin]:
        """Where a document was found, without the places that were removed."""
        return self.documents.origins(document, limit=limit)

    @cached_property
    def literal(self) -> SeedLane:
        """Literal seeds and sketches."""
        return SeedLane(self.file, table="literal", sketches="sketches", hidden=self.hidden)

    @cached_property
    def structural(self) -> SeedLane | None:
        """Structural seeds and sketches, in the full profile."""
        if "structural_shape" not in self.file:
            return None
        return SeedLane(self.file, table="structural", sketches="structure_sketches", hidden=self.hidden)

    @cached_property
    def words(self) -> WordLane | None:
        """The words of the documents, in the full profile."""
        return WordLane(self.file, hidden=self.hidden) if "words_shape" in self.file else None

    @property
    def has_vectors(self) -> bool:
        """Whether vectors of its documents' blocks were kept."""
        return COUNTS in self.file

    @cached_property
    def vectors(self) -> VectorLane | None:
        """The vectors of blocks, where they were kept."""
        return VectorLane(self.file, hidden=self.hidden) if self.has_vectors else None

    def near_copies(self, signature: NDArray[np.uint32]) -> list[tuple[int, float]]:
        """Documents that share a band with ``signature``, each with its estimated Jaccard similarity."""
        if not self.has_signatures:
            return []
        found = np.empty(_NEAR_COPIES, dtype=np.uint32)
        keys = band_keys(signature)
        count = KERNELS.sc_band_members(
            *(self.file.checked_address, self.file.offset("band_keys"), self.file.offset("band_documents")),
            *(len(self.documents), pointer(keys), len(keys), pointer(found), len(found)),
        )
        if count < 0:
            self.file.raise_damage()
        candidates = np.unique(found[:count])
        if self.hidden is not None:
            candidates = candidates[self.hidden[candidates] == 0]
        return [(document, self._estimate(document, signature)) for document in candidates.tolist()]

    def _estimate(self, document: int, signature: NDArray[np.uint32]) -> float:
        kept = self.file["signatures"].slice(document * PERMUTATIONS, (document + 1) * PERMUTATIONS)
        equal = float(np.mean(kept == signature.astype(np.uint8)))
        return max(0.0, (equal - 1 / 256) / (1 - 1 / 256))

    def verify_arrays(self) -> None:
        """Compare all of ``arrays.bin`` with its checksums and its id; raise :class:`IndexCorruptError`."""
        digest = self.file.verify_all()
        if digest != self.directory.name:
            raise IndexCorruptError(self.file.path, f"is not segment {self.directory.name} but {digest}")

    def verify(self) -> None:
        """The same for all files of the segment."""
        self.verify_arrays()
        store = contents_of(self)
        if store is not None:
            store.verify()
