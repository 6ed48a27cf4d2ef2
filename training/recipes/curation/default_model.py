"""What the bundled model learns from: as much Python as two cores can read, in rows as it will be asked.

Why these figures: docs/experiments.md.
"""

from __future__ import annotations

from training.data.filters.place import ByLanguage, NotExcluded
from training.data.filters.sample import EvenSample
from training.recipes.curation.recipe import CurationRecipe, Packing, TokenRecipe
from training.recipes.curation.starcoder2 import RECIPE as STARCODER2

RECIPE = CurationRecipe(
    name="default-model",
    summary="starcoder2, three of ten Python files outside tests, for the bundled model",
    filters=(
        ByLanguage(languages=("Python",)),
        NotExcluded(folders=("tests", "test", "testing")),
        EvenSample(share=0.3),
        *STARCODER2.filters,
    ),
    cleaning=STARCODER2.cleaning,
    tokens=TokenRecipe(
        vocabulary=8_192,
        row_tokens=512,
        packing=Packing.FILE,
        fim_repository_rate=1.0,
        fim_rate=0.7,
        psm_rate=0.0,
    ),
)
