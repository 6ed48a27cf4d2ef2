"""A text prepared for looking up, in every lane at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from attribution.boilerplate import boilerplate_lines
from attribution.fingerprint.blocks import Blocks, blocks
from attribution.fingerprint.line_classes import LineClass
from attribution.fingerprint.minhash import sign
from attribution.fingerprint.query import DenseSeeds, query_print
from attribution.fingerprint.seeds import K_TOKENS
from attribution.fingerprint.structure import STRUCTURE_TOKENS, StructureStream
from attribution.fingerprint.tokens import TokenStream
from attribution.index.seek import SeedQuery
from attribution.languages import Language
from attribution.model import Lane

_SHORT_TOKENS = 12
"""However short the text, fewer shared tokens than this are no match."""
_SHORT_SHARE = 0.6
"""Of a short text, the share of its tokens that a known file must hold."""
_STRUCTURE_SHARE = 0.85
"""The same where names may differ: structure says less than names do, so more of it must be alike."""
_STRUCTURE_FACTOR = 2
"""And how many times as many tokens it takes in a long text."""


@dataclass(frozen=True, eq=False)
class Query:
    """A text prepared for looking up; nothing of it depends on an index. Equal to itself alone."""

    content: bytes
    language: Language
    literal: SeedQuery
    structural: SeedQuery
    code_tokens: int
    """Literal tokens on lines that hold code; all of them in a text without any."""

    @classmethod
    def of(cls, content: bytes, *, language: Language) -> Query:
        """Fingerprint the text densely, so that it meets whichever seeds an index kept."""
        print_ = query_print(content, language=language)
        telling = (~boilerplate_lines(content, print_.line_classes)).view(np.uint8)
        on_code = (print_.line_classes & LineClass.CODE.value)[print_.tokens.lines - 1]
        return cls(
            content=content,
            language=language,
            literal=_seed_query(print_.literal, print_.tokens, telling, print_.sketches, K_TOKENS),
            structural=_seed_query(
                print_.structural, print_.structure, telling, print_.structure_sketches, STRUCTURE_TOKENS
            ),
            code_tokens=int(np.count_nonzero(on_code)) or len(print_.tokens),
        )

    def __reduce__(self) -> tuple[Callable[..., Query], tuple[bytes, Language]]:
        """Another process gets the text: what is looked up takes far more bytes, and little time to make."""
        return _query_of, (self.content, self.language)

    @cached_property
    def signature(self) -> NDArray[np.uint32]:
        """MinHash signature of the whole text."""
        return sign(self.content)

    @cached_property
    def blocks(self) -> Blocks:
        """Its blocks with their vectors; a short text is one as a whole."""
        return blocks(self.content, self.language, with_whole=True)

    def structural_tokens(self, lines: Sequence[int]) -> tuple[int, int]:
        """How many structural tokens stand on ascending lines, and how many of them are not boilerplate."""
        if not lines:
            return 0, 0
        first, end = np.searchsorted(self.structural.token_lines, (lines[0], lines[-1] + 1))
        chosen = np.isin(self.structural.token_lines[first:end], lines)
        telling = self.structural.telling[first:end][chosen]
        return int(np.count_nonzero(chosen)), int(np.count_nonzero(telling))

    @property
    def line_count(self) -> int:
        """Lines of the text."""
        return len(self.literal.sketches)

    def required(self, lane: Lane, min_tokens: int) -> int:
        """Tokens that a known file must share: ``min_tokens``, or the better part of a shorter text."""
        if lane is Lane.STRUCTURE:
            short = round(_STRUCTURE_SHARE * len(self.structural.token_lines))
            return min(round(_STRUCTURE_FACTOR * min_tokens), max(_SHORT_TOKENS, short))
        return min(min_tokens, max(_SHORT_TOKENS, round(_SHORT_SHARE * self.code_tokens)))


def _query_of(content: bytes, language: Language) -> Query:
    return Query.of(content, language=language)


def _seed_query(
    dense: DenseSeeds,
    stream: TokenStream | StructureStream,
    telling: NDArray[np.uint8],
    sketches: NDArray[np.uint8] | NDArray[np.uint16],
    seed_tokens: int,
) -> SeedQuery:
    return SeedQuery(
        keys=np.ascontiguousarray(dense.keys[dense.kept]),
        positions=dense.seeds.positions[dense.kept].astype(np.uint32),
        token_hashes=np.ascontiguousarray(stream.hashes),
        token_lines=np.ascontiguousarray(stream.lines),
        token_starts=stream.starts,
        telling=telling[stream.lines - 1],
        sketches=sketches.astype(np.uint16),
        seed_tokens=seed_tokens,
    )
