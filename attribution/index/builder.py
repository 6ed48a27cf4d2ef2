"""Source files in, index out, one committed segment after another."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import chain
from pathlib import Path

import numpy as np

from attribution.errors import IndexCorruptError, IndexNotFoundError, IndexVersionError, UsageError
from attribution.fingerprint.blocks import blocks
from attribution.fingerprint.fingerprint import fingerprint
from attribution.fingerprint.words import word_counts
from attribution.index.catalog import (
    CATALOG,
    SEGMENTS,
    Catalog,
    SegmentRow,
    read_catalog,
    salvaged_opt_outs,
    write_catalog,
)
from attribution.index.compaction import merge_tiers
from attribution.index.contents import ensure_zstandard
from attribution.index.documents import ABSENT
from attribution.index.draft import MEMORY_BYTES, SEGMENT_BYTES, DocumentPrint, Entry, SegmentDraft
from attribution.index.opt_outs import OptOuts
from attribution.index.profile import Profile
from attribution.index.segment import Segment, open_segments
from attribution.index.vectors import ensure_faiss
from attribution.index.writer import erase_replaced, making, sweep
from attribution.model import Origin, SourceFile
from attribution.sources.notebooks import code_of

_LOG = logging.getLogger(__name__)
THREADS = os.cpu_count() or 1
_BATCH_FILES = 64
_BATCH_BYTES = 1 << 20
_NO_WORDS = np.empty(0, np.uint64), np.empty(0, np.uint32)


class LeftOut(StrEnum):
    """Why a file was not indexed."""

    OPTED_OUT = "opted out"
    KNOWN = "in the index already"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """How segments are made."""

    profile: Profile = Profile.FULL
    with_contents: bool = False
    """Whether the text of each file is kept beside its fingerprint."""
    with_vectors: bool = False
    """Whether vectors of each file's blocks are kept; the sparse profile has none."""
    segment_bytes: int = SEGMENT_BYTES
    memory_bytes: int = MEMORY_BYTES

    def ensure_possible(self) -> None:
        """Raise :class:`MissingExtraError` or :class:`UsageError` where segments cannot be made so."""
        if self.with_contents:
            ensure_zstandard()
        if self.with_vectors and not self.profile.keeps_structure:
            raise UsageError(f"the profile {self.profile} has no vectors; leave out --vectors or --profile")
        if self.with_vectors:
            ensure_faiss()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSummary:
    """What a build put into an index."""

    files: int
    """Files that were read."""
    documents: int
    """Distinct contents."""
    source_bytes: int
    segments: int
    left_out: Counter[str] = field(default_factory=Counter)
    """Files that were read and not indexed, by :class:`LeftOut`."""


def build_index(
    directory: Path,
    files: Iterable[SourceFile],
    *,
    profile: Profile = Profile.FULL,
    with_contents: bool = False,
    with_vectors: bool = False,
    opt_outs: Iterable[str] = (),
    segment_bytes: int = SEGMENT_BYTES,
    memory_bytes: int = MEMORY_BYTES,
) -> BuildSummary:
    """Build an index of ``files``; what the directory held before is replaced when all is done.

    Opt-outs are kept and obeyed, also those of a damaged catalog where they can be read from it;
    ``opt_outs``, as :func:`attribution.index.opt_outs.parse_id` answers them, join them. Into an
    empty directory every finished segment is committed at once. Raises
    :class:`UsageError` where there is no file to index, :class:`IndexLockedError` while another process
    writes, and :class:`IndexUnusableError` for a folder with other things in it or when the disk refuses;
    what was committed before stays as it was.
    """
    options = BuildOptions(
        profile=profile,
        with_contents=with_contents,
        with_vectors=with_vectors,
        segment_bytes=segment_bytes,
        memory_bytes=memory_bytes,
    )
    options.ensure_possible()
    files = _not_empty(directory, files)
    with making(directory):
        before, is_known = replaceable_catalog(directory)
        if is_known:
            sweep(directory, before)
        base = replace(before, segments=(), opt_outs=before.opt_outs.union(opt_outs))
        ingest = _Ingest(directory, base, options, commit_early=is_known and not before.segments)
        summary = ingest.run(files)
        ensure_indexed(directory, summary)
        write_catalog(directory, ingest.catalog)
        erase_replaced(directory, ingest.catalog)
        return summary


