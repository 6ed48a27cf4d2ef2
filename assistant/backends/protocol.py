"""What every back end offers; ``tests/conformance/test_backends.py`` is this contract, executable."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from assistant.fim import FimIds


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


GREEDY = Sampling()


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
    ) -> AsyncGenerator[Token, None]:
        """Continue the prompt, token by token.

        When the model ends by itself, the last token is one of ``fim_ids.stops`` or another end token,
        with empty text; otherwise the stream ends after ``max_tokens`` tokens or when the context is
        full. An empty prompt gives an empty stream. Requests wait for each other in order of arrival.

        The bytes of the stream begin with ``required``: the last word before the cursor, which is left
        out of the prompt because it may be half a token ("token healing").

        Cancelling the task that awaits a token reaches the running computation, also while it still
        reads the prompt; closing the generator ends it at the next token.

        Raises :class:`~assistant.errors.PromptTooLongError` if the prompt leaves no room for a token,
        :class:`~assistant.errors.BackendError` if the computation fails, :class:`ValueError` for a
        negative ``max_tokens``; all when the first token is asked for.
        """

    async def close(self) -> None:
        """Stop what is running and free the model; streams that are still open end. May be repeated."""
