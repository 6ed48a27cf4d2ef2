"""An index opened for reading: its live segments, as they were committed when it was opened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from attribution.index.catalog import SegmentRow
from attribution.index.numbers import DigestNumbers
from attribution.index.parts import InParts, Kept, Part, PlacedSegment, Question
from attribution.index.segment import Segment, open_live

A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class Index(InParts):
    """A view of an index that later writes do not disturb."""

    directory: Path
    rows: tuple[SegmentRow, ...]
    segments: tuple[Segment, ...]

    @classmethod
    def open(cls, directory: Path) -> Index:
        """Open an index; raise a subclass of :class:`IndexUnusableError` where that is not possible.

        Opening reads the catalog, and of each segment the header and 4 bytes for each MiB; everything else is
        read and checked when it is looked up.
        """
        catalog, segments = open_live(directory)
        return cls(directory=directory, rows=catalog.segments, segments=tuple(segments))

    def ask(self, question: Question[A]) -> list[A]:
        """The answer of all segments, which are the only part."""
        self._ensure_whole()
        return [question.asked_of(self._part)]

    @property
    def kept(self) -> Kept:
        """What its segments keep beside seeds."""
        return Kept.by(self.segments)

    @property
    def _part(self) -> Part:
        return [PlacedSegment(place, segment) for place, segment in enumerate(self.segments)]

    def _ensure_whole(self) -> None:
        for segment in self.segments:
            segment.ensure_whole()

    @property
    def document_count(self) -> int:
        """Distinct contents: one that several segments hold counts once."""
        if len(self.rows) == 1:
            return self.rows[0].documents
        distinct = DigestNumbers()
        for segment in self.segments:
            distinct.enter(segment.documents.all_digests()[segment.live_documents].tobytes())
        return len(distinct)

    @property
    def source_bytes(self) -> int:
        """Bytes of source the index was made from, summed over the segments."""
        return sum(row.source_bytes for row in self.rows)

    @property
    def size_bytes(self) -> int:
        """Bytes that its segments take on disk."""
        return sum(segment.size_bytes for segment in self.segments)

    def license_counts(self) -> dict[str, int]:
        """Count occurrences of files by licence expression, the most frequent first."""
        counts: Counter[str] = Counter()
        for segment in self.segments:
            counts.update(segment.documents.license_counts())
        return dict(counts.most_common())

    def verify(self) -> None:
        """Compare everything with its checksums; raise :class:`IndexCorruptError` at the first damage."""
        for segment in self.segments:
            segment.verify()