def add_files(
    directory: Path,
    files: Iterable[SourceFile],
    *,
    profile: Profile | None = None,
    with_contents: bool | None = None,
    with_vectors: bool | None = None,
    segment_bytes: int = SEGMENT_BYTES,
    memory_bytes: int = MEMORY_BYTES,
) -> BuildSummary:
    """Add files to an index, which is made where there is none.

    A content that an earlier segment holds becomes a document of the new one too, which :func:`compact`
    undoes; a file that is in the index with the same origin is left out. Each finished segment is committed
    at once; then segments of like size are merged where there are many. Unless ``profile``,
    ``with_contents`` and ``with_vectors`` say otherwise, files are kept as in the oldest segment. Raises as
    :func:`build_index` does, and :class:`IndexCorruptError` for a damaged index.
    """
    files = _not_empty(directory, files)
    with making(directory):
        before = read_catalog(directory) if (directory / CATALOG).exists() else Catalog()
        sweep(directory, before)
        oldest = open_segments(directory, before.segments[:1])
        if with_contents is None:
            with_contents = any(segment.has_contents for segment in oldest)
        if with_vectors is None:
            with_vectors = profile is not Profile.SPARSE and any(segment.has_vectors for segment in oldest)
        options = BuildOptions(
            profile=profile or (before.segments[0].profile if before.segments else Profile.FULL),
            with_contents=with_contents,
            with_vectors=with_vectors,
            segment_bytes=segment_bytes,
            memory_bytes=memory_bytes,
        )
        return _add(directory, before, files, options)


def write_segments(
    directory: Path,
    files: Iterable[SourceFile],
    *,
    options: BuildOptions,
    opt_outs: frozenset[str],
    threads: int = THREADS,
) -> tuple[BuildSummary, tuple[SegmentRow, ...]]:
    """Write segments of some files into an index whose catalog will list them later, or not.

    Equal files give equal segments, so it may be done twice, also at once. Who holds the right to write
    calls this, or lets others call it. Raises :class:`OSError`.
    """
    ingest = _Ingest(directory, Catalog(opt_outs=opt_outs), options, commit_early=False, threads=threads)
    return ingest.run(files), ingest.catalog.segments


def ensure_indexed(directory: Path, summary: BuildSummary) -> None:
    """Raise :class:`UsageError` where a build found nothing to put into an index."""
    if not summary.files:
        raise _no_source(directory)
    if not summary.documents:
        raise UsageError(f"all {summary.files} files are opted out; the index {directory} stays as it was")


def _no_source(directory: Path) -> UsageError:
    return UsageError(f"the sources hold no source code; the index {directory} stays as it was")


def _not_empty(directory: Path, files: Iterable[SourceFile]) -> Iterator[SourceFile]:
    """The same files; raises :class:`UsageError` at once where there is none."""
    stream = iter(files)
    first = next(stream, None)
    if first is None:
        raise _no_source(directory)
    return chain([first], stream)


def _add(
    directory: Path, before: Catalog, files: Iterable[SourceFile], options: BuildOptions
) -> BuildSummary:
    options.ensure_possible()
    ingest = _Ingest(directory, before, options, commit_early=True)
    summary = ingest.run(files)
    write_catalog(directory, ingest.catalog)
    with ThreadPoolExecutor(THREADS) as executor:
        merged = merge_tiers(directory, ingest.catalog, executor)
    erase_replaced(directory, merged)
    return summary


def replaceable_catalog(directory: Path) -> tuple[Catalog, bool]:
    """The state that the build replaces, and whether its segments are known.

    Of a catalog that is damaged the opt-outs alone are taken over; one of format 1 had none.
    """
    try:
        return read_catalog(directory), True
    except IndexNotFoundError:
        return Catalog(), True
    except IndexCorruptError:
        opt_outs = salvaged_opt_outs(directory)
        _LOG.warning("%s: its catalog is damaged; %d opt-outs were read from it", directory, len(opt_outs))
        return Catalog(opt_outs=opt_outs), False
    except IndexVersionError as error:
        if error.is_newer:
            raise
        return Catalog(), False


