"""What every back end offers; ``tests/conformance/test_backends.py`` is this contract, executable."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.fim import FimIds

Logits = NDArray[np.float32]
"""One number for each token of the vocabulary, in the order of their ids; minus infinity forbids a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One generated token."""

    id: int
    text: bytes
    """Its bytes, not always whole characters; empty for a control token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the next token is chosen."""

    temperature: float = 0.0
    """0 takes the likeliest token each time."""
    seed: int = 0
    """The same seed, prompt and temperature give the same tokens."""
    min_confidence: float = 0.0
    """The stream ends before a token whose probability is less than this, 0 to 1; end tokens may always come.

    The probability is the one after shaping and among what may come at all, at temperature 1. A back end that
    sees no logits cannot tell.
    """

    def varied(self, by: int) -> Sampling:
        """Draw otherwise, and at random even where this one always takes the likeliest token."""
        temperature = max(self.temperature, VARIED_TEMPERATURE)
        return replace(self, temperature=temperature, seed=(self.seed + by) % 2**32)


VARIED_TEMPERATURE = 0.6
"""Warm enough that a few draws differ, cool enough that they are still sense."""

GREEDY = Sampling()

MAX_REFUSALS = 16
"""Tokens that a shaping may refuse in one place; after that there is nothing left worth saying."""


class TokenShaping:
    """Has a say in each token of one request; override either method, or both.

    Both are called in the thread that generates and wait there, so they belong to one request, may keep what
    they know of it, and are to take milliseconds at most. ``generated`` holds the ids of this request so
    far, without the prompt, those that spell ``required`` included; it is not to be kept or changed.
    """

    def shape(self, generated: Sequence[int], logits: Logits) -> None:
        """Change the model's logits of the next token in place: forbid tokens, favour some, mix in others.

        Not called by a back end that sees no logits (:attr:`CompletionBackend.sees_logits`).
        """

    def permits(self, generated: Sequence[int], token: int) -> bool:
        """Whether the chosen token may come next; if not, it is forbidden here and another is chosen.

        Every back end asks. Not asked of tokens that end a completion.
        """
        return True


class ShapedBy(TokenShaping):
    """Several shapings in one: logits go through all of them in order, a token needs the consent of each."""

    def __init__(self, *shapings: TokenShaping) -> None:
        self._shapings = shapings

    def shape(self, generated: Sequence[int], logits: Logits) -> None:
        """Let each change the logits."""
        for shaping in self._shapings:
            shaping.shape(generated, logits)

    def permits(self, generated: Sequence[int], token: int) -> bool:
        """Ask each until one says no."""
        return all(shaping.permits(generated, token) for shaping in self._shapings)


class CompletionBackend(Protocol):
    """A model that continues token ids; all methods belong to one event loop."""

    @property
    def description(self) -> str:
        """The model in words, for people."""

    @property
    def fim_ids(self) -> FimIds:
        """The control tokens of the model's vocabulary."""

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and completion together that the model can hold."""

    @property
    def sees_logits(self) -> bool:
        """Whether :meth:`TokenShaping.shape` is called; a server across HTTP keeps its logits to itself."""

    def tokenize(self, text: str) -> list[int]:
        """Turn text into ids; a control token spelled out in the text stays plain text.

        A lone surrogate is read as a question mark.
        """

    def detokenize(self, ids: Sequence[int]) -> bytes:
        """Turn ids into bytes; control tokens have none. Inverse of :meth:`tokenize`."""

    def generate(
        self,
        prompt: Sequence[int],
        *,
        max_tokens: int,
        sampling: Sampling = GREEDY,
        required: bytes = b"",
        shaping: TokenShaping | None = None,
    ) -> AsyncGenerator[Token, None]:
        """Continue the prompt, token by token.

        When the model ends by itself, the last token is one of ``fim_ids.stops`` or another end token,
        with empty text; otherwise the stream ends after ``max_tokens`` tokens or when the context is
        full. An empty prompt gives an empty stream. Requests wait for each other in order of arrival.

        The bytes of the stream begin with ``required``: the last word before the cursor, which is left
        out of the prompt because it may be half a token ("token healing").

        ``shaping`` has a say in each token. Where all tokens are forbidden, or it refuses
        :data:`MAX_REFUSALS` of them in one place, the stream ends.

        Cancelling the task that awaits a token reaches the running computation, also while it still
        reads the prompt; closing the generator ends it at the next token.

        Raises :class:`~assistant.errors.PromptTooLongError` if the prompt leaves no room for a token,
        :class:`~assistant.errors.BackendError` if the computation fails, :class:`ValueError` for a
        negative ``max_tokens``; all when the first token is asked for.
        """

    async def close(self) -> None:
        """Stop what is running and free the model; streams that are still open end. May be repeated."""
