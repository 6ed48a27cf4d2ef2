"""The texts that ``check`` is to look at: named files, folders, standard input, what git says has changed."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.streams import read_stdin
from attribution.errors import UnreadableInputError, UsageError

if TYPE_CHECKING:
    from attribution.added_lines import Added

STDIN = "-"
MAX_NAMED_BYTES = 16 << 20
"""A larger file that is named outright is refused; nobody writes that much code by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text to check."""

    path: str
    """As it was named or found; ``-`` for standard input."""
    content: bytes
    added: Added = None
    """The lines that count; all of them without."""


def read_texts(paths: Sequence[str], *, skipped: Counter[str]) -> Iterator[Text]:
    """Read what is named; what a walk over a folder leaves out is counted in ``skipped`` by reason.

    Raises :class:`UnreadableInputError` for a named path that cannot be used.
    """
    for path in paths:
        if path == STDIN:
            yield Text(path=STDIN, content=_acceptable(STDIN, read_stdin(MAX_NAMED_BYTES + 1)))
        elif os.path.isdir(path):  # noqa: PTH112 - answers False for what cannot be looked at
            found: Counter[str] = Counter()
            yield from _read_folder(Path(path), found)
            skipped.update(found)
        else:
            yield Text(path=path, content=_read_named(path))


def read_changed(paths: Sequence[str], *, since: str, skipped: Counter[str]) -> Iterator[Text]:
    """Read the files below the paths that gained lines since a revision; all of the repository without paths.

    Raises :class:`UsageError` where a path lies in no repository, or git does not know the revision, and
    :class:`ScAttribError` where git cannot be asked.
    """
    from attribution.added_lines import added_lines
    from attribution.languages.extensions import language_of
    from attribution.sources.files import SkipReason, read_code

    for root, below in _by_repository(paths).items():
        for path, added in sorted(added_lines(root, since=since, below=below).items()):
            file = root / path
            if file.is_symlink():
                skipped[SkipReason.LINK] += 1
            elif language_of(path) is None:
                skipped[SkipReason.NOT_CODE] += 1
            elif (content := read_code(file, skipped=skipped)) is not None:
                shown = Path(os.path.relpath(file)).as_posix()
                yield Text(path=shown, content=content, added=_countable(added, path, content))


def _countable(added: Added, path: str, content: bytes) -> Added:
    """Added lines as matches count them; all lines of a notebook that writes several lines of code on one."""
    from attribution.sources.notebooks import lines_counted

    return added if lines_counted(path, content).count(b"\n") == content.count(b"\n") else None


def _by_repository(paths: Sequence[str]) -> dict[Path, list[str]]:
    """The repositories that paths lie in, with the paths relative to their roots."""
    from attribution.repository import find_repository

    found: dict[Path, list[str]] = {}
    for path in paths or ["."]:
        if path == STDIN:
            raise UsageError("--diff asks git which lines are new, which it cannot tell of standard input")
        place = Path(os.path.abspath(path))  # noqa: PTH100 - links stay
        root = find_repository(place if place.is_dir() else place.parent)
        if paths and not os.path.lexists(place):
            raise UnreadableInputError(path or "''", "does not exist", remedy="check the spelling")
        if root is None:
            raise UsageError(
                f"{path}: --diff needs a git repository, and this lies in none; leave --diff out"
            )
        found.setdefault(root, []).append(os.path.relpath(place, root) if paths else ".")
    return found


def _read_folder(folder: Path, skipped: Counter[str]) -> Iterator[Text]:
    from attribution.sources.files import SkipReason, read_code, walk_code

    found_code = False
    for path in walk_code(folder, skipped=skipped):
        content = read_code(path, skipped=skipped)
        if content is not None:
            found_code = True
            yield Text(path=path.as_posix(), content=content)
    if not found_code and not skipped[SkipReason.EMPTY]:
        raise UnreadableInputError(folder, "holds no source code", remedy="name a folder or file that does")


def _read_named(path: str) -> bytes:
    try:
        with open(path, "rb", opener=_open_regular) as file:
            return _acceptable(path, file.read(MAX_NAMED_BYTES + 1))
    except FileNotFoundError as error:
        raise UnreadableInputError(path or "''", "does not exist", remedy="check the spelling") from error
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
        is_refused = isinstance(error, PermissionError)
        remedy = "check its permissions" if is_refused else "name a file that can be read"
        raise UnreadableInputError(path, reason, remedy=remedy) from error


def _open_regular(path: str, flags: int) -> int:
    """Open a file without waiting for the other end of a pipe."""
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UnreadableInputError(path, "is not a regular file", remedy="name a file of source code")
    return handle


def _acceptable(name: str, content: bytes) -> bytes:
    from attribution.sources.files import is_binary, is_wide

    if len(content) > MAX_NAMED_BYTES:
        raise UnreadableInputError(
            name, "is larger than 16 MiB, too large for source code", remedy="check its parts"
        )
    if is_binary(content) and is_wide(content):
        reason = "is UTF-16 or UTF-32, which is not read"
        raise UnreadableInputError(name, reason, remedy="convert it to UTF-8")
    if is_binary(content):
        raise UnreadableInputError(name, "is binary, not source code", remedy="name a text file")
    return content
