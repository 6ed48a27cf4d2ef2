"""Writing files so that they are whole on disk or not there: every write of an index goes through here."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

_PIECE = 1 << 24


class NewFile:
    """A file under construction; a context manager that closes it. Methods raise :class:`OSError`."""

    def __init__(self, path: Path) -> None:
        """Create the file, which must not exist."""
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
        self._handle = os.open(path, flags, 0o666)
        self.size = 0

    def __enter__(self) -> NewFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)

    def write(self, data: bytes | memoryview) -> None:
        """Append all of ``data``."""
        view = memoryview(data).cast("B")
        while len(view):
            written = os.write(self._handle, view[:_PIECE])
            view = view[written:]
            self.size += written

    def overwrite_start(self, data: bytes) -> None:
        """Put ``data`` at the beginning of what was written."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        self.write(data)

    def close(self) -> None:
        """Close it; nothing can be written any more."""
        os.close(self._handle)

    def sync(self) -> None:
        """Force the content to disk."""
        os.fsync(self._handle)


def replace_file(path: Path, data: bytes) -> None:
    """Put a file of this content in place in one step; all of it is on disk when this returns."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with NewFile(unfinished) as file:
        file.write(data)
        file.sync()
    unfinished.replace(path)
    sync_directory(path.parent)


def copy_open_file(handle: int, target: Path) -> None:
    """Copy a file that is open, though it may have no name any more, to a new one; force that to disk."""
    with os.fdopen(os.dup(handle), "rb") as original, NewFile(target) as copy:
        original.seek(0)
        while piece := original.read(_PIECE):
            copy.write(piece)
        copy.sync()


def sync_directory(path: Path) -> None:
    """Force the entries of a directory to disk, where the platform can."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
