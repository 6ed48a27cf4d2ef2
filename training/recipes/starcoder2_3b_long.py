"""StarCoder2-3B, long-context stage: rows of 16,384 tokens, a window of 4,096, ten times the RoPE base.

Begins with the weights of the first stage (``--from``). Lozhkov et al. 2024: 200B tokens at a rate of 3e-5;
BigCode says of it that the rate falls to a tenth and that 1,000 updates are warm-up.
"""

from __future__ import annotations

from dataclasses import replace

from training.recipes.default import RECIPE as DEFAULT
from training.recipes.presets import find_preset
from training.recipes.recipe import Budget, OptimizerRecipe, Recipe

_SHAPE = find_preset("starcoder2-3b").shape
_BATCH_ROWS = 160
_TOKENS = 200_000_000_000

RECIPE = Recipe(
    name="starcoder2-3b-long",
    summary="StarCoder2-3B, long-context stage as published: needs --from a checkpoint of starcoder2-3b",
    model=_SHAPE,
    data=replace(DEFAULT.data, row_tokens=_SHAPE.context_tokens),
    optimizer=OptimizerRecipe(matrices="adamw", matrix_rate=3e-5, other_rate=3e-5),
    budget=Budget(
        tokens=_TOKENS,
        batch_rows=_BATCH_ROWS,
        micro_batch_rows=1,
        warmup_share=1000 * _BATCH_ROWS * _SHAPE.context_tokens / _TOKENS,
        schedule="cosine",
        final_share=0.1,
        checkpoint_every=1000,
        validate_every=1000,
    ),
)
