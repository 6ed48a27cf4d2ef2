"""Reading files from disk: what counts as source code, and why a file was left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from attribution.languages.extensions import language_of

MAX_FILE_BYTES = 4 << 20
"""Larger files are data or generated; they are not indexed, and skipped when a folder is checked."""
_SNIFF_BYTES = 8192

_SKIPPED_FOLDERS = frozenset(
    "__pycache__ node_modules site-packages dist-packages venv env build dist target "
    "__pypackages__ bower_components DerivedData".split()
)


class SkipReason(StrEnum):
    """Why a file was left out; the keys under which sources count."""

    NOT_CODE = "not source code"
    EMPTY = "empty"
    BINARY = "binary"
    TOO_LARGE = "larger than 4 MiB"
    UNREADABLE = "not readable"
    MISSING = "listed but missing"
    BROKEN_PACKAGE = "package with unreadable metadata"
    OUTSIDE = "listed but outside its package"
    NO_FILE_LIST = "package without a list of its files"


def walk_code(root: Path, *, skipped: Counter[str]) -> Iterator[Path]:
    """Yield the code files below ``root`` in a fixed order; links are not followed.

    Hidden folders and those that hold installed or built things (``node_modules``, ``venv``, …) are left out.
    """

    def count_unreadable(_: OSError) -> None:
        skipped[SkipReason.UNREADABLE] += 1

    for folder, folders, names in os.walk(root, onerror=count_unreadable):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _SKIPPED_FOLDERS)
        for name in sorted(names):
            if language_of(name) is None:
                skipped[SkipReason.NOT_CODE] += 1
            else:
                yield Path(folder, name)


def read_code(path: Path, *, skipped: Counter[str]) -> bytes | None:
    """Read a file if it is text of reasonable size; otherwise count the reason and return ``None``."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            skipped[SkipReason.TOO_LARGE] += 1
            return None
        content = path.read_bytes() if path.is_file() else None
    except FileNotFoundError:
        skipped[SkipReason.MISSING] += 1
        return None
    except (OSError, ValueError):
        content = None
    if content is None:
        skipped[SkipReason.UNREADABLE] += 1
    elif is_binary(content):
        skipped[SkipReason.BINARY] += 1
    elif not content.strip():
        skipped[SkipReason.EMPTY] += 1
    else:
        return content
    return None


def is_binary(content: bytes) -> bool:
    """Tell binary content by a NUL near its start, as git does; UTF-16 counts as binary too."""
    return b"\0" in content[:_SNIFF_BYTES]
