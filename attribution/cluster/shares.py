"""Which part of an index holds which segments: a function of the catalog, so that nobody need be told."""

from __future__ import annotations

from collections.abc import Sequence

from attribution.index.catalog import SegmentRow


def shares(rows: Sequence[SegmentRow], parts: int) -> list[list[int]]:
    """Places of the segments of each part, ascending; parts are about equally large, some perhaps empty.

    The largest segment goes first, always to the part that has least; of equals the earlier one.
    """
    held: list[list[int]] = [[] for _ in range(parts)]
    sizes = [0] * parts
    for place in sorted(range(len(rows)), key=lambda place: (-rows[place].source_bytes, place)):
        part = min(range(parts), key=lambda part: (sizes[part], part))
        held[part].append(place)
        sizes[part] += rows[place].source_bytes
    return [sorted(places) for places in held]
