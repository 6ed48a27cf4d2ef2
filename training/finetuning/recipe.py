"""What tuning a model further is made of, as values; defaults are the published ones.

Sources: ``finetune.py`` of bigcode-project/starcoder2 (4 rows of 1,024 tokens an update, 1,000 updates, 2e-4,
cosine after 100 updates of warm-up, weight decay 0.01, LoRA of rank 8 on q, k, v, o, c_fc and c_proj); Li et
al. 2023, "StarCoder: may the source be with you!" (Python: 5e-5 down to 5e-6, 8,500 updates, 1,000 of them
warm-up); Wei et al. 2024, "SelfCodeAlign" (instructions: 1e-5, 64 rows, 4 epochs, loss on the answer);
Dettmers et al. 2023, "QLoRA" (NF4, double quantisation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum


class Method(StrEnum):
    """What is changed, and how the rest is held."""

    FULL = "full"
    """Every weight."""
    LORA = "lora"
    """Low-rank adapters beside the frozen weights (Hu et al. 2021)."""
    QLORA_4BIT = "qlora-4bit"
    """The same, the frozen weights in NF4."""
    QLORA_8BIT = "qlora-8bit"
    """The same, the frozen weights in 8 bits (LLM.int8)."""

    @property
    def has_adapter(self) -> bool:
        """Whether the model's own weights stay as they are."""
        return self is not Method.FULL


class Purpose(StrEnum):
    """What a model is tuned for."""

    REPOSITORY = "repository"
    LANGUAGE = "language"
    INSTRUCTIONS = "instructions"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterShape:
    """How large the adapters are."""

    rank: int = 8
    scale: float = 1.0
    """By which the adapters' product is multiplied; ``lora_alpha / rank`` in PEFT's words."""
    dropout: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRule:
    """What each update does, whatever the budget: a run is resumed under the same one only."""

    purpose: Purpose
    method: Method
    adapter: AdapterShape
    rate: float
    final_share: float
    """Of the rate, at the end of the cosine."""
    weight_decay: float
    betas: tuple[float, float]
    clip_norm: float
    batch_rows: int
    row_tokens: int
    warmup_updates: int
    updates: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRecipe:
    """A run from a base to a tuned model."""

    purpose: Purpose
    method: Method
    adapter: AdapterShape = AdapterShape()
    rate: float = 2e-4
    final_share: float = 0.0
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float = 1.0
    batch_rows: int = 4
    micro_batch_rows: int = 1
    row_tokens: int = 1024
    """Cut down to the context of the base where that is shorter."""
    warmup_updates: int = 100
    """At most a tenth of all updates."""
    most_updates: int = 1000
    most_epochs: int = 8
    """A small repository is not read more often than so."""
    fim_rate: float = 0.5
    """As in pretraining; for :attr:`Purpose.INSTRUCTIONS` it has no meaning."""
    checkpoint_every: int = 100
    validate_every: int = 100
    validation_rows: int = 64
    seed: int = 20261122

    def __post_init__(self) -> None:
        if self.batch_rows % self.micro_batch_rows:
            raise ValueError("batch_rows must be a multiple of micro_batch_rows")

    def rule(self, rows: int) -> TuningRule:
        """What is done with so many rows to learn from."""
        updates = max(1, min(self.most_updates, self.most_epochs * rows // self.batch_rows))
        return TuningRule(
            purpose=self.purpose,
            method=self.method,
            adapter=self.adapter,
            rate=self.rate,
            final_share=self.final_share,
            weight_decay=self.weight_decay,
            betas=self.betas,
            clip_norm=self.clip_norm,
            batch_rows=self.batch_rows,
            row_tokens=self.row_tokens,
            warmup_updates=min(self.warmup_updates, updates // 10),
            updates=updates,
            seed=self.seed,
        )

    def fitted(self, context_tokens: int) -> TuningRecipe:
        """The same for a base with so long a context."""
        return replace(self, row_tokens=min(self.row_tokens, context_tokens))


RECIPES = {
    Purpose.REPOSITORY: TuningRecipe(purpose=Purpose.REPOSITORY, method=Method.LORA),
    Purpose.LANGUAGE: TuningRecipe(
        purpose=Purpose.LANGUAGE,
        method=Method.FULL,
        rate=5e-5,
        final_share=0.1,
        weight_decay=0.1,
        betas=(0.9, 0.95),
        batch_rows=32,
        micro_batch_rows=4,
        warmup_updates=1000,
        most_updates=8500,
        most_epochs=2,
    ),
    Purpose.INSTRUCTIONS: TuningRecipe(
        purpose=Purpose.INSTRUCTIONS,
        method=Method.FULL,
        rate=1e-5,
        weight_decay=0.0,
        batch_rows=64,
        micro_batch_rows=4,
        most_epochs=4,
    ),
}
"""By purpose; options of the command change single fields."""


def rate_at(update: int, rule: TuningRule) -> float:
    """Learning rate of an update, counted from 0: linear warm-up, then half a cosine down.

    >>> from training.finetuning.recipe import RECIPES, Purpose, rate_at
    >>> rule = RECIPES[Purpose.REPOSITORY].rule(10_000)
    >>> [round(rate_at(update, rule) * 1e4, 2) for update in (0, 49, 99, 550, 999)]
    [0.02, 1.0, 2.0, 1.0, 0.0]
    """
    if update < rule.warmup_updates:
        return rule.rate * (update + 1) / rule.warmup_updates
    progress = (update - rule.warmup_updates) / max(1, rule.updates - rule.warmup_updates)
    cosine = (1 + math.cos(math.pi * progress)) / 2
    return rule.rate * (rule.final_share + (1 - rule.final_share) * cosine)
