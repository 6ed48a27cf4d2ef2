"""Source files in, index out, one committed segment after another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from attribution.errors import IndexNotFoundError, IndexUnusableError
from attribution.fingerprint.fingerprint import fingerprint
from attribution.index.catalog import SegmentRow, read_segments, replace_segments, writer_lock
from attribution.index.profile import Profile
from attribution.index.segment import SegmentBuilder, remove_strays
from attribution.model import SourceFile

SEGMENT_BYTES = 512 << 20
"""Source bytes after which a segment is written: bounds the memory of a build to about 300 MB."""
SEGMENTS = "segments"


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

    Into an empty directory every finished segment is committed at once. Raises
    :class:`IndexLockedError` while another process writes, and :class:`IndexUnusableError` when the disk
    refuses; what was committed before stays as it was.
    """
    try:
        with writer_lock(directory):
            return _build(directory, files, profile, segment_bytes)
    except OSError as error:
        reason = f"cannot be written ({error.strerror or error})"
        raise IndexUnusableError(
            directory,
            reason,
            remedy="what was committed before is unharmed; free space or choose another folder",
        ) from error


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
    remove_strays(directory / SEGMENTS, {row.id for row in written})
    return BuildSummary(
        files=file_count,
        documents=sum(row.documents for row in written),
        source_bytes=sum(row.source_bytes for row in written),
        segments=len(written),
    )


def _live_segments(directory: Path) -> list[str]:
    try:
        return [row.id for row in read_segments(directory)]
    except IndexNotFoundError:
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
