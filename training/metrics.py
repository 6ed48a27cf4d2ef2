"""What a run measured: metrics.csv, one line an update, and loss.png."""

from __future__ import annotations

import csv
import io
import logging
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

_log = logging.getLogger(__name__)


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
    """Appends rows to a CSV file; lines after the update from which a run resumes are taken back first.

    They are taken back by rename: a full disk or a kill leaves the file as it was.
    """

    def __init__(self, path: Path, *, keep_until: int) -> None:
        kept = [row for row in read_metrics(path) if row.update <= keep_until]
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        with partial.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, _COLUMNS)
            writer.writeheader()
            writer.writerows(asdict(row) for row in kept)
        partial.replace(path)
        self._stream = path.open("a", newline="")
        self._writer = csv.DictWriter(self._stream, _COLUMNS)

    def append(self, row: MetricsRow) -> None:
        """Write one line, at once."""
        self._writer.writerow(asdict(row))
        self._stream.flush()

    def close(self) -> None:
        """Give the file back."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_metrics(path: Path) -> list[MetricsRow]:
    """Read a metrics file; a missing one has no rows.

    A last line without its end was cut short, and its last figure with it: it is left out. So are a line
    that makes no sense and all that follow it.
    """
    if not path.is_file():
        return []
    text = path.read_bytes().decode("utf-8", "replace")
    whole_lines = io.StringIO(text[: text.rfind("\n") + 1], newline="")
    rows: list[MetricsRow] = []
    try:
        for line in csv.DictReader(whole_lines, strict=True):
            rows.append(_parse(line))
    except (csv.Error, KeyError, TypeError, ValueError):
        done = rows[-1].update if rows else 0
        _log.warning("%s is damaged after update %d; what follows is left out", path, done)
    return rows


def _parse(line: dict[str, str]) -> MetricsRow:
    """Read one line; raise KeyError, TypeError or ValueError unless it has every figure and no more."""
    if len(line) != len(_COLUMNS):
        raise ValueError("a line has another number of figures than the head")
    whole = {name: int(line[name]) for name in ("update", "tokens")}
    rest = {name: float(line[name]) for name in _COLUMNS if name not in whole}
    return MetricsRow(**whole, **rest)  # type: ignore[arg-type]


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
