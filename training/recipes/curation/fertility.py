"""SantaCoder's ablation by fertility: the one recipe that needs a tokenizer before anything is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from training.data.config import sha256_of
from training.data.filters.fertility import ByFertility
from training.errors import TokenizerError
from training.recipes.curation.recipe import CurationRecipe
from training.recipes.curation.starcoder2 import RECIPE

FERTILITY = replace(
    RECIPE,
    name="fertility",
    summary="starcoder2, files that a tokenizer (--tokenizer) cuts into tokens that are long enough",
    filters=(*RECIPE.filters, ByFertility()),
)


def measured_with(recipe: CurationRecipe, tokenizer: Path | None) -> CurationRecipe:
    """The same recipe, whose fertility, if it asks for any, is measured with this tokenizer.

    Raises :class:`TokenizerError` where one is needed and none is given, or none can be read.
    """
    if not any(isinstance(stage, ByFertility) for stage in recipe.filters):
        return recipe
    if tokenizer is None:
        raise TokenizerError("", f"recipe '{recipe.name}' needs one", remedy="name it: --tokenizer FILE")
    try:
        sha256 = sha256_of(tokenizer)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise TokenizerError(tokenizer, reason, remedy="name a tokenizer.json") from error
    filters = (
        replace(stage, tokenizer=tokenizer.absolute(), sha256=sha256)
        if isinstance(stage, ByFertility)
        else stage
        for stage in recipe.filters
    )
    return replace(recipe, filters=tuple(filters))
