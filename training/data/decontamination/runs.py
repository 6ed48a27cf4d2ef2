"""Hashes of runs of tokens: what texts and documents are compared by."""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.seeds import all_seeds
from attribution.fingerprint.structure import structural_seeds, structure
from attribution.fingerprint.tokens import tokenize
from attribution.languages.language import language_named

_PLAIN = bytes.maketrans(b"#/*" + ascii_uppercase.encode(), b"   " + ascii_lowercase.encode())
"""Neither the marks of comments nor capitals."""


class Runs(Protocol):
    """A way to hash the runs of a text."""

    def __call__(self, content: bytes) -> NDArray[np.uint64]:
        """One hash a run, in the order of the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteralRuns:
    """Runs of words and punctuation as they are.

    White space does not count, and neither do capitals and the marks of comments: so a text is found behind
    ``#``, ``//`` and ``*`` too.
    """

    tokens: int
    """Tokens in a run, 1 to 32."""

    def __call__(self, content: bytes) -> NDArray[np.uint64]:
        """One hash for each token that a run starts at."""
        return all_seeds(tokenize(content.translate(_PLAIN)), k=self.tokens).hashes


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuralRuns:
    """Runs of 20 tokens without comments, in which a name is where it stood last: renamed, it is the same."""

    language: str

    def __call__(self, content: bytes) -> NDArray[np.uint64]:
        """One hash for each run that says enough."""
        return structural_seeds(structure(content, language_named(self.language))).hashes
