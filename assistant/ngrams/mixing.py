"""The model's chances mixed with what followed the same code elsewhere in the workspace.

Linear interpolation, as Khandelwal et al. 2020 (kNN-LM) mix a model with its neighbours; the weight goes with
the length of the match and with how often it was seen, and was fitted on held-out repositories
(docs/experiments.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log2

import numpy as np
from numpy.typing import NDArray

from assistant.backends.protocol import Logits, TokenShaping
from assistant.ngrams.matches import MOST_TOKENS, Followers, TokenTexts

_LEAST_CHANCE = np.float32(1e-30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Log-odds of the match against the model: ``at + length * log2(tokens) + times * log2(occurrences)``."""

    at: float
    length: float
    times: float

    def of(self, found: Followers) -> float:
        """Weight of a match, 0 to 1."""
        odds = self.at + self.length * log2(found.length) + self.times * log2(int(found.counts.sum()))
        return 1.0 / (1.0 + exp(-odds))


UNANIMOUS = Weights(at=-2.65, length=0.99, times=0.97)
"""Where one token follows always."""
CONTESTED = Weights(at=-2.08, length=0.33, times=0.15)
"""Where several do."""


def weight_of(found: Followers) -> float:
    """How much a match counts against the model, 0 to 1."""
    return (UNANIMOUS if len(found.tokens) == 1 else CONTESTED).of(found)


class NearbyCode(TokenShaping):
    """Mixes in what follows the same tokens in the same file and in others, whichever match is longer."""

    def __init__(
        self,
        context: Sequence[int],
        *,
        here: TokenTexts,
        elsewhere: TokenTexts,
        line_ends: Callable[[int], NDArray[np.bool_]],
    ) -> None:
        """Take the tokens before the cursor, the file around it, and other files.

        ``line_ends`` answers, for a vocabulary of that size, which tokens end a line or a completion.
        """
        self._context = list(context[-MOST_TOKENS:])
        self._here, self._elsewhere = here, elsewhere
        self._line_ends = line_ends

    def shape(self, generated: Sequence[int], logits: Logits) -> None:
        """Replace the logits by the logarithms of the mixed chances, where a match is found."""
        found = self._longest([*self._context, *generated[-MOST_TOKENS:]])
        if found is not None and np.isfinite(logits.max()):
            logits[:] = mix(logits, found, self._line_ends(len(logits)), weight=weight_of(found))

    def _longest(self, context: Sequence[int]) -> Followers | None:
        """Of equally long matches the one in the same file."""
        near = self._here.followers(context)
        far = self._elsewhere.followers(context)
        if near is None or (far is not None and far.length > near.length):
            return far
        return near


def mix(logits: Logits, found: Followers, line_ends: NDArray[np.bool_], *, weight: float) -> Logits:
    """Logarithms of the mixed chances; what is forbidden stays so.

    ``weight`` is that of the match, 0 to 1; ``line_ends`` marks tokens that end a line or a completion.

    That a line ended in the match says that it ends here, but not whether the gap ends with it: that share
    goes to all tokens that end a line, in the model's own proportion.
    """
    chances = np.exp(logits - logits.max())
    chances /= chances.sum()
    shares = (found.counts / found.counts.sum()).astype(np.float32)
    ends = line_ends[found.tokens]
    matched = np.zeros_like(chances)
    matched[found.tokens[~ends]] = shares[~ends]
    at_end = chances * line_ends
    if ends.any() and at_end.any():
        matched += shares[ends].sum() * at_end / at_end.sum()
    mixed = np.log(np.maximum((1 - weight) * chances + weight * matched, _LEAST_CHANCE))
    return np.where(logits == -np.inf, -np.inf, mixed).astype(np.float32)
