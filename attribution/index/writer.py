"""The right to change an index: one process at a time, a clean folder to begin with, errors with names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attribution.errors import IndexUnusableError
from attribution.index.catalog import (
    CATALOG,
    LOCK,
    SEGMENTS,
    Catalog,
    ensure_no_file,
    read_catalog,
    writer_lock,
)
from attribution.index.draft import remove_strays

_OWN_FILES = frozenset({SEGMENTS, CATALOG, f"{CATALOG}.new", f"{CATALOG}-journal", LOCK, f"{LOCK}-journal"})


@contextmanager
def writing(directory: Path) -> Iterator[Catalog]:
    """Hold the one right to change an index, and answer its state.

    What a killed writer left behind is swept up first, and what is not live any more afterwards. Raises
    :class:`IndexNotFoundError` and whatever :func:`read_catalog` raises, :class:`IndexLockedError` while
    another process writes, and :class:`IndexUnusableError` when the disk refuses.
    """
    read_catalog(directory)
    with disk_errors_named(directory), writer_lock(directory):
        catalog = read_catalog(directory)
        sweep(directory, catalog)
        yield catalog
        erase_replaced(directory, read_catalog(directory))


@contextmanager
def making(directory: Path) -> Iterator[None]:
    """Hold the same right where there may be no index yet; the folder is made.

    Raises :class:`IndexUnusableError` for a folder with other things in it.
    """
    with disk_errors_named(directory), writer_lock(_own_folder(directory)):
        yield


def _own_folder(directory: Path) -> Path:
    """Make the folder, or see that nothing foreign lies in it where there is no index yet."""
    ensure_no_file(directory)
    directory.mkdir(parents=True, exist_ok=True)
    if (directory / CATALOG).exists():
        return directory
    foreign = next((path.name for path in directory.iterdir() if path.name not in _OWN_FILES), None)
    if foreign is not None:
        raise IndexUnusableError(
            directory, f"is a folder with other things in it ({foreign})", remedy="name a new folder"
        )
    return directory


def sweep(directory: Path, catalog: Catalog) -> None:
    """Delete everything of ours that the catalog does not list, as far as that is possible."""
    (directory / f"{CATALOG}.new").unlink(missing_ok=True)
    remove_strays(directory / SEGMENTS, {row.id for row in catalog.segments})


def erase_replaced(directory: Path, catalog: Catalog) -> None:
    """The same once the catalog is committed: raises :class:`IndexUnusableError` where anything stays."""
    left = remove_strays(directory / SEGMENTS, {row.id for row in catalog.segments})
    if left is not None:
        raise IndexUnusableError(
            directory,
            f"the change is committed, but {left}, which is not part of it any more, cannot be deleted "
            "and may hold what was removed",
            remedy="make it writable and run: sc-attrib index compact, or delete that folder yourself",
        )


@contextmanager
def disk_errors_named(directory: Path) -> Iterator[None]:
    """Turn errors of the file system into one sentence."""
    try:
        yield
    except OSError as error:
        reason = f"cannot be written ({error.strerror or error})"
        way_out = "choose a folder that you may write to"
        if not isinstance(error, PermissionError):
            way_out = "free space or choose another folder"
        remedy = f"what was committed before is unharmed; {way_out}"
        raise IndexUnusableError(directory, reason, remedy=remedy) from error
