"""A text prepared for looking up, in every lane at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from attribution.boilerplate import boilerplate_lines
from attribution.fingerprint.minhash import sign
from attribution.fingerprint.query import DenseSeeds, query_print
from attribution.fingerprint.seeds import K_TOKENS
from attribution.fingerprint.structure import STRUCTURE_TOKENS
from attribution.index.seek import SeedQuery
from attribution.languages import Language

SHORT_TOKENS = 16
"""However short the text, fewer shared tokens than this are no match."""
SHORT_SHARE = 0.6
"""Of a short text, the share of its tokens that a known file must hold."""


@dataclass(frozen=True)
class Query:
    """A text prepared for looking up; nothing of it depends on an index."""

    content: bytes
    language: Language
    literal: SeedQuery
    structural: SeedQuery

    @classmethod
    def of(cls, content: bytes, *, language: Language) -> Query:
        """Fingerprint the text densely, so that it meets whichever seeds an index kept."""
        print_ = query_print(content, language=language)
        telling = ~boilerplate_lines(content, print_.line_classes)
        return cls(
            content=content,
            language=language,
            literal=_seed_query(
                print_.literal, print_.tokens.lines, print_.tokens.starts, telling, print_.sketches, K_TOKENS
            ),
            structural=_seed_query(
                print_.structural,
                print_.structure.lines,
                print_.structure.starts,
                telling,
                print_.structure_sketches,
                STRUCTURE_TOKENS,
            ),
        )

    @cached_property
    def signature(self) -> NDArray[np.uint32]:
        """MinHash signature of the whole text."""
        return sign(self.content)

    @property
    def line_count(self) -> int:
        """Lines of the text."""
        return len(self.literal.sketches)

    def required_tokens(self, min_tokens: int) -> int:
        """Tokens that a known file must share: ``min_tokens``, or the better part of a shorter text."""
        short = round(SHORT_SHARE * int(np.count_nonzero(self.literal.telling)))
        return min(min_tokens, max(SHORT_TOKENS, short))


def _seed_query(
    dense: DenseSeeds,
    lines: NDArray[np.int32],
    starts: NDArray[np.int64],
    telling: NDArray[np.bool_],
    sketches: NDArray[np.uint8] | NDArray[np.uint16],
    seed_tokens: int,
) -> SeedQuery:
    return SeedQuery(
        keys=np.ascontiguousarray(dense.keys[dense.kept]),
        positions=dense.seeds.positions[dense.kept].astype(np.uint32),
        token_lines=np.ascontiguousarray(lines),
        token_starts=starts,
        telling=telling[lines - 1].astype(np.uint8),
        sketches=sketches.astype(np.uint16),
        seed_tokens=seed_tokens,
    )
