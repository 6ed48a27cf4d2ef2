"""Where a run says what it does: metrics.csv, TensorBoard's events and a progress bar."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tqdm import tqdm

from training.flops import flops_per_token, peak_flops
from training.metrics import MetricsLog, MetricsRow

if TYPE_CHECKING:
    from training.distributed import World
    from training.model import CausalModel
    from training.recipes.recipe import Recipe

EVENTS = "tensorboard"
"""Folder in that of the run."""


class Journal:
    """Takes the figures of every update; on a process that is not the main one they go nowhere."""

    def __init__(
        self, out: Path, model: CausalModel, recipe: Recipe, world: World, *, resumed_at: int, progress: bool
    ) -> None:
        shown = progress and world.is_main
        self._metrics = MetricsLog(out / "metrics.csv", keep_until=resumed_at) if world.is_main else None
        self._events = _events(out / EVENTS, resumed_at) if world.is_main else None
        self._bar: tqdm[Any] = tqdm(
            total=recipe.updates, initial=resumed_at, desc=recipe.name, unit="update", disable=not shown
        )
        peak = peak_flops(world.device) if shown else None
        self._tokens_per_second_at_peak = (
            peak * world.size / flops_per_token(model, recipe.data.row_tokens) if peak else None
        )

    def write(self, row: MetricsRow) -> None:
        """Take the figures of one update, at once."""
        if self._metrics:
            self._metrics.append(row)
        if self._events:
            for name, value in _scalars(row).items():
                self._events.add_scalar(name, value, row.update)
        speed = f"loss {row.loss:.3f}, {row.tokens_per_second:,.0f} tokens/s"
        if self._tokens_per_second_at_peak:
            speed += f", {row.tokens_per_second / self._tokens_per_second_at_peak:.0%} MFU"
        self._bar.set_postfix_str(speed, refresh=False)
        self._bar.update()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        for log in (self._metrics, self._events):
            if log:
                log.close()


def _scalars(row: MetricsRow) -> dict[str, float]:
    """By TensorBoard's names; without what was not looked at."""
    values = {
        "loss/training": row.loss,
        "loss/held-out bits per byte": row.held_out_bits_per_byte,
        "update/gradient norm": row.gradient_norm,
        "update/rate factor": row.rate_factor,
        "speed/tokens per second": row.tokens_per_second,
    }
    return {name: value for name, value in values.items() if value == value}


def _events(folder: Path, resumed_at: int) -> Any:
    """A writer of events, unless TensorBoard is not installed; what a stopped run wrote later is purged."""
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=resumed_at + 1)
