"""SHA-256 of every file in a folder, in the form that ``sha256sum --check`` reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

FILE = "SHA256SUMS"
"""Beside the files that it lists."""


def write_checksums(folder: Path) -> None:
    """List every file of a folder, those in folders below too; raise :class:`OSError`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != FILE)
    lines = [f"{_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / FILE).write_text("".join(lines), "utf-8")


def first_damage(folder: Path) -> str | None:
    """Say what is not as it was listed, if anything; a folder without a list is believed."""
    try:
        lines = (folder / FILE).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        return f"its {FILE} cannot be read ({error})"
    for line in lines:
        listed, _, name = line.partition("  ")
        try:
            if _sha256(folder / name) != listed:
                return f"its {name} is not what was written"
        except OSError as error:
            return f"its {name} cannot be read ({error.strerror})"
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
