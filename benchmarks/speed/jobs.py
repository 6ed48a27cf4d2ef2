"""What the processes of benchmarks/train.py are told to measure, and how they take the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from training.data.shards import PackedRows, read_manifest
from training.recipes.presets import find_preset
from training.recipes.recipe import Budget, DataRecipe, ModelShape, OptimizerRecipe, Recipe

Kind = Literal["ours", "trainer", "trainer, padded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One line of the table: a way to train one shape."""

    label: str
    kind: Kind
    shape: str
    """A preset's name, or ``3b-layer``: a layer of StarCoder2-3B between its embedding and its head."""
    shards: Path
    rows: int
    """Of each update."""
    keeps_memory: bool = True
    """Whether freed memory is kept by the process (training/allocator.py), on a CPU."""
    matrices: Literal["adamw", "muon"] = "adamw"
    masked: bool = True
    """Whether documents are hidden from one another."""
    recompute: bool = False
    compiled: bool = False
    attention: Literal["documents", "sdpa", "flex"] | None = None


def shape_of(name: str) -> ModelShape:
    """A shape that the benchmark knows by name."""
    whole = name == "3b"
    shape = find_preset("starcoder2-3b" if name.startswith("3b") else name).shape
    if not isinstance(shape, ModelShape):
        raise TypeError(f"{name} is not of StarCoder2's architecture")
    return shape if whole or name != "3b-layer" else replace(shape, layers=1, window_tokens=None)


def recipe_of(job: Job) -> Recipe:
    """A recipe of that job, which never ends."""
    row_tokens = open_rows(job.shards).manifest.row_tokens
    return Recipe(
        name="benchmark",
        summary="steps to be timed",
        model=shape_of(job.shape),
        data=DataRecipe(row_tokens=row_tokens),
        optimizer=OptimizerRecipe(matrices=job.matrices, matrix_rate=1e-4, other_rate=1e-4),
        budget=Budget(tokens=1 << 50, batch_rows=job.rows, micro_batch_rows=job.rows),
    )


def open_rows(shards: Path) -> PackedRows:
    """Rows of whatever tokenizer made them."""
    manifest = read_manifest(shards)
    if manifest is None:
        raise SystemExit(f"{shards}: there are no finished shards here")
    return PackedRows(shards, tokenizer=manifest.tokenizer)


def device() -> torch.device:
    """The GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def clock() -> Callable[[], float]:
    """Seconds of processor time, which neighbours do not take away; on a GPU seconds that passed."""
    if device().type == "cpu":
        return time.process_time

    def synchronized() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    return synchronized
