"""Source files in, index out, one committed segment after another."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from attribution.errors import (
    IndexCorruptError,
    IndexNotFoundError,
    IndexUnusableError,
    IndexVersionError,
    UsageError,
)
from attribution.fingerprint.fingerprint import fingerprint
from attribution.fingerprint.words import word_counts
from attribution.index.catalog import (
    CATALOG,
    LOCK,
    SEGMENTS,
    Catalog,
    SegmentRow,
    read_catalog,
    set_catalog_aside,
    write_catalog,
    writer_lock,
)
from attribution.index.contents import ensure_zstandard
from attribution.index.draft import MEMORY_BYTES, DocumentPrint, Entry, SegmentDraft, remove_strays
from attribution.index.profile import Profile
from attribution.languages.language import language_of_path
from attribution.model import SourceFile

SEGMENT_BYTES = 64 << 30
"""Source bytes after which a segment is written."""
_NO_WORDS = np.empty(0, np.uint64), np.empty(0, np.uint32)
_BATCH_FILES = 64
_BATCH_BYTES = 1 << 20
_OWN_FILES = frozenset({SEGMENTS, CATALOG, f"{CATALOG}.new", f"{CATALOG}-journal", LOCK, f"{LOCK}-journal"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSummary:
    """What a build put into an index."""

    files: int
    documents: int
    """Distinct contents."""
    source_bytes: int
    segments: int


def build_index(
    directory: Path,
    files: Iterable[SourceFile],
    *,
    profile: Profile = Profile.FULL,
    segment_bytes: int = SEGMENT_BYTES,
    memory_bytes: int = MEMORY_BYTES,
    with_contents: bool = False,
) -> BuildSummary:
    """Build an index of ``files``; what the directory held before is replaced when all is done.

    Into an empty directory every finished segment is committed at once. ``with_contents`` keeps the files'
    text as well; :class:`MissingExtraError` is raised for it without zstandard. Raises :class:`UsageError`
    where there is no file to index, :class:`IndexLockedError` while another process writes, and
    :class:`IndexUnusableError` for a folder with other things in it or when the disk refuses; what was
    committed before stays as it was.
    """
    if with_contents:
        ensure_zstandard()
    stream = iter(files)
    first = next(stream, None)
    if first is None:
        raise UsageError(f"the sources hold no source code; the index {directory} stays as it was")
    try:
        with writer_lock(_own_folder(directory)):
            options = _Options(profile, segment_bytes, memory_bytes, with_contents)
            return _build(directory, chain([first], stream), options)
    except OSError as error:
        reason = f"cannot be written ({error.strerror or error})"
        raise IndexUnusableError(
            directory,
            reason,
            remedy="what was committed before is unharmed; free space or choose another folder",
        ) from error


def _own_folder(directory: Path) -> Path:
    """Make the folder, or see that nothing foreign lies in it."""
    directory.mkdir(parents=True, exist_ok=True)
    foreign = next((path.name for path in directory.iterdir() if path.name not in _OWN_FILES), None)
    if foreign is not None:
        raise IndexUnusableError(
            directory, f"is a folder with other things in it ({foreign})", remedy="name a new folder"
        )
    return directory


class _Options(NamedTuple):
    """How a segment is to be built."""

    profile: Profile
    segment_bytes: int
    memory_bytes: int
    with_contents: bool

    def draft(self, directory: Path) -> SegmentDraft:
        """Begin a segment."""
        return SegmentDraft(
            directory / SEGMENTS,
            self.profile,
            memory_bytes=self.memory_bytes,
            with_contents=self.with_contents,
        )


def _build(directory: Path, files: Iterable[SourceFile], options: _Options) -> BuildSummary:
    before = _catalog_before(directory)
    remove_strays(directory / SEGMENTS, {row.id for row in before.segments})
    written: list[SegmentRow] = []
    file_count = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as executor:
        batches = _entries(files, options, executor)
        for first in batches:
            with options.draft(directory) as draft:
                for batch in chain([first], batches):
                    file_count += len(batch)
                    draft.add(batch)
                    if draft.source_bytes >= options.segment_bytes or draft.is_full:
                        break
                written.append(_write(draft, executor))
            if not before.segments:
                write_catalog(directory, Catalog(segments=tuple(written), opt_outs=before.opt_outs))
    write_catalog(directory, Catalog(segments=tuple(written), opt_outs=before.opt_outs))
    remove_strays(directory / SEGMENTS, {row.id for row in written})
    return BuildSummary(
        files=file_count,
        documents=sum(row.documents for row in written),
        source_bytes=sum(row.source_bytes for row in written),
        segments=len(written),
    )


def _catalog_before(directory: Path) -> Catalog:
    """The state that the build replaces; a catalog that cannot be read gives way to a new one."""
    try:
        return read_catalog(directory)
    except IndexNotFoundError:
        return Catalog()
    except IndexCorruptError:
        set_catalog_aside(directory)
        return Catalog()
    except IndexVersionError as error:
        if error.is_newer:
            raise
        set_catalog_aside(directory)
        return Catalog()


def _entries(
    files: Iterable[SourceFile], options: _Options, executor: ThreadPoolExecutor
) -> Iterator[list[Entry]]:
    """Each file with its git SHA-1 and its fingerprint, in order; worked on by all threads."""
    waiting: deque[Future[list[Entry]]] = deque()
    for batch in _batches(files, min(options.segment_bytes, _BATCH_BYTES)):
        waiting.append(executor.submit(_prints, batch, options))
        if len(waiting) > 2 * (os.cpu_count() or 1):
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _batches(files: Iterable[SourceFile], most_bytes: int) -> Iterator[list[SourceFile]]:
    batch: list[SourceFile] = []
    size = 0
    for file in files:
        batch.append(file)
        size += len(file.content)
        if len(batch) == _BATCH_FILES or size >= most_bytes:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _prints(batch: Sequence[SourceFile], options: _Options) -> list[Entry]:
    return [_entry(file, options) for file in batch]


def _entry(file: SourceFile, options: _Options) -> Entry:
    made = print_document(file, options.profile, with_text=options.with_contents)
    return Entry(git_digest(file.content), file.origin, lambda: made)


def print_document(file: SourceFile, profile: Profile, *, with_text: bool = False) -> DocumentPrint:
    """Compute what a segment keeps of a file's content."""
    seeds = fingerprint(
        file.content,
        language=language_of_path(file.origin.path),
        window_tokens=profile.window_tokens,
        with_structure=profile.keeps_structure,
        with_signature=profile.keeps_signatures,
    )
    words = word_counts(file.content) if profile.keeps_words else _NO_WORDS
    text = file.content if with_text else b""
    return DocumentPrint(size=len(file.content), seeds=seeds, words=words, text=text)


def git_digest(content: bytes) -> bytes:
    """Git's SHA-1 of a blob, which is the object id of a content's SWHID."""
    hashed = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    hashed.update(content)
    return hashed.digest()


def _write(draft: SegmentDraft, executor: ThreadPoolExecutor) -> SegmentRow:
    return SegmentRow(
        id=draft.write(executor),
        profile=draft.profile,
        documents=len(draft.documents),
        source_bytes=draft.source_bytes,
    )