class _Ingest:
    """Turns a stream of files into segments behind those that an index has."""

    def __init__(
        self,
        directory: Path,
        before: Catalog,
        options: BuildOptions,
        *,
        commit_early: bool,
        threads: int = THREADS,
    ) -> None:
        self._directory = directory
        self._options = options
        self._commit_early = commit_early
        self._threads = threads
        self._opt_outs = OptOuts.of(before.opt_outs)
        self._known = open_segments(directory, before.segments)
        self._left_out: Counter[str] = Counter()
        self._files = 0
        self._draft: SegmentDraft | None = None
        self.catalog = before

    def run(self, files: Iterable[SourceFile]) -> BuildSummary:
        """Index all files."""
        written: list[SegmentRow] = []
        with ThreadPoolExecutor(self._threads) as executor:
            batches = self._batches(files, executor)
            for first in batches:
                written.append(self._write_segment(chain([first], batches), executor))
                self.catalog = self.catalog.with_segment(written[-1])
                if self._commit_early:
                    write_catalog(self._directory, self.catalog)
        return BuildSummary(
            files=self._files,
            documents=sum(row.documents for row in written),
            source_bytes=sum(row.source_bytes for row in written),
            segments=len(written),
            left_out=self._left_out,
        )

    def _write_segment(self, batches: Iterable[list[Entry]], executor: Executor) -> SegmentRow:
        """Fill one segment and write it."""
        options = self._options
        with SegmentDraft(
            self._directory / SEGMENTS,
            options.profile,
            memory_bytes=options.memory_bytes,
            with_contents=options.with_contents,
            with_vectors=options.with_vectors,
        ) as self._draft:
            for batch in batches:
                self._draft.add(batch)
                if self._draft.source_bytes >= options.segment_bytes or self._draft.is_full:
                    break
            return SegmentRow(
                id=self._draft.write(executor),
                profile=options.profile,
                documents=len(self._draft.documents),
                source_bytes=self._draft.source_bytes,
            )

    def _batches(self, files: Iterable[SourceFile], executor: Executor) -> Iterator[list[Entry]]:
        """Fingerprinted files in their order, worked on by all threads; batches left empty are dropped."""
        waiting: deque[Future[tuple[list[Entry], Counter[str]]]] = deque()
        for batch in _batches(files, min(self._options.segment_bytes, _BATCH_BYTES)):
            self._files += len(batch)
            waiting.append(executor.submit(self._prepare, batch))
            if len(waiting) > 2 * self._threads:
                yield from self._taken(waiting.popleft())
        while waiting:
            yield from self._taken(waiting.popleft())

    def _taken(self, future: Future[tuple[list[Entry], Counter[str]]]) -> Iterator[list[Entry]]:
        entries, left_out = future.result()
        self._left_out += left_out
        if entries:
            yield entries

    def _prepare(self, batch: Sequence[SourceFile]) -> tuple[list[Entry], Counter[str]]:
        """Hash a batch, leave out what must be, and fingerprint what the segment does not hold yet."""
        digests = [git_digest(file.content) for file in batch]
        reasons = self._reasons(digests, batch)
        draft = self._draft
        joined = b"".join(digests)
        held = np.zeros(len(batch), np.bool_) if draft is None else draft.documents.numbers.known(joined)
        entries = [
            _entry(file, digest, self._options, at_once=not has)
            for file, digest, reason, has in zip(batch, digests, reasons, held.tolist(), strict=True)
            if reason is None
        ]
        return entries, Counter(reason for reason in reasons if reason is not None)

    def _reasons(self, digests: Sequence[bytes], files: Sequence[SourceFile]) -> list[LeftOut | None]:
        """Why each file is left out; ``None`` where it is not."""
        origins = [file.origin for file in files]
        known = [_knows(segment, digests, origins) for segment in self._known]
        return [
            LeftOut.OPTED_OUT
            if self._opt_outs.cover(file, digest)
            else (LeftOut.KNOWN if any(answers[at] for answers in known) else None)
            for at, (digest, file) in enumerate(zip(digests, files, strict=True))
        ]


def _knows(segment: Segment, digests: Sequence[bytes], origins: Sequence[Origin]) -> list[bool]:
    """Which of the files a segment holds with just this origin."""
    documents = segment.documents.find_all(b"".join(digests))
    held = {at: frozenset(segment.documents.origins(at)) for at in {*documents} - {ABSENT}}
    return [
        document != ABSENT and origin in held[document]
        for document, origin in zip(documents, origins, strict=True)
    ]


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


def _entry(file: SourceFile, digest: bytes, options: BuildOptions, *, at_once: bool) -> Entry:
    """Fingerprint a file at once, or only if it turns out to be needed."""
    profile, with_vectors = options.profile, options.with_vectors
    made = print_document(file, profile, with_vectors=with_vectors) if at_once else None
    return Entry(
        digest, file.origin, lambda: made or print_document(file, profile, with_vectors=with_vectors)
    )


def print_document(file: SourceFile, profile: Profile, *, with_vectors: bool = False) -> DocumentPrint:
    """Compute what a segment keeps of a file's content; of a notebook, of the code in it."""
    code, language = code_of(file.origin.path, file.content)
    seeds = fingerprint(
        code,
        language=language,
        window_tokens=profile.window_tokens,
        with_structure=profile.keeps_structure,
        with_signature=profile.keeps_signatures,
    )
    words = word_counts(code) if profile.keeps_words else _NO_WORDS
    found = blocks(code, language) if with_vectors else None
    return DocumentPrint(content=file.content, seeds=seeds, words=words, blocks=found)


def git_digest(content: bytes) -> bytes:
    """Git's SHA-1 of a blob, which is the object id of a content's SWHID."""
    hashed = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    hashed.update(content)
    return hashed.digest()
