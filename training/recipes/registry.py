"""The table of recipes; each lives in a module of its own, loaded when it is asked for."""

from __future__ import annotations

import importlib

from training.errors import UnknownRecipeError
from training.recipes.recipe import Recipe

_MODULES = {
    "default": "training.recipes.default",
    "default-tiny": "training.recipes.default_tiny",
    "default-tiny-long": "training.recipes.default_tiny_long",
    "starcoder2-3b": "training.recipes.starcoder2_3b",
    "starcoder2-3b-long": "training.recipes.starcoder2_3b_long",
}
NAMES = tuple(_MODULES)


def load(name: str) -> Recipe:
    """Find a recipe by name; raise :class:`UnknownRecipeError`."""
    if name not in _MODULES:
        raise UnknownRecipeError(name, NAMES)
    recipe: Recipe = importlib.import_module(_MODULES[name]).RECIPE
    return recipe
