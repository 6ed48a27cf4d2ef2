"""What a training run is made of, as values: a recipe can be read, compared and hashed, never mutated."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from training.recipes.big_code import BigCodeShape

_ADDED_LATER = {
    "window_tokens": None,
    "separate_head": False,
    "psm_rate": 0.5,
    "matrices": "muon",
    "schedule": "wsd",
    "final_share": 0.0,
}
"""Left out of digests where they have these values, so that older checkpoints still match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """A decoder of the StarCoder2 architecture, with biases."""

    layers: int
    hidden: int
    feed_forward: int
    heads: int
    kv_heads: int
    """Heads of keys and values; each serves ``heads / kv_heads`` query heads (GQA)."""
    context_tokens: int
    vocabulary: int
    """A multiple of 128."""
    rope_base: float = 10_000.0
    initial_std: float = 0.02
    window_tokens: int | None = None
    """Nearest positions that each one sees, itself among them; ``None`` for all, as llama.cpp computes."""
    separate_head: bool = False
    """Whether the head has weights of its own instead of the embedding's."""

    def __post_init__(self) -> None:
        if self.hidden % self.heads or self.heads % self.kv_heads:
            raise ValueError("hidden must be a multiple of heads, and heads of kv_heads")
        if self.vocabulary % 128 or self.vocabulary > 1 << 16:
            raise ValueError("the vocabulary must be a multiple of 128 and fit 16 bits")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRecipe:
    """Which files are trained on, and how they become rows of tokens."""

    packages: tuple[str, ...] | None = None
    """Names of the distributions to take; ``None`` takes all."""
    excluded_packages: tuple[str, ...] = ()
    held_out_packages: tuple[str, ...] = ()
    """Kept for validation, never trained on."""
    excluded_folders: tuple[str, ...] = (
        "tests",
        "test",
        "testing",
        "_vendor",
        "vendor",
        "vendored",
        "idlelib",
        "lib2to3",
        "encodings",
        "pydoc_data",
    )
    """Files below a folder of one of these names are left out."""
    max_file_bytes: int = 200_000
    max_package_bytes: int = 3_000_000
    """A package is cut off here, so that none outweighs the rest; the standard library has its own limit."""
    max_standard_library_bytes: int = 10_000_000
    fim_rate: float = 0.5
    """Share of the pieces that are rearranged for filling in the middle."""
    line_rate: float = 0.5
    """Share of those whose middle is the rest of one line; the others are cut at two random characters."""
    psm_rate: float = 0.5
    """Share of those that are arranged prefix-suffix-middle; the others are suffix-prefix-middle."""
    row_tokens: int = 512
    seed: int = 20261122

    def package_bytes(self, package: str) -> int:
        """Bytes of a package that may be trained on."""
        return self.max_standard_library_bytes if package == "cpython" else self.max_package_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerRecipe:
    """How weight matrices are updated, and with AdamW embeddings, head, biases and norms."""

    matrices: Literal["muon", "adamw"] = "muon"
    matrix_rate: float = 1e-2
    other_rate: float = 3e-3
    momentum: float = 0.95
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.1
    """Applied to matrices only."""
    clip_norm: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long to train, in tokens (positions of rows), and how often to look."""

    tokens: int
    batch_rows: int = 8
    """Rows in one update."""
    micro_batch_rows: int = 8
    """Rows in one forward pass; a divisor of ``batch_rows``."""
    warmup_share: float = 0.02
    schedule: Literal["wsd", "cosine"] = "wsd"
    """What follows the warm-up: a stable phase and a linear decay, or half a cosine."""
    decay_share: float = 0.4
    """Share of the updates in which rates decay, under ``wsd``."""
    final_share: float = 0.0
    """What is left of the rates at the end."""
    checkpoint_every: int = 100
    """Updates between two checkpoints."""
    validate_every: int = 100
    """Updates between two looks at the held-out rows."""
    validation_rows: int = 48

    def __post_init__(self) -> None:
        if self.batch_rows % self.micro_batch_rows:
            raise ValueError("batch_rows must be a multiple of micro_batch_rows")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRule:
    """What each update of a run does, whatever the budget; a run is resumed under the same one only."""

    seed: int
    optimizer: OptimizerRecipe
    batch_rows: int
    schedule: Literal["wsd", "cosine"]
    final_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A training run from source files to a model."""

    name: str
    summary: str
    model: ModelShape | BigCodeShape
    data: DataRecipe
    optimizer: OptimizerRecipe
    budget: Budget
    seed: int = 0

    @property
    def updates(self) -> int:
        """Optimiser steps that the budget pays for; at least one."""
        return max(1, self.budget.tokens // (self.budget.batch_rows * self.data.row_tokens))

    @property
    def update_rule(self) -> UpdateRule:
        """Seed, optimiser, batch, schedule: with the data, all that an update depends on but the budget."""
        return UpdateRule(
            seed=self.seed,
            optimizer=self.optimizer,
            batch_rows=self.budget.batch_rows,
            schedule=self.budget.schedule,
            final_share=self.budget.final_share,
        )


def digest(value: ModelShape | BigCodeShape | DataRecipe | UpdateRule) -> str:
    """Identify a part of a recipe by its content."""
    content = json.dumps(asdict(value, dict_factory=_as_before), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _as_before(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """What earlier versions had, unless a field that came later says something of its own."""
    return {key: value for key, value in fields if key not in _ADDED_LATER or value != _ADDED_LATER[key]}
