"""One part of an index in a process of its own: whatever state is asked for, as long as it is kept.

Whoever asks names the generation, so all parts answer from one state of the catalog. A replica opens a new
state when it is first asked for, and keeps the one before for those who are in the middle of something.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from attribution.cluster.shares import shares
from attribution.errors import IndexOutdatedError, ScAttribError
from attribution.index.catalog import SegmentRow
from attribution.index.parts import Part, PlacedSegment, Question
from attribution.index.segment import open_live

_KEPT = 2


class Reply(NamedTuple):
    """An answer, or why there is none: errors with arguments of their own do not pickle."""

    answer: Any = None
    problem: str = ""
    is_outdated: bool = False


class PartReplica:
    """Answers for one of several parts of an index. Safe to share between threads."""

    def __init__(self, directory: Path, number: int, parts: int) -> None:
        """Open the state of now; raise a subclass of :class:`IndexUnusableError` where that cannot be."""
        self._directory = directory
        self._number = number
        self._parts = parts
        self._lock = Lock()
        self._views: dict[str, Part] = {}
        self._open()

    def reply(self, question: Question[Any], generation: str) -> Reply:
        """Answer from a state."""
        try:
            part = self._view(generation)
            for placed in part:
                placed.segment.ensure_whole()
            return Reply(answer=question.asked_of(part))
        except IndexOutdatedError:
            return Reply(is_outdated=True)
        except ScAttribError as error:
            return Reply(problem=str(error))

    def _view(self, generation: str) -> Part:
        with self._lock:
            if generation not in self._views:
                self._open()
            if generation not in self._views:
                raise IndexOutdatedError(self._directory)
            return self._views[generation]

    def _open(self) -> None:
        catalog, segments = open_live(self._directory, only=self._own)
        places = shares(catalog.segments, self._parts)[self._number]
        part = [PlacedSegment(place, one) for place, one in zip(places, segments, strict=True)]
        self._views[catalog.generation] = part
        for old in list(self._views)[:-_KEPT]:
            del self._views[old]

    def _own(self, rows: Sequence[SegmentRow]) -> list[SegmentRow]:
        return [rows[place] for place in shares(rows, self._parts)[self._number]]
