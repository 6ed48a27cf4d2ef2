"""Markdown tables of what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scaling.child import Times
from scaling.sizes import SEED_LANES

OURS = "sc-attrib"


@dataclass(slots=True, kw_only=True)
class Column:
    """What was measured of one engine at one size; ``stopped`` says why there is no more."""

    engine: str
    documents: int
    source_bytes: int
    build: dict[str, Any] = field(default_factory=dict)
    search: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    stopped: str = ""

    def times(self, what: str = "snippets", lane: str | None = None) -> Times:
        """Times of one kind of query, of all lanes or of one."""
        source = self.search if lane is None else self.search.get("lanes", {}).get(lane, {})
        return Times(**source[what]) if what in source else Times()


Row = tuple[str, Sequence[str]]


def print_table(heading: str, columns: list[str], rows: list[Row]) -> None:
    """Print one table."""
    if not rows:
        return
    print(f"\n| {heading} | {' | '.join(columns)} |\n| --- |{' ---: |' * len(columns)}")
    for name, cells in rows:
        if any(cell not in {"", "–"} for cell in cells):
            print(f"| {name} | {' | '.join(cells)} |")


def build_rows(columns: list[Column]) -> list[Row]:
    """Time, memory and disk that building took."""
    return [
        ("build, s", [_of(c.build, "wall_s", "{:,.1f}", "not built" if c.stopped else "") for c in columns]),
        ("MB/s in all", [_rate(c, "wall_s") for c in columns]),
        ("MB/s a core (of processor time)", [_rate(c, "cpu_s") for c in columns]),
        ("peak resident memory, MB", [_of(c.build, "peak_bytes", "{:,.0f}", scale=1e-6) for c in columns]),
        (
            "of it anonymous, MB",
            [_of(c.build, "peak_anonymous_bytes", "{:,.0f}", scale=1e-6) for c in columns],
        ),
        (
            "bytes on disk a source byte",
            [_of(c.build, "disk_bytes", "{:.3f}", scale=1 / c.source_bytes) for c in columns],
        ),
    ]


def search_rows(columns: list[Column]) -> list[Row]:
    """Opening, memory, and the times of queries."""
    rows: list[Row] = [
        ("opening, ms", [_of(c.search, "open_ms", "{:,.1f}") for c in columns]),
        (
            "resident after opening, MB",
            [_of(c.search, "open_resident_bytes", "{:,.0f}", scale=1e-6) for c in columns],
        ),
        ("added by opening, MB", [_of(c.search, "open_added_bytes", "{:,.1f}", scale=1e-6) for c in columns]),
        (
            "resident after all queries, MB",
            [_of(c.search, "resident_bytes", "{:,.0f}", scale=1e-6) for c in columns],
        ),
        ("40-line snippet, p50 ms", [_quantile(c.times(), 0.5) for c in columns]),
        ("40-line snippet, p99 ms", [_quantile(c.times(), 0.99) for c in columns]),
        ("… processor time, p50 / p99 ms", [_both(c.times(), None, of_processor=True) for c in columns]),
    ]
    rows += [
        (f"… {kind}, p50 / p99 ms", [_both(c.times(), kind) for c in columns])
        for kind in ("verbatim", "edited", "not indexed")
    ]
    rows += [
        (f"right file first, {kind}", [_share(c.times().found(kind)) for c in columns])
        for kind in ("verbatim", "edited")
    ]
    return [
        *rows,
        ("queries asked", [str(len(c.times().kinds) or "–") for c in columns]),
        ("1,000-line file, p50 / p99 ms", [_both(c.times("files"), "file") for c in columns]),
        ("cold page cache, open and ask, p50 ms", [_of(c.search, "cold_ms", "{:,.1f}") for c in columns]),
        ("sc-attrib check FILE, warm, s", [_of(c.search, "command_s", "{:.3f}") for c in columns]),
        (
            "sc-attrib check FILE, cold page cache, s",
            [_of(c.search, "command_cold_s", "{:.3f}") for c in columns],
        ),
    ]


def ratio_rows(columns: list[Column], ours: Column) -> list[Row]:
    """How many times as much as ours: of time, memory, disk."""
    return [
        ("build time", [_ratio(c.build.get("wall_s"), ours.build.get("wall_s")) for c in columns]),
        ("processor time", [_ratio(c.build.get("cpu_s"), ours.build.get("cpu_s")) for c in columns]),
        ("build memory", [_ratio(c.build.get("peak_bytes"), ours.build.get("peak_bytes")) for c in columns]),
        ("bytes on disk", [_ratio(c.build.get("disk_bytes"), ours.build.get("disk_bytes")) for c in columns]),
        ("opening", [_ratio(c.search.get("open_ms"), ours.search.get("open_ms")) for c in columns]),
        (
            "snippet, p50",
            [_ratio(c.times().quantile(0.5), ours.times().quantile(0.5)) for c in columns],
        ),
        (
            "snippet, p99",
            [_ratio(c.times().quantile(0.99), ours.times().quantile(0.99)) for c in columns],
        ),
        (
            "1,000-line file, p50",
            [_ratio(c.times("files").quantile(0.5), ours.times("files").quantile(0.5)) for c in columns],
        ),
    ]


def lane_rows(columns: list[Column]) -> list[Row]:
    """What each lane costs by itself, at each size."""
    lanes = list(dict.fromkeys(lane for c in columns for lane in c.search.get("lanes", {})))
    rows: list[Row] = []
    for lane in lanes:
        rows += [
            (f"{lane}: snippet, p50 ms", [_quantile(c.times(lane=lane), 0.5) for c in columns]),
            (f"{lane}: snippet, p99 ms", [_quantile(c.times(lane=lane), 0.99) for c in columns]),
            (
                f"{lane}: snippet, processor time, p50 / p99 ms",
                [_both(c.times(lane=lane), None, of_processor=True) for c in columns],
            ),
            (f"{lane}: 1,000-line file, p50 ms", [_quantile(c.times("files", lane), 0.5) for c in columns]),
        ]
    return rows


def group_rows(columns: list[Column]) -> list[Row]:
    """Bytes a source byte, by group of arrays."""
    names = list(dict.fromkeys(name for c in columns for name in c.groups))
    rows: list[Row] = [
        (name, [f"{c.groups.get(name, 0) / c.source_bytes:.4f}" if c.groups else "–" for c in columns])
        for name in names
    ]
    for title, chosen in (("seed lanes, all that they need", SEED_LANES), ("all lanes", tuple(names))):
        totals = [sum(c.groups.get(name, 0) for name in chosen) / c.source_bytes for c in columns]
        rows.append(
            (title, [f"**{t:.4f}**" if c.groups else "–" for t, c in zip(totals, columns, strict=True)])
        )
    return rows


def growth_sentence(small: Column, large: Column) -> str:
    """Say how the time of a query grows with the number of documents."""
    before, after = small.times().quantile(0.5), large.times().quantile(0.5)
    if not before or not after:
        return ""
    documents, times = large.documents / small.documents, after / before
    exponent = math.log(times) / math.log(documents)
    logs = math.log(large.documents) / math.log(small.documents)
    verdict = (
        "no faster than log N"
        if times <= logs * 1.15
        else f"faster than log N, which would be {logs:.2f} times, but far slower than N"
        if exponent < 0.5
        else "too fast"
    )
    return (
        f"{small.engine}: {documents:,.0f} times the documents ({small.documents:,} to {large.documents:,}) "
        f"take {times:.2f} times as long a snippet (p50 {before:.2f} to {after:.2f} ms), N^{exponent:.2f}; "
        f"log N grows {logs:.2f} times, so it grows {verdict}."
    )


def growth_rows(columns: list[Column]) -> list[Row]:
    """Figures of one engine at each size, as multiples of those at the smallest."""
    small = columns[0]
    rows: list[Row] = [
        ("documents", [f"×{c.documents / small.documents:,.0f}" for c in columns]),
        ("their logarithm", [f"×{math.log(c.documents) / math.log(small.documents):,.2f}" for c in columns]),
    ]
    for lane in (None, *small.search.get("lanes", {})):
        name = lane or "all lanes"
        for share in (0.5, 0.99):
            least = small.times(lane=lane).quantile(share)
            ratios = [_ratio(c.times(lane=lane).quantile(share), least) for c in columns]
            rows.append((f"{name}: snippet, p{share * 100:.0f}", ratios))
    for title, name in (("build memory", "peak_anonymous_bytes"), ("bytes on disk", "disk_bytes")):
        rows.append((title, [_ratio(c.build.get(name), small.build.get(name)) for c in columns]))
    rows.append(("build time", [_ratio(c.build.get("wall_s"), small.build.get("wall_s")) for c in columns]))
    rows.append(("opening", [_ratio(c.search.get("open_ms"), small.search.get("open_ms")) for c in columns]))
    return rows


def _of(figures: dict[str, Any], name: str, layout: str, stopped: str = "", *, scale: float = 1.0) -> str:
    value = figures.get(name)
    return layout.format(value * scale) if value is not None else stopped or "–"


def _rate(column: Column, name: str) -> str:
    seconds = column.build.get(name)
    return f"{column.source_bytes / 1e6 / seconds:,.1f}" if seconds else "–"


def _quantile(times: Times, share: float) -> str:
    value = times.quantile(share)
    return "–" if value is None else f"{value:,.2f}"


def _both(times: Times, kind: str | None, *, of_processor: bool = False) -> str:
    values = [times.quantile(share, kind, of_processor=of_processor) for share in (0.5, 0.99)]
    return "–" if None in values else " / ".join(f"{value:,.2f}" for value in values)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _ratio(theirs: float | None, ours: float | None) -> str:
    return f"×{theirs / ours:,.2f}" if theirs and ours else "–"
