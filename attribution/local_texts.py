"""Texts of known contents that lie on this machine where they came from: folders, installed packages."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from attribution.swhid import Swhid

_MAX_BYTES = 16 * 2**20
_STANDARD_LIBRARY = "Lib/"
"""Where CPython's repository keeps what is installed as the standard library."""


def local_text(swhid: Swhid) -> tuple[bytes, Path] | None:
    """The content that a SWHID with its origin and path names, and where it lies; ``None`` where it does not.

    Places are guesses, and a file counts only if its git SHA-1 is the one that is asked for.
    """
    for place in _places(swhid):
        content = _read(place)
        if content is not None and Swhid.of_content(content).digest == swhid.digest:
            return content, place
    return None


def _places(swhid: Swhid) -> Iterator[Path]:
    if swhid.path is None:
        return
    path = swhid.path.lstrip("/")
    origin = urlsplit(swhid.origin or "")
    if origin.scheme == "file" and origin.netloc in ("", "localhost"):
        folder = Path(url2pathname(unquote(origin.path)))
        yield from (folder / path, folder.parent / path, folder)
    standard = Path(sysconfig.get_path("stdlib"))
    if path.startswith(_STANDARD_LIBRARY):
        yield standard / path.removeprefix(_STANDARD_LIBRARY)
    for name in ("purelib", "platlib"):
        yield Path(sysconfig.get_path(name)) / path


def _read(place: Path) -> bytes | None:
    try:
        is_small = place.is_file() and place.stat().st_size <= _MAX_BYTES
        return place.read_bytes() if is_small else None
    except (OSError, ValueError):
        return None
