"""The library that a service answers from: opened anew when its folders have changed, never half of each.

A request is answered from one view. Whoever began before a change ends with the view it began with, for
segments never change and stay open. Where an index is gone or cannot be read, requests are refused until it
can; what was removed from it meanwhile is never answered from an old view.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Protocol

from attribution.index.catalog import stamp_of
from attribution.library import EmbeddedLibrary, Library

_LOGGER = logging.getLogger(__name__)
Stamp = tuple[tuple[int, int, int, int], ...]


class LibrarySource(Protocol):
    """Where a service gets the library from that answers a request: the seam for indexes of other kinds."""

    def current(self) -> Library:
        """The state of now; raises a subclass of :class:`IndexUnusableError` where there is none."""


class LiveFolders:
    """Folders of this machine, asked as one library. Safe to share between threads."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Open them; raise a subclass of :class:`IndexUnusableError` where one cannot be used."""
        self._folders = tuple(folders)
        self._lock = Lock()
        stamp = _stamp(self._folders)
        self._state: tuple[Stamp, EmbeddedLibrary] | None = (stamp, EmbeddedLibrary.open(self._folders))
        """Replaced as one, so that no thread takes an old library for a new one."""

    def current(self) -> EmbeddedLibrary:
        """The library as its folders are now."""
        state = self._state
        if state is not None and state[0] == _stamp(self._folders):
            return state[1]
        with self._lock:
            return self._open_again()

    def _open_again(self) -> EmbeddedLibrary:
        stamp = _stamp(self._folders)
        if self._state is None or self._state[0] != stamp:
            self._state = None
            self._state = stamp, EmbeddedLibrary.open(self._folders)
            generation = self._state[1].generation
            _LOGGER.warning("the index has changed; generation %s answers from now on", generation)
        return self._state[1]


def _stamp(folders: Sequence[Path]) -> Stamp:
    return tuple(map(stamp_of, folders))
