"""StarCoder2-3B, first stage: rows of 4,096 tokens, AdamW under a cosine, as published.

Lozhkov et al. 2024, "StarCoder 2 and The Stack v2": 2.6M tokens an update, 1.2M updates, rate 3e-4 falling
to a tenth, 1,000 updates of warm-up, betas 0.9 and 0.95, weight decay 0.1. Learns from a curated corpus.
Ours, as in all recipes: the embedding does not decay, and AdamW's epsilon is 1e-10.
"""

from __future__ import annotations

from dataclasses import replace

from training.recipes.default import RECIPE as DEFAULT
from training.recipes.presets import BASE_CONTEXT_TOKENS, find_preset
from training.recipes.recipe import Budget, OptimizerRecipe, Recipe

_BATCH_ROWS = 640
_UPDATES = 1_200_000

RECIPE = Recipe(
    name="starcoder2-3b",
    summary="StarCoder2-3B, first stage as published: for a cluster, on a curated corpus",
    model=find_preset("starcoder2-3b").base_stage,
    data=replace(DEFAULT.data, row_tokens=BASE_CONTEXT_TOKENS),
    optimizer=OptimizerRecipe(matrices="adamw", matrix_rate=3e-4, other_rate=3e-4),
    budget=Budget(
        tokens=_UPDATES * _BATCH_ROWS * BASE_CONTEXT_TOKENS,
        batch_rows=_BATCH_ROWS,
        micro_batch_rows=2,
        warmup_share=1000 / _UPDATES,
        schedule="cosine",
        final_share=0.1,
        checkpoint_every=1000,
        validate_every=1000,
    ),
)
