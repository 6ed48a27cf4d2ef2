"""Two small layers on a few packages: proves the whole path in minutes, and completes nothing useful."""

from __future__ import annotations

from training.recipes.recipe import Budget, DataRecipe, ModelShape, OptimizerRecipe, Recipe

RECIPE = Recipe(
    name="default-tiny",
    summary="1.3M parameters in two minutes on two cores, to see the path from code to a served model",
    model=ModelShape(
        layers=2,
        hidden=192,
        feed_forward=768,
        heads=3,
        kv_heads=1,
        context_tokens=512,
        vocabulary=2048,
    ),
    data=DataRecipe(
        held_out_packages=("pluggy",), max_package_bytes=100_000, max_standard_library_bytes=1_000_000
    ),
    optimizer=OptimizerRecipe(),
    budget=Budget(tokens=600_000, checkpoint_every=50, validate_every=50),
)
