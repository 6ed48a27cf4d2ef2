"""What a query looks up: every k-gram of a text, not only those that winnowing keeps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.line_classes import line_classes
from attribution.fingerprint.lines import line_sketches
from attribution.fingerprint.seeds import Seeds, all_seeds, winnowed
from attribution.fingerprint.structure import StructureStream, structural_seeds, structure, structure_sketches
from attribution.fingerprint.tokens import TokenStream, tokenize
from attribution.languages.language import Language

QUERY_WINDOW = 16
"""Window of the full profile: a seed that it keeps in the query it most likely kept in the index too."""
LIKELY_LITERAL = np.uint64(round(0.325 * 2**64))
"""98% of the literal seeds that winnowing keeps have a hash below this (600 files of Python's library)."""
LIKELY_STRUCTURAL = np.uint64(round(0.27 * 2**64))
"""The same for structural seeds; fewer of them are alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseSeeds:
    """All k-grams of one stream of a text; arrays of the same length."""

    seeds: Seeds
    """Whole hashes, and positions in the stream."""
    keys: NDArray[np.uint64]
    """Low 40 bits of the hashes, by which an index knows them."""
    kept: NDArray[np.bool_]
    """Those worth looking up: kept by winnowing here, or with a hash so low that it may be elsewhere."""

    def __len__(self) -> int:
        return len(self.seeds)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPrint:
    """A text prepared for looking up."""

    language: Language
    tokens: TokenStream
    structure: StructureStream
    literal: DenseSeeds
    structural: DenseSeeds
    sketches: NDArray[np.uint16]
    """Literal sketch of each line; 0 = no token."""
    structure_sketches: NDArray[np.uint8]
    """Structural sketch of each line; 0 = no structural token."""
    line_classes: NDArray[np.uint8]
    """``LineClass`` bits of each line."""


def query_print(content: bytes, *, language: Language) -> QueryPrint:
    """Fingerprint a text densely, so that it meets whichever seeds an index kept."""
    tokens = tokenize(content)
    stream = structure(content, language)
    return QueryPrint(
        language=language,
        tokens=tokens,
        structure=stream,
        literal=_dense(all_seeds(tokens), likely=LIKELY_LITERAL),
        structural=_dense(structural_seeds(stream), likely=LIKELY_STRUCTURAL),
        sketches=line_sketches(tokens),
        structure_sketches=structure_sketches(stream, tokens.line_count),
        line_classes=line_classes(content, language),
    )


def _dense(seeds: Seeds, *, likely: np.uint64) -> DenseSeeds:
    kept = seeds.hashes < likely
    kept[winnowed(seeds.hashes, window=QUERY_WINDOW)] = True
    return DenseSeeds(seeds=seeds, keys=seeds.keys, kept=kept)
