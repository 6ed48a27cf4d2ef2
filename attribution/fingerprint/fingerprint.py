"""Everything an index keeps of a file: bytes in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.lines import line_sketches
from attribution.fingerprint.minhash import shingle_hashes, signature
from attribution.fingerprint.seeds import Seeds, all_seeds, winnow
from attribution.fingerprint.tokens import tokenize


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The arrays that stand for one file in an index."""

    seeds: Seeds
    seed_lines: NDArray[np.int32]
    """Line, from 1, of each seed's first token."""
    sketches: NDArray[np.uint16]
    """One sketch a line."""
    signature: NDArray[np.uint32] | None
    """MinHash signature, where the profile keeps one."""
    token_count: int


def fingerprint(content: bytes, *, window_tokens: int, with_signature: bool) -> Fingerprint:
    """Compute what an index keeps of ``content``; pure, and the same on every machine."""
    tokens = tokenize(content)
    seeds = winnow(all_seeds(tokens), window=window_tokens)
    return Fingerprint(
        seeds=seeds,
        seed_lines=tokens.lines[seeds.positions],
        sketches=line_sketches(tokens),
        signature=signature(shingle_hashes(content)) if with_signature else None,
        token_count=len(tokens),
    )
