"""The model that ships in ``assistant/default``: the best that a CPU does in some hours.

It learns from what the curation recipe ``default-model`` makes (``pretrain --curated``); without that, from
the packages of an interpreter.

Why these figures: docs/experiments.md.
"""

from __future__ import annotations

from training.recipes.recipe import Budget, DataRecipe, ModelShape, OptimizerRecipe, Recipe

RECIPE = Recipe(
    name="default",
    summary="5M parameters, 8k vocabulary, Python: the bundled model, some hours on a CPU",
    model=ModelShape(
        layers=4,
        hidden=256,
        feed_forward=1024,
        heads=4,
        kv_heads=2,
        context_tokens=512,
        vocabulary=8192,
    ),
    data=DataRecipe(
        excluded_packages=("sc-attrib", "trove-classifiers"),
        held_out_packages=("click", "cattrs", "markdown-it-py", "urllib3", "tomlkit", "anyio"),
        max_package_bytes=500_000,
    ),
    optimizer=OptimizerRecipe(),
    budget=Budget(
        tokens=18_000_000, batch_rows=8, micro_batch_rows=4, checkpoint_every=100, validate_every=200
    ),
)
