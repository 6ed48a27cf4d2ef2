"""Comparing every byte of an index with its checksums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from attribution.errors import IndexCorruptError, IndexUnusableError
from attribution.index.catalog import CATALOG, SEGMENTS, read_segments
from attribution.index.contents import contents_of
from attribution.index.segment import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was read, and what of it is damaged."""

    files: int
    size_bytes: int
    damages: tuple[IndexUnusableError, ...]
    """One for each damaged file, which it names."""


def verify_index(directory: Path) -> VerifyReport:
    """Read every file of an index, whole or not, and compare it with its checksums.

    Raises :class:`IndexNotFoundError`, and :class:`IndexCorruptError` for a damaged catalog, without which
    nobody knows what belongs to the index.
    """
    folders = [directory / SEGMENTS / row.id for row in read_segments(directory)]
    files = [directory / CATALOG, *(path for folder in folders for path in sorted(folder.glob("*")))]
    damages = tuple(error for folder in folders for error in _damages(folder))
    return VerifyReport(
        files=len(files), size_bytes=sum(path.stat().st_size for path in files), damages=damages
    )


def _damages(folder: Path) -> Iterator[IndexUnusableError]:
    try:
        segment = Segment(folder)
    except IndexUnusableError as error:
        yield error
        return
    try:
        segment.verify_arrays()
    except IndexCorruptError as error:
        yield error
    try:
        store = contents_of(segment)
        if store is not None:
            store.verify()
    except IndexCorruptError as error:
        yield error
