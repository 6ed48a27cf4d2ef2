"""What counts as source code, and why a file was left out; every source asks here and counts so.

A source of any kind asks :func:`reason_by_path` before it reads a file, and :func:`reason_by_content` after.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from attribution.languages.extensions import language_of
from attribution.sources.documentation import is_documentation
from attribution.vendored import is_vendored

MAX_FILE_BYTES = 4 << 20
"""Larger files are data or generated; they are not indexed, and skipped when a folder is checked."""
MAX_FOLDERS = 100
"""Of files below more folders there are none but those that were made to break a program."""
_SNIFF_BYTES = 8192
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
"""Byte order marks of UTF-16 and UTF-32."""
_LFS_MARK = b"version https://git-lfs.github.com/spec/"
_LFS_BYTES = 1024
"""A pointer of Git LFS is smaller (its specification)."""

_MADE_FOLDERS = frozenset(
    "__pycache__ node_modules site-packages dist-packages venv env build dist target "
    "__pypackages__ bower_components DerivedData".split()
)
_HISTORY_FOLDERS = frozenset((".git", ".hg", ".svn", ".bzr", ".jj"))
"""What version control keeps for itself is no file of the project, and not counted."""


class SkipReason(StrEnum):
    """Why a file was left out; the keys under which sources count."""

    NOT_CODE = "not source code"
    EMPTY = "empty"
    BINARY = "binary"
    NO_DECODING = "in no encoding that is read"
    TOO_LARGE = "larger than 4 MiB"
    TOO_DEEP = "more than 100 folders deep"
    UNREADABLE = "not readable"
    MISSING = "listed but missing"
    LINK = "a link"
    SUBMODULE = "a submodule"
    LFS_POINTER = "a pointer of Git LFS"
    MADE = "in a folder of installed or built things"
    HIDDEN = "in a hidden folder"
    VENDORED = "vendored"
    GENERATED = "generated"
    ENCRYPTED = "encrypted"
    DUPLICATE = "named twice in its archive"
    BROKEN_PACKAGE = "package with unreadable metadata"
    OUTSIDE = "named outside its package"
    NO_FILE_LIST = "package without a list of its files"
    MALFORMED = "in a row without usable ids"
    ALTERED = "changed by the data set"
    CORRUPT = "not the content that its ids name"
    NOT_FOUND = "not in the object store"
    FORBIDDEN = "refused by the object store"
    NO_ANSWER = "without an answer from the object store"


LEAVE_OUT_CHOICES = {"vendored": SkipReason.VENDORED, "generated": SkipReason.GENERATED}
"""What a user may ask to leave out; without it such files are read, and told apart when they match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which of the files that a source holds are read."""

    leave_out: frozenset[SkipReason] = frozenset()
    """Of :data:`LEAVE_OUT_CHOICES`."""
    documentation: bool = False
    """Whether files that document the project are read beside code."""


CODE: Final = Choice()
"""Code, vendored and generated too; what indexes are made of."""


def reason_by_path(path: str, *, choice: Choice = CODE) -> SkipReason | None:
    """Why a file is left out by its path in its source, with forward slashes; ``None`` where it is not."""
    is_code = language_of(path.rpartition("/")[2]) is not None
    if not is_code and not (choice.documentation and is_documentation(path)):
        return SkipReason.NOT_CODE
    if path.count("/") > MAX_FOLDERS:
        return SkipReason.TOO_DEEP
    if SkipReason.VENDORED in choice.leave_out and is_vendored(path):
        return SkipReason.VENDORED
    return None


def reason_by_content(content: bytes, *, choice: Choice = CODE) -> SkipReason | None:
    """Why a file is left out by what it holds; ``None`` where it is not."""
    if len(content) > MAX_FILE_BYTES:
        return SkipReason.TOO_LARGE
    if is_binary(content):
        return SkipReason.NO_DECODING if is_wide(content) else SkipReason.BINARY
    if not content.strip():
        return SkipReason.EMPTY
    if len(content) < _LFS_BYTES and content.startswith(_LFS_MARK):
        return SkipReason.LFS_POINTER
    if SkipReason.GENERATED in choice.leave_out and _is_generated(content):
        return SkipReason.GENERATED
    return None


def walk_code(root: Path, *, skipped: Counter[str], choice: Choice = CODE) -> Iterator[Path]:
    """Yield the code files below ``root`` in a fixed order; links are not followed.

    Files in hidden folders and in those that hold installed or built things (``node_modules``, ``venv``, …)
    are left out, and counted without a look at them.
    """

    def count_unreadable(_: OSError) -> None:
        skipped[SkipReason.UNREADABLE] += 1

    for folder, folders, names in os.walk(root, onerror=count_unreadable):
        depth = len(Path(folder).relative_to(root).parts)
        folders[:] = sorted(name for name in folders if _enters(folder, name, depth, skipped))
        for name in sorted(names):
            path = Path(folder, name)
            reason = reason_by_path(path.relative_to(root).as_posix(), choice=choice)
            if reason is None and path.is_symlink():
                reason = SkipReason.LINK
            if reason is None:
                yield path
            else:
                skipped[reason] += 1


def _enters(parent: str, name: str, depth: int, skipped: Counter[str]) -> bool:
    """Whether a walk goes into a folder; counts what is in it where not."""
    folder = os.path.join(parent, name)  # noqa: PTH118 - of every folder
    if os.path.islink(folder):  # noqa: PTH114
        skipped[SkipReason.LINK] += 1
        return False
    reason = SkipReason.TOO_DEEP if depth >= MAX_FOLDERS else None
    if name in _MADE_FOLDERS:
        reason = SkipReason.MADE
    elif name.startswith("."):
        reason = SkipReason.HIDDEN
    if reason is not None and name not in _HISTORY_FOLDERS and (count := _count_files(folder)):
        skipped[reason] += count
    return reason is None


def _count_files(folder: str) -> int:
    """Files in a folder and below it, as far as they can be listed."""
    count, waiting = 0, [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        count += 1
        except OSError:
            continue
    return count


def walk_paths(root: Path) -> Iterator[str]:
    """Yield the paths of all files below ``root`` relative to it, those of ``.reuse`` too."""
    for folder, folders, names in os.walk(root):
        place = "" if folder == str(root) else Path(folder).relative_to(root).as_posix()
        is_deep = place.count("/") >= MAX_FOLDERS
        folders[:] = [f for f in folders if (_is_walked(f) or f == ".reuse") and not is_deep]
        yield from (f"{place}/{name}" if place else name for name in names)


def _is_walked(folder: str) -> bool:
    return not folder.startswith(".") and folder not in _MADE_FOLDERS


def read_code(path: Path, *, skipped: Counter[str], choice: Choice = CODE) -> bytes | None:
    """Read a file if it is text of reasonable size; otherwise count the reason and return ``None``."""
    content, reason = _read(path)
    if content is not None:
        reason = reason_by_content(content, choice=choice)
    if reason is not None:
        skipped[reason] += 1
        return None
    return content


def _read(path: Path) -> tuple[bytes | None, SkipReason | None]:
    """Content of a regular file that is not too large, or why there is none."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return None, SkipReason.TOO_LARGE
        return (path.read_bytes(), None) if path.is_file() else (None, SkipReason.UNREADABLE)
    except FileNotFoundError:
        return None, SkipReason.MISSING
    except (OSError, ValueError):
        return None, SkipReason.UNREADABLE


def is_binary(content: bytes) -> bool:
    """Tell binary content by a NUL near its start, as git does; UTF-16 counts as binary too."""
    return b"\0" in content[:_SNIFF_BYTES]


def is_wide(content: bytes) -> bool:
    """Tell text in UTF-16 or UTF-32 by its byte order mark."""
    return content.startswith(_WIDE_MARKS)


def _is_generated(content: bytes) -> bool:
    """Imports late: whoever only walks a folder needs no kernels."""
    from attribution.fingerprint.fingerprint import is_generated

    return is_generated(content)
