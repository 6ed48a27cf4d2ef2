"""The workspace's own files, read in the background: the code that was changed last, within bounds."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from assistant.context.ignored import listed_files, work_tree_of
from assistant.context.privacy import holds_secret, is_private_path
from attribution.sources.files import Choice, SkipReason, read_code, reason_by_path, walk_code

MOST_FILES = 256
MOST_BYTES = 1 << 20
MOST_BYTES_A_FILE = 1 << 16
"""A larger file is left out: most are data."""
_MOST_LISTED = 20_000
"""Files that are looked at; a larger workspace is known in part."""
_STALE_AFTER_S = 60.0
_OWN_CODE = Choice(leave_out=frozenset((SkipReason.VENDORED, SkipReason.GENERATED)))

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file as it was looked at."""

    written_at: int
    """Nanoseconds."""
    size: int
    text: str | None
    """``None`` where it may not be shown, or is no code."""


class WorkspaceFiles:
    """What is known of one folder; belongs to one event loop."""

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._clock = clock
        self._files: Mapping[str, _File] = {}
        self._texts: Mapping[str, str] = {}
        self._reading: asyncio.Task[None] | None = None
        self._read_at: float | None = None

    def texts(self) -> Mapping[str, str]:
        """Texts by path as they were read last; begins to look again where that was a minute ago."""
        is_stale = self._read_at is None or self._clock() - self._read_at > _STALE_AFTER_S
        if is_stale and (self._reading is None or self._reading.done()):
            self._reading = asyncio.create_task(self._read())
        return self._texts

    async def settled(self) -> None:
        """Wait for what is being read."""
        if self._reading is not None:
            await asyncio.wait([self._reading])

    async def _read(self) -> None:
        try:
            self._files = await asyncio.to_thread(_look_through, self._root, self._files)
        except Exception as error:  # nothing depends on it: a prompt does without
            _log.debug("the workspace could not be read", exc_info=error)
            self._files = {}
        self._read_at = self._clock()
        texts = _texts(self._files)
        if texts != self._texts:
            self._texts = texts


def read_workspace(root: Path) -> dict[str, str]:
    """Texts of the code files that were changed last, by absolute path.

    Left out is what git ignores, what is vendored or generated, what may hold secrets, and what is not UTF-8.
    """
    return _texts(_look_through(root, {}))


def _texts(files: Mapping[str, _File]) -> dict[str, str]:
    return {path: file.text for path, file in files.items() if file.text is not None}


def _look_through(root: Path, known: Mapping[str, _File]) -> dict[str, _File]:
    """Look at the files that were changed last; those that are as they are known are not read again."""
    files: dict[str, _File] = {}
    found, room = 0, MOST_BYTES
    for path, status in _latest_first(root):
        if found == MOST_FILES:
            break
        if status.st_size > room:
            continue
        file = known.get(str(path))
        if file is None or (file.written_at, file.size) != (status.st_mtime_ns, status.st_size):
            file = _File(written_at=status.st_mtime_ns, size=status.st_size, text=_permitted_text(path))
        files[str(path)] = file
        if file.text is not None:
            found, room = found + 1, room - status.st_size
    return files


def _permitted_text(path: Path) -> str | None:
    content = read_code(path, skipped=Counter(), choice=_OWN_CODE)
    text = None if content is None or len(content) > MOST_BYTES_A_FILE else _decoded(content)
    return None if text is None or holds_secret(text) else text


def _decoded(content: bytes) -> str | None:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _latest_first(root: Path) -> list[tuple[Path, os.stat_result]]:
    """Files by the time of their last change, of equal ones by name."""
    dated: list[tuple[Path, os.stat_result]] = []
    for path in islice(_permitted(root), _MOST_LISTED):
        try:
            status = path.lstat()
        except OSError:
            continue
        if not path.is_symlink() and status.st_size <= MOST_BYTES_A_FILE:
            dated.append((path, status))
    return sorted(dated, key=lambda file: (-file[1].st_mtime_ns, str(file[0])))


def _permitted(root: Path) -> Iterator[Path]:
    """Code files that git does not ignore; those of a walk where the folder is in no repository.

    Where git should know but cannot say, there are none.
    """
    if work_tree_of(root) is None:
        names: Iterator[str] = (
            path.relative_to(root).as_posix() for path in walk_code(root, skipped=Counter(), choice=_OWN_CODE)
        )
    else:
        names = iter(listed_files(root) or ())
    for name in names:
        if reason_by_path(name, choice=_OWN_CODE) is None and not is_private_path(name):
            yield root / name
