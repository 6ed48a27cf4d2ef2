"""The pretraining loop, to be read from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.checkpoint import TrainingState, list_checkpoints, load_checkpoint, save_checkpoint
from training.data.shards import IGNORED, Batch, PackedRows
from training.distributed import World, clip_gradients, place
from training.errors import DivergedError
from training.execution import Execution, set_up
from training.journal import Journal
from training.memory import memory_errors_of_update_explained
from training.metrics import MetricsRow
from training.model import CausalModel, NextTokenLoss
from training.optimizer import make_optimizers, rate_factor, set_rates
from training.recipes.recipe import Budget, Recipe, digest


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """What a run reads: its rows, and what the tokenizer says about them."""

    train: PackedRows
    held_out: PackedRows
    tokenizer: Path
    byte_lengths: NDArray[np.int64]
    """Bytes of text behind each id."""
    identity: str
    """By which a checkpoint recognises the corpus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended."""

    checkpoint: Path
    state: TrainingState
    bits_per_byte: float
    """On the held-out rows of the recipe."""


def train(
    model: CausalModel,
    recipe: Recipe,
    data: RunData,
    out: Path,
    *,
    world: World,
    execution: Execution,
    start: str = "",
    progress: bool = True,
) -> RunResult:
    """Train until the recipe's budget is spent, from the last checkpoint in ``out`` if there is one.

    ``model`` has the weights to begin with, whose digest is ``start`` where they are not random; what needs
    no gradient stays as it is. Given the same data, seed and thread count, a run that was killed and resumed
    on a CPU yields the same losses, to the bit, as one that was not. Raises :class:`DivergedError`,
    :class:`training.errors.CheckpointError` in its kinds,
    :class:`training.errors.OutOfMemoryError` and :class:`training.errors.UnevenBatchError`.
    """
    objective = NextTokenLoss(model).train()
    set_up(objective, execution, on_gpu=world.device.type != "cpu")
    place(objective, world)
    optimizers = make_optimizers(model, recipe.optimizer)
    state = _initial_state(recipe, data, start)
    kept = next(reversed(list_checkpoints(out)), None)
    if kept:
        state = load_checkpoint(kept, model, optimizers, state, world=world)

    budget, bits = recipe.budget, math.nan
    with Journal(out, model, recipe, world, resumed_at=state.update, progress=progress) as journal:
        while state.update < recipe.updates:
            with memory_errors_of_update_explained(recipe, update=state.update + 1):
                step = take_step(objective, optimizers, data.train, recipe, world, update=state.update)
                if not step.is_finite:
                    raise DivergedError(update=state.update + 1, rows=step.rows, kept=kept)
                state = _advanced(state, step)
                is_last = state.update == recipe.updates
                bits = math.nan
                if is_last or state.update % budget.validate_every == 0:
                    bits = held_out_bits_per_byte(objective, data, world.device, budget)
            journal.write(_metrics_row(state, step, bits))
            if is_last or state.update % budget.checkpoint_every == 0:
                kept = save_checkpoint(out, model, optimizers, state, tokenizer=data.tokenizer, world=world)

    if kept is None:
        raise AssertionError("a recipe has at least one update, and the last one is always saved")
    if math.isnan(bits):  # nothing was left to do
        bits = held_out_bits_per_byte(objective, data, world.device, budget)
    return RunResult(checkpoint=kept, state=state, bits_per_byte=bits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one update did."""

    rows: tuple[int, int]
    """First and last row that it read, counted through all epochs."""
    tokens: int
    loss: float
    gradient_norm: float
    rate_factor: float
    seconds: float

    @property
    def is_finite(self) -> bool:
        """Whether loss and gradient are numbers; the weights were left alone where they are not."""
        return math.isfinite(self.loss) and math.isfinite(self.gradient_norm)

    @property
    def tokens_per_second(self) -> float:
        """Speed of the update, reading included."""
        return self.tokens / self.seconds


def take_step(
    objective: NextTokenLoss,
    optimizers: dict[str, torch.optim.Optimizer],
    data: PackedRows,
    recipe: Recipe,
    world: World,
    *,
    update: int,
) -> Step:
    """Read the rows of one update and change the weights by them, unless loss or gradient is no number."""
    started = time.perf_counter()
    budget = recipe.budget
    rows = rows_of_update(update, len(data), batch_rows=budget.batch_rows, seed=recipe.seed)
    batch = data.batch(world.share(rows))
    factor = rate_factor(update, recipe.updates, budget)
    set_rates(optimizers, factor)
    loss, norm = accumulate_gradients(objective, batch, recipe, world)
    if math.isfinite(loss) and math.isfinite(norm):
        for optimizer in optimizers.values():
            optimizer.step()
            optimizer.zero_grad()
    first = update * budget.batch_rows
    return Step(
        rows=(first, first + budget.batch_rows - 1),
        tokens=batch.ids.size * world.size,
        loss=loss,
        gradient_norm=norm,
        rate_factor=factor,
        seconds=time.perf_counter() - started,
    )


