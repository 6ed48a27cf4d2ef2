"""Comparing every byte of an index with its checksums."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from attribution.errors import IndexCorruptError, IndexUnusableError
from attribution.index.arrays import ArrayFile
from attribution.index.catalog import CATALOG, SEGMENTS, read_segments
from attribution.index.contents import FILE as CONTENTS
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

    A segment that a writer replaces meanwhile is none of the index; the one that takes its place is read too.

    Raises :class:`IndexNotFoundError`, and :class:`IndexCorruptError` for a damaged catalog, without which
    nobody knows what belongs to the index.
    """
    checked: dict[str, _Checked] = {}
    while True:
        live = {row.id for row in read_segments(directory)}
        unchecked = live - checked.keys()
        if not unchecked:
            break
        for name in sorted(unchecked):
            checked[name] = _check(directory / SEGMENTS / name)
    found = [checked[name] for name in sorted(live)]
    return VerifyReport(
        files=1 + sum(segment.files for segment in found),
        size_bytes=(directory / CATALOG).stat().st_size + sum(segment.size_bytes for segment in found),
        damages=tuple(error for segment in found for error in segment.damages),
        strays=tuple(strays_in(directory / SEGMENTS, live)),
    )


class _Checked(NamedTuple):
    """What was found of one segment."""

    files: int
    size_bytes: int
    damages: list[IndexUnusableError]


def _check(folder: Path) -> _Checked:
    """Read a segment; while a writer replaces it anything may be missing, which the next catalog tells."""
    damages = _damages(folder)
    sizes = []
    for name in (ARRAYS, CONTENTS):
        with suppress(FileNotFoundError):
            sizes.append((folder / name).stat().st_size)
    return _Checked(len(sizes), sum(sizes), damages)


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
