"""The figures that the engine is to reach, beside those that it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scaling.sizes import SEED_LANES
from scaling.table import OURS, Column, Row

_GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A figure, its bound, and how it is read off the columns of one size."""

    name: str
    bound: float
    unit: str
    measured: Callable[[Column], float | None]
    engine: str = OURS
    at_least: bool = False

    def row(self, column: Column) -> Row | None:
        """Its row of the table; ``None`` where it was not measured."""
        value = self.measured(column)
        if value is None:
            return None
        reached = value >= self.bound if self.at_least else value <= self.bound
        sign = "≥" if self.at_least else "≤"
        verdict = "reached" if reached else "**missed**"
        return self.name, [f"{sign} {self.bound:g} {self.unit}", f"{value:,.3g} {self.unit}", verdict]


def _seed_lanes(column: Column) -> str | None:
    """The name under which the seed lanes were measured together; ``None`` for all lanes."""
    return next((lane for lane in column.search.get("lanes", {}) if "+" in lane), None)


def _snippet(share: float) -> Callable[[Column], float | None]:
    return lambda column: column.times(lane=_seed_lanes(column)).quantile(share)


def _share_of(*groups: str) -> Callable[[Column], float | None]:
    def measured(column: Column) -> float | None:
        chosen = groups or tuple(column.groups)
        return sum(column.groups.get(g, 0) for g in chosen) / column.source_bytes if column.groups else None

    return measured


def _built(name: str, scale: float) -> Callable[[Column], float | None]:
    return lambda column: column.build[name] * scale if name in column.build else None


def _searched(name: str, scale: float = 1.0) -> Callable[[Column], float | None]:
    return lambda column: column.search[name] * scale if name in column.search else None


def _megabytes_a_core_second(column: Column) -> float | None:
    return column.source_bytes / 1e6 / column.build["cpu_s"] if column.build else None


GOALS = (
    Goal(name="40-line snippet, seed lanes, p50", bound=1, unit="ms", measured=_snippet(0.5)),
    Goal(name="40-line snippet, seed lanes, p99", bound=5, unit="ms", measured=_snippet(0.99)),
    Goal(
        name="1,000-line file, seed lanes, p50",
        bound=20,
        unit="ms",
        measured=lambda column: column.times("files", _seed_lanes(column)).quantile(0.5),
    ),
    Goal(
        name="build, seed lanes",
        bound=40,
        unit="MB/s a core",
        measured=_megabytes_a_core_second,
        engine="sc-attrib-seeds",
        at_least=True,
    ),
    Goal(
        name="build, peak anonymous memory",
        bound=1,
        unit="GiB",
        measured=_built("peak_anonymous_bytes", 1 / _GIB),
    ),
    Goal(name="seed lanes on disk", bound=0.4, unit="bytes a source byte", measured=_share_of(*SEED_LANES)),
    Goal(name="all lanes on disk", bound=0.6, unit="bytes a source byte", measured=_share_of()),
    Goal(
        name="sparse profile on disk",
        bound=0.08,
        unit="bytes a source byte",
        measured=_share_of(),
        engine="sc-attrib-sparse",
    ),
    Goal(name="opening", bound=20, unit="ms", measured=_searched("open_ms")),
    Goal(
        name="resident after opening", bound=100, unit="MB", measured=_searched("open_resident_bytes", 1e-6)
    ),
    Goal(name="sc-attrib check FILE, cold", bound=0.3, unit="s", measured=_searched("command_cold_s")),
)


def goal_rows(columns: list[Column]) -> list[Row]:
    """The rows of those goals that were measured at one size."""
    rows = [goal.row(column) for goal in GOALS for column in columns if column.engine == goal.engine]
    return [row for row in rows if row is not None]
