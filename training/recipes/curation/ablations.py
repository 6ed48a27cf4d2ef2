"""SantaCoder's ablations (section 4.2) and others: each differs from ``starcoder2`` in one setting."""

from __future__ import annotations

from dataclasses import replace

from training.data.dedup.near import NearDuplicates
from training.data.documents import Notebooks, Opening
from training.data.filters.comments import ByComments
from training.data.filters.license import ByLicense
from training.data.filters.place import ByStars
from training.recipes.curation.recipe import Deduplication
from training.recipes.curation.starcoder2 import RECIPE

_HARDER = Deduplication(near=NearDuplicates(threshold=0.5))
_SOFTER = Deduplication(near=NearDuplicates(threshold=0.85))
_EXACT = Deduplication(near=None)

NEAR_DEDUP_HARDER = replace(
    RECIPE, name="near-dedup-0.5", summary="starcoder2, copies at 0.5", deduplication=_HARDER
)
NEAR_DEDUP_SOFTER = replace(
    RECIPE, name="near-dedup-0.85", summary="starcoder2, copies at 0.85", deduplication=_SOFTER
)
EXACT_DEDUP = replace(
    RECIPE, name="exact-dedup", summary="starcoder2, only equal files as copies", deduplication=_EXACT
)
STARS = replace(
    RECIPE,
    name="stars-5",
    summary="starcoder2, repositories with 5 stars or more",
    filters=(ByStars(least=5), *RECIPE.filters),
)
COMMENTS = replace(
    RECIPE,
    name="comments",
    summary="starcoder2, files with 1% to 80% of comments",
    filters=(*RECIPE.filters, ByComments()),
)
WITHOUT_FIM = replace(
    RECIPE,
    name="without-fim",
    summary="starcoder2, nothing rearranged for filling in the middle",
    tokens=replace(RECIPE.tokens, fim_rate=0.0),
)
WITH_UNLICENSED = replace(
    RECIPE,
    name="with-unlicensed",
    summary="starcoder2, files that nobody licensed as well, as The Stack v2 has them",
    filters=(ByLicense(keeps_unlicensed=True), *RECIPE.filters[1:]),
)
NOTEBOOK_PAIRS = replace(
    RECIPE,
    name="notebook-pairs",
    summary="starcoder2, notebooks in Python as chains of text, code and short output",
    opening=Opening(notebooks=Notebooks.PAIRS),
)
NOTEBOOK_BOTH = replace(
    NOTEBOOK_PAIRS,
    name="notebook-both",
    summary="starcoder2, notebooks in Python as such chains and as scripts, as StarCoder2 has both",
    tokens=replace(RECIPE.tokens, notebook_scripts=True),
)