def _advanced(state: TrainingState, step: Step) -> TrainingState:
    return replace(
        state,
        update=state.update + 1,
        tokens=state.tokens + step.tokens,
        seconds=state.seconds + step.seconds,
    )


def _metrics_row(state: TrainingState, step: Step, bits: float) -> MetricsRow:
    return MetricsRow(
        update=state.update,
        tokens=state.tokens,
        loss=step.loss,
        rate_factor=step.rate_factor,
        gradient_norm=step.gradient_norm,
        tokens_per_second=step.tokens_per_second,
        held_out_bits_per_byte=bits,
    )


def accumulate_gradients(
    objective: NextTokenLoss, batch: Batch, recipe: Recipe, world: World
) -> tuple[float, float]:
    """Leave the clipped gradient of a batch in the model; answer its mean loss and the norm before clipping.

    Token-weighted: micro-batches, and those of all processes, are summed, and divided by the number of
    targets of all of them.
    """
    targets = max(1.0, world.sum(int((batch.targets != IGNORED).sum())))
    loss = 0.0
    for part in _micro_batches(batch, recipe.budget.micro_batch_rows):
        part_loss = summed_loss(objective, part, world.device) / targets
        part_loss.backward()  # type: ignore[no-untyped-call]
        loss += part_loss.item()
    norm = clip_gradients(objective.parameters(), recipe.optimizer.clip_norm)
    return world.sum(loss), norm


def _initial_state(recipe: Recipe, data: RunData, start: str) -> TrainingState:
    return TrainingState(
        update=0,
        tokens=0,
        seconds=0.0,
        recipe=recipe.name,
        model=digest(recipe.model),
        data=data.identity,
        tokenizer=data.train.manifest.tokenizer,
        update_rule=digest(recipe.update_rule),
        start=start,
    )


def rows_of_update(update: int, rows: int, *, batch_rows: int, seed: int) -> NDArray[np.int64]:
    """Row numbers of an update, shape (batch_rows,): each epoch visits every row once in an order of its own.

    A function of its arguments alone, so the position in the data needs no state beyond ``update``.
    """
    positions = np.arange(update * batch_rows, (update + 1) * batch_rows)
    epochs = positions // rows
    return np.array(
        [_order(seed, int(e), rows)[p % rows] for e, p in zip(epochs, positions, strict=True)], dtype=np.int64
    )


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, rows: int) -> NDArray[np.int64]:
    """The order of an epoch, kept until the next but one: drawing it takes a second for 20 million rows."""
    order = np.random.default_rng((seed, epoch)).permutation(rows)
    order.flags.writeable = False
    return order


def _micro_batches(batch: Batch, rows: int) -> Iterator[Batch]:
    for start in range(0, len(batch.ids), rows):
        part = slice(start, start + rows)
        yield Batch(
            ids=batch.ids[part],
            positions=batch.positions[part],
            documents=batch.documents[part],
            targets=batch.targets[part],
        )


def summed_loss(objective: NextTokenLoss, batch: Batch, device: torch.device) -> Tensor:
    """Sum of the negative log-likelihoods of a batch in nats."""
    arrays = (batch.ids, batch.positions, batch.documents, batch.targets)
    total: Tensor = objective(*(torch.from_numpy(array).to(device) for array in arrays))
    return total


@torch.no_grad()
def held_out_bits_per_byte(
    objective: NextTokenLoss, data: RunData, device: torch.device, budget: Budget
) -> float:
    """Bits the model needs per byte of held-out text, over the first rows of a fixed random order.

    No more of them are in memory at a time than in an update. Every process computes all of it: they must
    take every step together, and these rows are few.
    """
    order = np.random.default_rng(0).permutation(len(data.held_out))[: budget.validation_rows]
    nats, length = 0.0, 0
    objective.eval()
    for start in range(0, len(order), budget.micro_batch_rows):
        batch = data.held_out.batch(order[start : start + budget.micro_batch_rows])
        nats += summed_loss(objective, batch, device).item()
        length += int(data.byte_lengths[batch.targets[batch.targets != IGNORED]].sum())
    objective.train()
    return nats / math.log(2) / max(1, length)
