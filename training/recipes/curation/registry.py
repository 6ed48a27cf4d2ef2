"""The table of curation recipes; each is found by module and name, and loaded when it is asked for."""

from __future__ import annotations

import importlib

from training.errors import UnknownRecipeError
from training.recipes.curation.recipe import CurationRecipe

_PLACES = {
    "starcoder2": "starcoder2:RECIPE",
    "near-dedup-0.5": "ablations:NEAR_DEDUP_HARDER",
    "near-dedup-0.85": "ablations:NEAR_DEDUP_SOFTER",
    "exact-dedup": "ablations:EXACT_DEDUP",
    "stars-5": "ablations:STARS",
    "comments": "ablations:COMMENTS",
    "fertility": "fertility:FERTILITY",
    "without-fim": "ablations:WITHOUT_FIM",
    "with-unlicensed": "ablations:WITH_UNLICENSED",
    "notebook-pairs": "ablations:NOTEBOOK_PAIRS",
    "notebook-both": "ablations:NOTEBOOK_BOTH",
    "default-model": "default_model:RECIPE",
}
NAMES = tuple(_PLACES)


def summaries() -> list[str]:
    """A line a recipe: its name and what it is."""
    return [f"{name:20} {load(name).summary}" for name in NAMES]


def load(name: str) -> CurationRecipe:
    """Find a recipe by name; raise :class:`UnknownRecipeError`."""
    if name not in _PLACES:
        raise UnknownRecipeError(name, NAMES)
    module, _, attribute = _PLACES[name].partition(":")
    loaded = importlib.import_module(f"training.recipes.curation.{module}")
    recipe: CurationRecipe = getattr(loaded, attribute)
    return recipe
