"""A back end that says what it is told to: for tests of everything above it, and of editors.

Its vocabulary is StarCoder2's control tokens followed by the 256 bytes, so that a character beyond ASCII
takes several tokens. A script is a JSON file ``{"replies": [{"after": "…", "text": "…", "delay_ms": 0,
"ends": true}]}``: the reply with the longest ``after`` that the code before the cursor ends with is given.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from assistant.backends.choice import TokenChooser
from assistant.backends.protocol import GREEDY, Logits, Sampling, Token, TokenShaping
from assistant.backends.room import room_for
from assistant.backends.vocabulary import Vocabulary
from assistant.errors import BackendError, ModelNotFoundError, ModelUnusableError
from assistant.fim import STARCODER2, FimIds, resolve_ids

_KEPT_PROMPTS = 100
_FIRST_BYTE = len(STARCODER2.control_tokens)
_SURE = 20
"""Logits by which what the script says is ahead of the end of the text, and that of all else."""
_IDS = {token: i for i, token in enumerate(STARCODER2.control_tokens)}
_VOCABULARY = Vocabulary([b""] * _FIRST_BYTE + [bytes([byte]) for byte in range(256)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is generated when the code before the cursor ends with ``after``."""

    after: str = ""
    text: str
    delay_ms: float = 0.0
    """Time before each token."""
    ends: bool = True
    """Whether an end token follows; otherwise the text is repeated."""
    error: str | None = None
    """Fail with this message instead."""
    others: Sequence[str] = ()
    """What is said in place of ``text`` above temperature 0, in turn by the seed."""

    def drawn(self, sampling: Sampling) -> Reply:
        """What is said under a sampling."""
        if sampling.temperature == 0 or not self.others:
            return self
        return replace(self, text=self.others[sampling.seed % len(self.others)])


class ScriptedBackend:
    """Gives its replies, one byte a token; one request at a time, as a real model would."""

    description = "scripted"
    sees_logits = True

    def __init__(self, replies: Iterable[Reply], *, context_tokens: int = 4096) -> None:
        self._replies = sorted(replies, key=lambda reply: len(reply.after), reverse=True)
        self._turn = asyncio.Lock()
        self._closed = asyncio.Event()
        self.context_tokens = context_tokens
        self.prompts: list[tuple[int, ...]] = []
        """The latest hundred prompts that were asked for, oldest first."""

    @classmethod
    def open(cls, path: Path) -> ScriptedBackend:
        """Read a script; raises :class:`ModelUnusableError`."""
        if not path.is_file():
            raise ModelNotFoundError(path)
        try:
            return cls([Reply(**reply) for reply in json.loads(path.read_text())["replies"]])
        except (ValueError, KeyError, TypeError) as error:
            reason = "this is not a script of replies"
            raise ModelUnusableError(path, reason, remedy="see assistant/backends/scripted.py") from error

    @property
    def fim_ids(self) -> FimIds:
        """StarCoder2's ids."""
        ids = resolve_ids(_IDS.get)
        assert ids is not None, "the vocabulary is made of these tokens"
        return ids

    def tokenize(self, text: str) -> list[int]:
        """One id for each byte."""
        return [byte + _FIRST_BYTE for byte in text.encode("utf-8", "replace")]

    def detokenize(self, ids: Sequence[int]) -> bytes:
        """Give the bytes; control tokens have none."""
        return bytes(i - _FIRST_BYTE for i in ids if i >= _FIRST_BYTE)

    async def generate(
        self,
        prompt: Sequence[int],
        *,
        max_tokens: int,
        sampling: Sampling = GREEDY,
        required: bytes = b"",
        shaping: TokenShaping | None = None,
    ) -> AsyncGenerator[Token, None]:
        """Give the reply that fits the prompt; it ends where a shaping forbids its next byte."""
        limit = room_for(prompt, max_tokens=max_tokens, context_tokens=self.context_tokens)
        if not prompt:
            return
        async with self._turn:
            self.prompts.append(tuple(prompt))
            del self.prompts[:-_KEPT_PROMPTS]
            reply = self._reply_to(self._prefix(prompt) + required).drawn(sampling)
            if reply.error is not None:
                raise BackendError(reply.error)
            greedy = Sampling(min_confidence=sampling.min_confidence)
            for token in self._tokens(reply, required, shaping, greedy, limit=limit):
                await self._pause(reply.delay_ms)
                if self._closed.is_set():
                    return
                yield token

    async def close(self) -> None:
        """End all streams."""
        self._closed.set()

    async def _pause(self, delay_ms: float) -> None:
        try:
            async with asyncio.timeout(delay_ms / 1000):
                await self._closed.wait()
        except TimeoutError:
            return

    def _reply_to(self, before: bytes) -> Reply:
        fitting = (reply for reply in self._replies if before.endswith(reply.after.encode()))
        return next(fitting, Reply(text=""))

    def _prefix(self, prompt: Sequence[int]) -> bytes:
        """Find the code before the cursor in a prompt of either order."""
        ids = list(prompt)
        if ids[-1] == self.fim_ids.fim_middle:
            first, last = ids.index(self.fim_ids.fim_prefix), ids.index(self.fim_ids.fim_suffix)
            return self.detokenize(ids[first:last])
        if self.fim_ids.fim_middle in ids:
            return self.detokenize(ids[ids.index(self.fim_ids.fim_middle) :])
        return self.detokenize(ids)

    def _tokens(
        self,
        reply: Reply,
        required: bytes,
        shaping: TokenShaping | None,
        sampling: Sampling,
        *,
        limit: int,
    ) -> Iterable[Token]:
        """Choose what the script says next, or the end of the text, or anything else, in this order."""
        text = reply.text.encode()
        endless = chain([required, text], repeat(text) if text and not reply.ends else ())
        script = chain.from_iterable(endless)
        stops = self.fim_ids.stops
        chooser = TokenChooser(
            sampling=sampling,
            required=b"",
            shaping=shaping,
            vocabulary=lambda: _VOCABULARY,
            ends=stops.__contains__,
        )
        for _ in range(limit):
            token = chooser.choose(self._logits(next(script, None)))
            if token is None:
                return
            yield Token(id=token, text=_VOCABULARY.piece(token))
            if token in stops:
                return

    def _logits(self, byte: int | None) -> Logits:
        logits = np.full(_FIRST_BYTE + 256, -2 * _SURE, np.float32)
        logits[self.fim_ids.end_of_text] = -_SURE
        if byte is not None:
            logits[byte + _FIRST_BYTE] = 0
        return logits
