"""The workspace's own files, read in the background: the code that was changed last, within bounds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
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


class WorkspaceFiles:
    """What is known of one folder; belongs to one event loop."""

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._clock = clock
        self._texts: Mapping[str, str] = {}
        self._reading: asyncio.Task[None] | None = None
        self._read_at: float | None = None

    def texts(self) -> Mapping[str, str]:
        """Texts by path as they were read last; begins to read anew where that was a minute ago."""
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
            texts = await asyncio.to_thread(read_workspace, self._root)
        except Exception as error:  # nothing depends on it: a prompt does without
            _log.debug("the workspace could not be read", exc_info=error)
            texts = {}
        self._read_at = self._clock()
        if texts != self._texts:
            self._texts = texts


def read_workspace(root: Path) -> dict[str, str]:
    """Texts of the code files that were changed last, by absolute path.

    Left out is what git ignores, what is vendored or generated, what may hold secrets, and what is not UTF-8.
    """
    found: dict[str, str] = {}
    room = MOST_BYTES
    for path in _latest_first(root):
        content = read_code(path, skipped=Counter(), choice=_OWN_CODE)
        if content is None or len(content) > min(room, MOST_BYTES_A_FILE):
            continue
        text = _decoded(content)
        if text is None or holds_secret(text):
            continue
        found[str(path)] = text
        room -= len(content)
        if len(found) == MOST_FILES:
            break
    return found


def _decoded(content: bytes) -> str | None:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _latest_first(root: Path) -> list[Path]:
    """Files by the time of their last change, of equal ones by name."""
    dated: list[tuple[int, str, Path]] = []
    for path in islice(_permitted(root), _MOST_LISTED):
        try:
            status = path.lstat()
        except OSError:
            continue
        if not path.is_symlink() and status.st_size <= MOST_BYTES_A_FILE:
            dated.append((-status.st_mtime_ns, str(path), path))
    return [path for _, _, path in sorted(dated)]


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
