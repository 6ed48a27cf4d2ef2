"""A segment under construction: fingerprints in, one file of arrays out, in bounded memory."""

from __future__ import annotations

import re
import secrets
import shutil
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.fingerprint import Fingerprint, Postings
from attribution.fingerprint.minhash import BANDS, band_keys
from attribution.index.arrays import ArrayWriter
from attribution.index.disk import sync_directory
from attribution.index.documents import DocumentTableBuilder
from attribution.index.profile import Profile
from attribution.index.segment import ARRAYS, GENERATED
from attribution.index.spill import Column, PostingSorter, repeats_kept
from attribution.index.table import write_table
from attribution.index.words import MAX_FREQUENCY
from attribution.model import Origin

MEMORY_BYTES = 384 << 20
"""Postings held in memory before they are spilled."""
_TEMPORARY = "tmp-"
_OURS = re.compile(r"(?:tmp-)?[0-9a-f]{16}")
_FREQUENCY_BITS = 4
_GREATEST_LINES = (1 << 32) - 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPrint:
    """All that a segment keeps of a content."""

    size: int
    """Bytes of the content."""
    seeds: Fingerprint
    words: tuple[NDArray[np.uint64], NDArray[np.uint32]] | None
    """Keys of its distinct words and how often each is there, where the profile keeps them."""


class SegmentDraft:
    """Collects the fingerprints of a segment; a context manager that deletes what it spilled."""

    def __init__(self, directory: Path, profile: Profile, *, memory_bytes: int = MEMORY_BYTES) -> None:
        """``directory`` is the folder of segments; spill files lie in it, in a folder of their own."""
        self._directory = directory
        self._folder = temporary_folder(directory)
        self.profile = profile
        self.documents = DocumentTableBuilder()
        self.source_bytes = 0
        self.lines = 0
        self._line_base = Column(self._folder / "line_base", "<u4")
        self._line_base.append(np.zeros(1, dtype="<u4"))
        self._columns = {
            name: Column(self._folder / name, dtype) for name, dtype in _columns_of(profile).items()
        }
        tables = _tables_of(profile)
        self._tables = {
            name: PostingSorter(self._folder / f"{name}_postings", memory_bytes=memory_bytes // len(tables))
            for name in tables
        }

    def __enter__(self) -> SegmentDraft:
        return self

    def __exit__(self, *error: object) -> None:
        for part in (self._line_base, *self._columns.values(), *self._tables.values()):
            part.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def has_room(self, lines: int) -> bool:
        """Whether a document of so many lines can still be numbered."""
        return self.lines + lines <= _GREATEST_LINES

    def add_occurrence(self, digest: bytes, origin: Origin) -> bool:
        """Enter where a content was found; answer whether its fingerprint must be added next."""
        return self.documents.add(digest, origin)

    def add_document(self, made: DocumentPrint) -> None:
        """Add what is kept of the content entered last."""
        self._add_seeds("literal", made.seeds.literal)
        self._columns["sketches"].append(made.seeds.sketches)
        self._columns["token_counts"].append(np.array([made.seeds.token_count]))
        self._columns["flags"].append(np.array([GENERATED * made.seeds.is_generated]))
        if self.profile.keeps_structure:
            self._add_seeds("structural", made.seeds.structural)
            self._columns["structure_sketches"].append(made.seeds.structure_sketches)
        if made.words is not None:
            self._add_words(*made.words)
        if made.seeds.signature is not None:
            self._columns["signatures"].append(made.seeds.signature)
            self._columns["band_keys"].append(band_keys(made.seeds.signature))
        self.lines += len(made.seeds.sketches)
        self.source_bytes += made.size
        self._line_base.append(np.array([self.lines]))

    def _add_seeds(self, table: str, seeds: Postings) -> None:
        kept = repeats_kept(seeds.keys)
        self._tables[table].add(seeds.keys[kept], seeds.lines[kept] + np.uint32(self.lines - 1 & 0xFFFFFFFF))

    def _add_words(self, keys: NDArray[np.uint64], counts: NDArray[np.uint32]) -> None:
        document = np.uint32((len(self.documents) - 1) << _FREQUENCY_BITS)
        self._tables["words"].add(keys, np.minimum(counts, MAX_FREQUENCY) | document)

    def write(self, executor: Executor) -> str:
        """Write the segment under its id and return that; all of it is on disk then.

        A segment of that id, which may be live, is replaced in one step by one of the same content.
        """
        temporary = temporary_folder(self._directory)
        try:
            with ArrayWriter(temporary / ARRAYS) as writer:
                self._write_arrays(writer, executor)
                segment_id = writer.finish()
            place_segment(temporary, self._directory / segment_id)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return segment_id

    def _write_arrays(self, writer: ArrayWriter, executor: Executor) -> None:
        line_base = self._line_base.all()
        writer.add("line_base", line_base, dtype="<u4")
        for name, array in self.documents.arrays():
            writer.add(name, array, dtype=array.dtype.str)
        for name, column in self._columns.items():
            if name != "band_keys":
                writer.add(name, column.pieces(), dtype=_columns_of(self.profile)[name])
        if "band_keys" in self._columns:
            self._write_bands(writer)
        for name, postings in self._tables.items():
            postings.finish()
            documents = name == "words"
            bits = len(self.documents).bit_length() + _FREQUENCY_BITS if documents else self.lines.bit_length()
            write_table(
                writer,
                name,
                postings,
                payload_bits=max(1, bits),
                line_base=None if documents else line_base,
                executor=executor,
            )

    def _write_bands(self, writer: ArrayWriter) -> None:
        """Sort the documents by their key, band after band."""
        keys = self._columns["band_keys"].all().reshape(-1, BANDS)
        orders = [np.argsort(keys[:, band], kind="stable") for band in range(BANDS)]
        writer.add("band_keys", (keys[order, band] for band, order in enumerate(orders)), dtype="<u4")
        writer.add("band_documents", orders, dtype="<u4")


def _columns_of(profile: Profile) -> dict[str, str]:
    """Arrays that grow document by document, with their types."""
    columns = {"sketches": profile.sketch_type, "token_counts": "<u4", "flags": "u1"}
    if profile.keeps_structure:
        columns["structure_sketches"] = "u1"
    if profile.keeps_signatures:
        columns |= {"signatures": "u1", "band_keys": "<u4"}
    return columns


def _tables_of(profile: Profile) -> list[str]:
    """Posting tables of a segment."""
    structure = ["structural"] if profile.keeps_structure else []
    return ["literal", *structure, *(["words"] if profile.keeps_words else [])]


def temporary_folder(directory: Path) -> Path:
    """Make a folder that :func:`remove_strays` sweeps up when its maker was killed."""
    directory.mkdir(parents=True, exist_ok=True)
    folder = directory / f"{_TEMPORARY}{secrets.token_hex(8)}"
    folder.mkdir()
    return folder


def place_segment(temporary: Path, final: Path) -> None:
    """Give a finished segment its name, in one step."""
    sync_directory(final.parent.parent)
    if final.is_dir():
        for path in temporary.iterdir():
            path.replace(final / path.name)
        sync_directory(final)
    else:
        sync_directory(temporary)
        temporary.rename(final)
        sync_directory(final.parent)


def remove_strays(directory: Path, live: set[str]) -> None:
    """Delete what a killed writer left behind: segments that no catalog lists. Foreign things stay."""
    for path in directory.iterdir() if directory.is_dir() else ():
        if _OURS.fullmatch(path.name) and path.name not in live:
            shutil.rmtree(path, ignore_errors=True)
