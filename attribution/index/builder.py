"""Source files in, index out, one committed segment after another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from attribution.errors import (
    IndexCorruptError,
    IndexNotFoundError,
    IndexUnusableError,
    UsageError,
)
from attribution.fingerprint.fingerprint import fingerprint
from attribution.index.catalog import (
    SegmentRow,
    read_segments,
    replace_segments,
    set_catalog_aside,
    writer_lock,
)
from attribution.index.profile import Profile
from attribution.index.segment import SegmentBuilder, remove_strays, sync_directory
from attribution.model import SourceFile

SEGMENT_BYTES = 256 << 20
"""Source bytes after which a segment is written: a build takes about 3 bytes of memory for each of them."""
SEGMENTS = "segments"
_OWN_FILES = frozenset(
    {SEGMENTS, "catalog.sqlite", "catalog.sqlite-journal", "writer.lock", "writer.lock-journal"}
)


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
) -> BuildSummary:
    """Build an index of ``files``; what the directory held before is replaced when all is done.

    Into an empty directory every finished segment is committed at once. Raises :class:`UsageError` where
    there is no file to index, :class:`IndexLockedError` while another process writes, and
    :class:`IndexUnusableError` for a folder with other things in it or when the disk refuses; what was
    committed before stays as it was.
    """
    stream = iter(files)
    first = next(stream, None)
    if first is None:
        raise UsageError(f"the sources hold no source code; the index {directory} stays as it was")
    try:
        with writer_lock(_own_folder(directory)):
            return _build(directory, chain([first], stream), profile, segment_bytes)
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


def _build(
    directory: Path, files: Iterable[SourceFile], profile: Profile, segment_bytes: int
) -> BuildSummary:
    replaced = _live_segments(directory)
    remove_strays(directory / SEGMENTS, set(replaced))
    written: list[SegmentRow] = []
    file_count = 0
    builder = SegmentBuilder(profile)
    for file in files:
        _add(builder, file)
        file_count += 1
        if builder.source_bytes >= segment_bytes:
            written.append(_write(directory, builder))
            builder = SegmentBuilder(profile)
            if not replaced:
                replace_segments(directory, remove=[], add=written[-1:])
    if len(builder.documents):
        written.append(_write(directory, builder))
    replace_segments(directory, remove=replaced, add=written)
    sync_directory(directory)
    remove_strays(directory / SEGMENTS, {row.id for row in written})
    return BuildSummary(
        files=file_count,
        documents=sum(row.documents for row in written),
        source_bytes=sum(row.source_bytes for row in written),
        segments=len(written),
    )


def _live_segments(directory: Path) -> list[str]:
    """Segments that the build replaces; a catalog that cannot be read gives way to a new one."""
    try:
        return [row.id for row in read_segments(directory)]
    except IndexNotFoundError:
        return []
    except IndexCorruptError:
        set_catalog_aside(directory)
        return []


def _add(builder: SegmentBuilder, file: SourceFile) -> None:
    if builder.add_occurrence(file.swhid.digest, file.origin):
        made = fingerprint(
            file.content,
            window_tokens=builder.profile.window_tokens,
            with_signature=builder.profile.keeps_signatures,
        )
        builder.add_fingerprint(made, size=len(file.content))


def _write(directory: Path, builder: SegmentBuilder) -> SegmentRow:
    segment_id = builder.write(directory / SEGMENTS)
    return SegmentRow(
        id=segment_id,
        profile=builder.profile,
        documents=len(builder.documents),
        source_bytes=builder.source_bytes,
    )
