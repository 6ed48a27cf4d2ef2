"""A segment under construction: fingerprints in, one file of arrays out, in bounded memory."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.blocks import Blocks
from attribution.fingerprint.fingerprint import Fingerprint, Postings
from attribution.fingerprint.minhash import BANDS, band_keys
from attribution.index import contents
from attribution.index.arrays import Array, ArrayWriter
from attribution.index.disk import sync_directory
from attribution.index.document_writer import DocumentTableWriter
from attribution.index.profile import Profile
from attribution.index.segment import ARRAYS, GENERATED
from attribution.index.spill import Column, PostingSorter
from attribution.index.table import FREQUENCY_BITS, Owners, write_table
from attribution.index.vectors import VECTOR_COLUMNS, vector_values
from attribution.index.words import MAX_FREQUENCY
from attribution.model import Origin

SEGMENT_BYTES = 64 << 30
"""Source bytes after which a segment is written."""
MEMORY_BYTES = 384 << 20
"""Postings held in memory before they are spilled."""
_TEMPORARY = "tmp-"
_OURS = re.compile(r"(?:tmp-)?[0-9a-f]{16}")
GREATEST_LINES = (1 << 32) - 2
GREATEST_POSTINGS = (1 << 32) - 1
_BATCH_ROOM = 1 << 30
"""More lines or postings than a batch can have."""


Words = tuple[NDArray[np.uint64], NDArray[np.uint32]]
"""Keys of the distinct words of a text, and how often each is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPrint:
    """All that a segment keeps of a content."""

    content: bytes
    seeds: Fingerprint
    words: Words
    """Empty where the profile keeps none."""
    blocks: Blocks | None
    """Blocks with their vectors, where the index is to have them."""


class Entry(NamedTuple):
    """A file on its way into a segment."""

    digest: bytes
    origin: Origin
    made: Callable[[], DocumentPrint]
    """What is kept of it, computed already or when it is asked for."""


class SegmentDraft:
    """Collects the fingerprints of a segment; a context manager that deletes what it spilled."""

    def __init__(
        self,
        directory: Path,
        profile: Profile,
        *,
        memory_bytes: int = MEMORY_BYTES,
        with_contents: bool = False,
        with_vectors: bool = False,
    ) -> None:
        """``directory`` is the folder of segments; spill files lie in it, in a folder of their own."""
        self._directory = directory
        self._folder = temporary_folder(directory)
        self.profile = profile
        self.documents = DocumentTableWriter(self._folder)
        self.source_bytes = 0
        self.lines = 0
        self._line_base = Column(self._folder / "line_base", "<u4")
        self._line_base.append(np.zeros(1, dtype="<u4"))
        self._kinds = profile.columns | (VECTOR_COLUMNS if with_vectors else {})
        self._columns = {name: Column(self._folder / name, kind) for name, kind in self._kinds.items()}
        bands = BANDS if profile.keeps_signatures else 0
        self._bands = [Column(self._folder / f"band_{band}", "<u4") for band in range(bands)]
        self._contents = contents.ContentsWriter(self._folder / contents.FILE) if with_contents else None
        self._tables = {
            name: PostingSorter(
                self._folder / f"{name}_postings", memory_bytes=memory_bytes // len(profile.tables)
            )
            for name in profile.tables
        }

    def __enter__(self) -> SegmentDraft:
        return self

    def __exit__(self, *error: object) -> None:
        self.documents.close()
        for column in (self._line_base, *self._columns.values(), *self._bands):
            column.close()
        for postings in self._tables.values():
            postings.close()
        if self._contents is not None:
            self._contents.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def is_full(self) -> bool:
        """Whether another batch might not fit."""
        most = max(postings.count for postings in self._tables.values())
        return (
            self.lines > GREATEST_LINES - _BATCH_ROOM
            or most > GREATEST_POSTINGS - _BATCH_ROOM
            or self.documents.is_full
        )

    def add(self, entries: Sequence[Entry]) -> None:
        """Take a batch in; contents that are here already gain a place only."""
        is_new = self.documents.add([e.digest for e in entries], [e.origin for e in entries])
        prints = [e.made() for e, new in zip(entries, is_new.tolist(), strict=True) if new]
        if prints:
            self._add_prints(prints)

    def _add_prints(self, prints: Sequence[DocumentPrint]) -> None:
        """Add what is kept of the newest documents."""
        seeds = [made.seeds for made in prints]
        ends = self.lines + np.cumsum([len(made.sketches) for made in seeds])
        starts = np.concatenate(([self.lines], ends[:-1]))
        self._add_seeds("literal", [made.literal for made in seeds], starts)
        if self.profile.keeps_structure:
            self._add_seeds("structural", [made.structural for made in seeds], starts)
        if self.profile.keeps_words:
            self._add_words([made.words for made in prints])
        for name, values in _column_values(seeds, self.profile):
            self._columns[name].append(values)
        found = [made.blocks for made in prints if made.blocks is not None]
        for name, values in vector_values(found) if found else ():
            self._columns[name].append(values)
        self._columns["sizes"].append(np.array([len(made.content) for made in prints]))
        if self._contents is not None:
            for made in prints:
                self._contents.add(made.content)
        if self.profile.keeps_signatures:
            self._add_signatures([made.signature for made in seeds if made.signature is not None])
        self._line_base.append(ends)
        self.lines = int(ends[-1])
        self.source_bytes += sum(len(made.content) for made in prints)

    def _add_seeds(self, table: str, postings: Sequence[Postings], starts: NDArray[np.int64]) -> None:
        self._tables[table].add_seeds(
            np.concatenate([p.keys for p in postings]),
            np.concatenate([p.lines for p in postings]),
            np.array([len(p) for p in postings], dtype=np.uint64),
            starts.astype(np.uint32),
            cap=self.profile.repeat_cap,
        )

    def _add_words(self, words: Sequence[Words]) -> None:
        first = len(self.documents) - len(words)
        documents = np.repeat(np.arange(first, len(self.documents)), [len(keys) for keys, _ in words])
        counts = np.minimum(np.concatenate([counts for _, counts in words]), MAX_FREQUENCY)
        payloads = documents.astype(np.uint32) << np.uint32(FREQUENCY_BITS) | counts
        self._tables["words"].add(np.concatenate([keys for keys, _ in words]), payloads)

    def _add_signatures(self, signatures: Sequence[NDArray[np.uint32]]) -> None:
        stacked = np.stack(signatures)
        self._columns["signatures"].append(stacked.reshape(-1))
        for band, keys in zip(self._bands, band_keys(stacked).T, strict=True):
            band.append(keys)

    def write(self, executor: Executor) -> str:
        """Write the segment under its id and return that; all of it is on disk then.

        A segment of that id, which may be live, is replaced in one step by one of the same content.
        """
        temporary = temporary_folder(self._directory)
        try:
            with ArrayWriter(temporary / ARRAYS) as writer:
                self._write_arrays(writer, executor)
                self._write_contents(writer, temporary)
                segment_id = writer.finish()
            place_segment(temporary, self._directory / segment_id)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return segment_id

    def _write_contents(self, writer: ArrayWriter, temporary: Path) -> None:
        """Put the finished store of contents beside the arrays, which name its digest."""
        if self._contents is not None:
            digest = np.frombuffer(self._contents.finish(), dtype=np.uint8)
            writer.add(contents.DIGEST, digest, dtype="u1")
            (self._folder / contents.FILE).replace(temporary / contents.FILE)

    def _write_arrays(self, writer: ArrayWriter, executor: Executor) -> None:
        line_base = self._line_base.all()
        writer.add("line_base", line_base, dtype="<u4")
        self.documents.write(writer)
        for name, kind in self._kinds.items():
            writer.add(name, self._columns[name].pieces(), dtype=kind)
        if self.profile.keeps_signatures:
            write_bands(writer, self._band)
        owners = Owners(line_base=line_base, lineages=self.documents.lineages())
        for name, postings in self._tables.items():
            postings.finish()
            write_table(writer, name, postings, owners=owners, executor=executor)

    def _band(self, band: int) -> tuple[Array, Array]:
        return self._bands[band].all(), np.arange(len(self.documents), dtype=np.uint32)


