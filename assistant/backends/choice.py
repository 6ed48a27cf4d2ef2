"""How the next token is chosen from logits: one way for all back ends that see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from assistant.backends.protocol import MAX_REFUSALS, Logits, Sampling, TokenShaping
from assistant.backends.vocabulary import Vocabulary


class TokenChooser:
    """Chooses the tokens of one request, and remembers them.

    ``vocabulary`` is asked for only while something is required; ``ends`` tells the tokens that end a
    completion, of which no shaping is asked.
    """

    def __init__(
        self,
        *,
        sampling: Sampling,
        required: bytes,
        shaping: TokenShaping | None,
        vocabulary: Callable[[], Vocabulary],
        ends: Callable[[int], bool],
    ) -> None:
        self.generated: list[int] = []
        self._temperature = sampling.temperature
        self._min_confidence = sampling.min_confidence
        self._random = np.random.default_rng(sampling.seed)
        self._required = required
        self._shaping = shaping
        self._vocabulary = vocabulary
        self._ends = ends

    def choose(self, logits: Logits) -> int | None:
        """Choose from the model's logits, which stay as they are.

        ``None`` where every token is forbidden, or the one chosen is less likely than it has to be.
        """
        if self._shaping is not None:
            logits = logits.copy()
            self._shaping.shape(self.generated, logits)
        if self._required:
            logits = _only(logits, self._vocabulary().beginning(self._required))
        token = self._permitted(logits)
        if token is None or not self._is_confident(token, logits):
            return None
        self._remember(token)
        return token

    def _is_confident(self, token: int, logits: Logits) -> bool:
        if self._min_confidence <= 0 or self._ends(token):
            return True
        return float(1 / np.exp(logits - logits[token]).sum()) >= self._min_confidence

    def _permitted(self, logits: Logits) -> int | None:
        for _ in range(MAX_REFUSALS):
            token = self._draw(logits)
            if logits[token] == -np.inf:
                return None
            if self._shaping is None or self._ends(token) or self._shaping.permits(self.generated, token):
                return token
            logits[token] = -np.inf
        return None

    def _draw(self, logits: Logits) -> int:
        """Take the likeliest, or draw one by the Gumbel-max trick (Maddison et al. 2014)."""
        if self._temperature <= 0:
            return int(logits.argmax())
        noise = self._random.gumbel(size=len(logits)).astype(np.float32)
        return int((logits / np.float32(self._temperature) + noise).argmax())

    def _remember(self, token: int) -> None:
        self.generated.append(token)
        if self._required:
            piece = self._vocabulary().piece(token)
            self._required = self._required[len(piece) :] if self._required.startswith(piece) else b""


def _only(logits: Logits, tokens: Sequence[int]) -> Logits:
    """Forbid all other tokens."""
    kept = np.full_like(logits, -np.inf)
    kept[list(tokens)] = logits[list(tokens)]
    return kept
