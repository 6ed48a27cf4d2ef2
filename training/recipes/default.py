"""The model that ships in ``assistant/default``: the best that two CPU cores do in about fifty minutes.

Why these figures: docs/experiments.md.
"""

from __future__ import annotations

from training.recipes.recipe import Budget, DataRecipe, ModelShape, OptimizerRecipe, Recipe

RECIPE = Recipe(
    name="default",
    summary="5M parameters, 8k vocabulary, Python: the bundled model, about an hour on two cores",
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
        tokens=5_000_000, batch_rows=4, micro_batch_rows=4, checkpoint_every=200, validate_every=200
    ),
)
