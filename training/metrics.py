"""What a run measured: metrics.csv, one line an update, and loss.png."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsRow:
    """One update."""

    update: int
    """Updates done, counted from 1."""
    tokens: int
    loss: float
    """Mean negative log-likelihood of the batch's targets, nats."""
    rate_factor: float
    gradient_norm: float
    """Before clipping."""
    tokens_per_second: float
    held_out_bits_per_byte: float
    """NaN where it was not looked at."""


_COLUMNS = [field.name for field in fields(MetricsRow)]


class MetricsLog:
    """Appends rows to a CSV file; lines after the update from which a run resumes are taken back first."""

    def __init__(self, path: Path, *, keep_until: int) -> None:
        kept = [row for row in read_metrics(path) if row.update <= keep_until]
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = path.open("w", newline="")
        self._writer = csv.DictWriter(self._stream, _COLUMNS)
        self._writer.writeheader()
        for row in kept:
            self.append(row)

    def append(self, row: MetricsRow) -> None:
        """Write one line, at once."""
        self._writer.writerow(asdict(row))
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def read_metrics(path: Path) -> list[MetricsRow]:
    """Read a metrics file; a missing one has no rows, and a line cut short by a kill is left out."""
    if not path.is_file():
        return []
    rows = []
    with path.open(newline="") as stream:
        for line in csv.DictReader(stream):
            if None not in line.values():
                whole = {name: int(line[name]) for name in ("update", "tokens")}
                rest = {name: float(line[name]) for name in _COLUMNS if name not in whole}
                rows.append(MetricsRow(**whole, **rest))  # type: ignore[arg-type]
    return rows


def plot_metrics(rows: list[MetricsRow], path: Path, *, title: str) -> None:
    """Draw training loss (left axis, nats a token) and held-out bits per byte (right axis) over tokens."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    left = figure.subplots()
    left.plot([r.tokens for r in rows], [r.loss for r in rows], linewidth=0.6, alpha=0.4, color="tab:blue")
    left.plot([r.tokens for r in rows], _smoothed(rows), color="tab:blue", label="training loss")
    left.set(xlabel="tokens", ylabel="nats per token", title=title)
    looked = [r for r in rows if r.held_out_bits_per_byte == r.held_out_bits_per_byte]
    right = left.twinx()
    right.plot(
        [r.tokens for r in looked],
        [r.held_out_bits_per_byte for r in looked],
        "o-",
        markersize=3,
        color="tab:red",
    )
    right.set_ylabel("held-out bits per byte", color="tab:red")
    left.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def _smoothed(rows: list[MetricsRow], *, weight: float = 0.95) -> list[float]:
    """Exponential mean, corrected for its start."""
    mean, smoothed = 0.0, []
    for count, row in enumerate(rows, start=1):
        mean = weight * mean + (1 - weight) * row.loss
        smoothed.append(mean / (1 - weight**count))
    return smoothed
