"""A long-context stage in minutes: from ``default-tiny``, twice the context and ten times the RoPE base."""

from __future__ import annotations

from dataclasses import replace

from training.recipes.default_tiny import RECIPE as TINY
from training.recipes.recipe import Budget, ModelShape, OptimizerRecipe, Recipe

_ROW_TOKENS = 1024

RECIPE = Recipe(
    name="default-tiny-long",
    summary="default-tiny at twice the context: needs --from a checkpoint of default-tiny",
    model=ModelShape(
        layers=2,
        hidden=192,
        feed_forward=768,
        heads=3,
        kv_heads=1,
        context_tokens=_ROW_TOKENS,
        vocabulary=2048,
        rope_base=100_000.0,
    ),
    data=replace(TINY.data, row_tokens=_ROW_TOKENS),
    optimizer=OptimizerRecipe(matrix_rate=1e-3, other_rate=3e-4),
    budget=Budget(tokens=200_000, batch_rows=4, micro_batch_rows=4, checkpoint_every=25, validate_every=25),
)
