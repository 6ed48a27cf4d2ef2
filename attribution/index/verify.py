"""Comparing every byte of an index with its checksums."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from attribution.errors import IndexCorruptError, IndexUnusableError
from attribution.index.arrays import ArrayFile
from attribution.index.catalog import CATALOG, SEGMENTS, read_segments
from attribution.index.contents import contents_of
from attribution.index.draft import strays_in
from attribution.index.segment import ARRAYS, Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was read, and what of it is damaged."""

    files: int
    size_bytes: int
    damages: tuple[IndexUnusableError, ...]
    """One for each damaged file, which it names."""
    strays: tuple[Path, ...]
    """Folders of segments that are not part of the index any more, or not yet, while a writer is at work."""


def verify_index(directory: Path) -> VerifyReport:
    """Read every file of an index, whole or not, and compare it with its checksums.

    Raises :class:`IndexNotFoundError`, and :class:`IndexCorruptError` for a damaged catalog, without which
    nobody knows what belongs to the index.
    """
    folders = [directory / SEGMENTS / row.id for row in read_segments(directory)]
    files = [directory / CATALOG, *(path for folder in folders for path in sorted(folder.glob("*")))]
    damages = tuple(error for folder in folders for error in _damages(folder))
    return VerifyReport(
        files=len(files),
        size_bytes=sum(path.stat().st_size for path in files),
        damages=damages,
        strays=tuple(strays_in(directory / SEGMENTS, {folder.name for folder in folders})),
    )


def _damages(folder: Path) -> list[IndexUnusableError]:
    """What is damaged in a segment, each file once."""
    found: dict[str, IndexUnusableError] = {}
    for check in (_verify_arrays, _verify_contents):
        try:
            check(folder)
        except IndexUnusableError as error:
            found[str(error)] = error
    return [*found.values()]


def _verify_arrays(folder: Path) -> None:
    file = ArrayFile(folder / ARRAYS)
    digest = file.verify_all()
    if digest != folder.name:
        raise IndexCorruptError(file.path, f"is not segment {folder.name} but {digest}")


def _verify_contents(folder: Path) -> None:
    store = contents_of(Segment(folder))
    if store is not None:
        store.verify()
