"""What tuning a model further is made of, as values; defaults are the published ones.

Sources: ``finetune.py`` of bigcode-project/starcoder2 (4 rows of 1,024 tokens an update, 1,000 updates, 2e-4,
cosine after 100 updates of warm-up, weight decay 0.01, LoRA of rank 8 on q, k, v, o, c_fc and c_proj); Li et
al. 2023, "StarCoder: may the source be with you!" (Python: 5e-5 down to 5e-6, 8,500 updates, 1,000 of them
warm-up); Wei et al. 2024, "SelfCodeAlign" (instructions: 1e-5, 64 rows, 4 epochs, loss on the answer);
Dettmers et al. 2023, "QLoRA" (NF4, double quantisation).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from training.recipes.big_code import BigCodeShape
from training.recipes.recipe import Budget, DataRecipe, ModelShape, OptimizerRecipe, Recipe

NAMES_FROM_TOKENS = 2048
"""Context from which on the language server shows a model other files, with their names."""
_MOST_WARMUP = 0.1
"""Of all updates: a tenth of a short run."""


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


_ARTICLES = {
    Purpose.REPOSITORY: "a repository",
    Purpose.LANGUAGE: "a language",
    Purpose.INSTRUCTIONS: "instructions",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterShape:
    """How large the adapters are."""

    rank: int = 8
    scale: float = 1.0
    """By which the adapters' product is multiplied; ``lora_alpha / rank`` in PEFT's words."""
    dropout: float = 0.0


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
    micro_batch_rows: int = 4
    """Rows in one forward pass; the published recipe takes one, which changes nothing but memory."""
    row_tokens: int = 1024
    """Cut down to the context of the base where that is shorter."""
    warmup_updates: int = 100
    """At most a tenth of all updates."""
    most_updates: int = 1000
    most_epochs: int = 8
    """A small repository is not read more often than so."""
    fim_rate: float = 0.5
    """Share of files that are rearranged, as in pretraining; means nothing for instructions."""
    psm_rate: float = 0.5
    """Share of the rearranged that has the prefix before the suffix."""
    line_rate: float = 0.5
    """Share of the rearranged whose middle is the rest of a line; of the others it is anything."""
    names_repositories: bool = True
    """Whether every other pass shows a repository with its names, where its files are learned from."""
    checkpoint_every: int = 100
    validate_every: int = 100
    validation_rows: int = 32
    seed: int = 20261122

    def __post_init__(self) -> None:
        if self.batch_rows % self.micro_batch_rows:
            raise ValueError("batch_rows must be a multiple of micro_batch_rows")

    def updates(self, rows: int) -> int:
        """Updates that so many rows to learn from are worth; at least one."""
        return max(1, min(self.most_updates, self.passes(rows) * rows // self.batch_rows))

    def passes(self, rows: int) -> int:
        """Times that each row is read at most; where rows of all epochs differ, they are read once."""
        return 1 if self.purpose is Purpose.REPOSITORY else self.most_epochs

    def as_recipe(self, shape: ModelShape | BigCodeShape, rows: int) -> Recipe:
        """What the loop is told: AdamW at one rate for all that is trained, along half a cosine."""
        updates = self.updates(rows)
        return Recipe(
            name=f"tuning for {_ARTICLES[self.purpose]}",
            summary="",
            model=shape,
            data=DataRecipe(row_tokens=self.row_tokens, seed=self.seed),
            optimizer=OptimizerRecipe(
                matrices="adamw",
                matrix_rate=self.rate,
                other_rate=self.rate,
                betas=self.betas,
                weight_decay=self.weight_decay,
                clip_norm=self.clip_norm,
            ),
            budget=Budget(
                tokens=updates * self.batch_rows * self.row_tokens,
                batch_rows=self.batch_rows,
                micro_batch_rows=self.micro_batch_rows,
                warmup_share=min(self.warmup_updates / updates, _MOST_WARMUP),
                schedule="cosine",
                final_share=self.final_share,
                checkpoint_every=self.checkpoint_every,
                validate_every=self.validate_every,
                validation_rows=self.validation_rows,
            ),
            seed=self.seed,
        )

    @property
    def file_rows(self) -> DataRecipe:
        """How files are made into rows, each by itself."""
        return DataRecipe(
            row_tokens=self.row_tokens, psm_rate=self.psm_rate, line_rate=self.line_rate, seed=self.seed
        )

    def fitted(self, context_tokens: int) -> TuningRecipe:
        """The same for a base with so long a context.

        One that is too short to be shown other files learns a repository in the very form in which an editor
        will ask for it: a file without names, suffix first, the rest of a line (docs/experiments.md, Tuning).
        """
        fitted = replace(self, row_tokens=min(self.row_tokens, context_tokens))
        if self.purpose is not Purpose.REPOSITORY or context_tokens >= NAMES_FROM_TOKENS:
            return fitted
        return replace(fitted, psm_rate=0.0, line_rate=1.0, names_repositories=False)


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
