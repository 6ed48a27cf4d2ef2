"""Files that a model was not trained on, from the ``held_out.jsonl`` of a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np

from attribution.errors import UnreadableInputError

_MOST_NEIGHBOURS = 8
_MOST_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutFile:
    """A file to measure on."""

    path: str
    text: bytes
    """UTF-8."""
    repository: str = ""
    """Package or repository that it belongs to; empty where the list does not tell."""


def read_held_out(path: Path) -> list[HeldOutFile]:
    """Read JSON lines with ``path``, ``text`` and perhaps ``package``; raise UnreadableInputError."""
    try:
        entries = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]
        return [
            HeldOutFile(
                path=str(e["path"]), text=_as_text(e["text"]).encode(), repository=str(e.get("package", ""))
            )
            for e in entries
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableInputError(
            path, f"is not a list of held-out files ({error})", remedy="name the held_out.jsonl of a run"
        ) from error


def _as_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def some_of(files: Sequence[HeldOutFile], *, seed: int, most_bytes: int = _MOST_BYTES) -> list[HeldOutFile]:
    """All files, or of many a random part that is not longer than ``most_bytes``, in their order.

    For what tokenises every file: a curation may hold out a hundred times what is measured on.
    """
    order = np.random.default_rng(seed).permutation(len(files))
    taken = np.cumsum([len(files[place].text) for place in order]) <= most_bytes
    return [files[place] for place in np.sort(order[: int(taken.sum())])]


def neighbours(files: Sequence[HeldOutFile], path: str, repository: str) -> tuple[HeldOutFile, ...]:
    """Other files of a repository that say something, those in the same folders first; at most eight."""
    others = [f for f in files if repository and f.repository == repository and f.path != path]
    others = [f for f in others if f.text.strip()]
    others.sort(key=lambda other: (-_shared_folders(other.path, path), other.path))
    return tuple(others[:_MOST_NEIGHBOURS])


def _shared_folders(one: str, other: str) -> int:
    r"""How many folders two paths have in common from the top.

    >>> _shared_folders("a/b/c.py", "a/b/d.py"), _shared_folders("a/b.py", "b/b.py")
    (2, 0)
    """
    pairs = zip(one.split("/")[:-1], other.split("/")[:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