def write_bands(writer: ArrayWriter, band: Callable[[int], tuple[Array, Array]]) -> None:
    """Append the keys of each band, ascending, and the documents that they belong to, of equal keys in order.

    ``band`` answers keys and documents of one band; each is asked for twice, so that only one is in memory.
    """
    for name, chosen in (("band_keys", 0), ("band_documents", 1)):
        writer.add(name, (_sorted_band(*band(b))[chosen] for b in range(BANDS)), dtype="<u4")


def _sorted_band(keys: Array, documents: Array) -> tuple[Array, Array]:
    order = np.lexsort((documents, keys))
    return keys[order], documents[order]


def _column_values(seeds: Sequence[Fingerprint], profile: Profile) -> Iterator[tuple[str, Array]]:
    """What the newest documents append to each array that grows with them, signatures apart."""
    yield "sketches", np.concatenate([made.sketches for made in seeds])
    yield "token_counts", np.array([made.token_count for made in seeds])
    yield "flags", np.array([GENERATED * made.is_generated for made in seeds])
    if profile.keeps_structure:
        yield "structure_sketches", np.concatenate([made.structure_sketches for made in seeds])


def temporary_folder(directory: Path) -> Path:
    """Make a folder that :func:`remove_strays` sweeps up when its maker was killed."""
    directory.mkdir(parents=True, exist_ok=True)
    folder = directory / f"{_TEMPORARY}{secrets.token_hex(8)}"
    folder.mkdir()
    return folder


def place_segment(temporary: Path, final: Path) -> None:
    """Give a finished segment its name, in one step."""
    sync_directory(final.parent.parent)
    sync_directory(temporary)
    try:
        temporary.rename(final)
    except OSError:
        if not final.is_dir():
            raise
        for path in temporary.iterdir():  # equal content, live perhaps, or of a writer that was as fast
            path.replace(final / path.name)
        sync_directory(final)
    sync_directory(final.parent)


def strays_in(directory: Path, live: set[str]) -> list[Path]:
    """Segments that no catalog lists, and what a killed writer left behind; foreign things are neither."""
    paths = directory.iterdir() if directory.is_dir() else ()
    return sorted(path for path in paths if _OURS.fullmatch(path.name) and path.name not in live)


def remove_strays(directory: Path, live: set[str]) -> Path | None:
    """Delete what :func:`strays_in` names; answers one that could not be deleted."""
    left = None
    for path in strays_in(directory, live):
        shutil.rmtree(path, ignore_errors=True)
        left = path if path.exists() else left
    return left
