"""Files and folders that are whole or not there, whoever is killed and however full the disk is."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path

from attribution.index.disk import sync_directory

_UNFINISHED = ".unfinished-"


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file of another name beside ``path``, force it to disk and rename it.

    Two processes may do so at once, on two machines too: the later one replaces the earlier. Raises
    :class:`OSError`; what was begun is deleted then.
    """
    unfinished = path.with_name(f"{_UNFINISHED}{platform.node()}-{os.getpid()}-{path.name}")
    try:
        write(unfinished)
        handle = os.open(unfinished, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_whole_text(path: Path, text: str) -> None:
    """The same with a text, as UTF-8."""
    write_whole(path, lambda unfinished: unfinished.write_bytes(text.encode("utf-8")))


def discard(folder: Path) -> None:
    """Delete a folder, if it is there, under another name: no part of it is ever taken for the whole.

    Raises :class:`OSError`.
    """
    gone = folder.with_name(f"{_UNFINISHED}{folder.name}")
    if gone.is_dir():
        shutil.rmtree(gone)
    if folder.is_dir():
        folder.rename(gone)
        sync_directory(folder.parent)
        shutil.rmtree(gone)


def sweep(folder: Path) -> None:
    """Delete what killed processes left unfinished in a folder, or began to delete."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
