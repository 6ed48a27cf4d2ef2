"""From a selection to a proposal: ask, read the answer, trace it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass

from assistant.backends.protocol import CompletionBackend, Sampling
from assistant.chat.format import ChatFormat
from assistant.chat.tasks import Selection, Task, ask, understand
from assistant.chat.template import ChatError, Piece
from assistant.completion import Completion, CompletionRecords, Timing, hash_prompt
from assistant.config import Settings
from assistant.tracing import UNTRACED, Ruling, TextTracer, rule

_MAX_TOKENS = 1024
_TIMEOUT_S = 120.0
_TEMPLATE_TIMEOUT_S = 10.0
_SHARE_OF_ANSWER = 2
"""The answer may fill one part in so many of the context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a model answered about a selection, and all that is known about it."""

    task: Task
    selection: Selection
    completion: Completion
    """Its text takes the selection's place, or explains it; not to be shown if its ruling withholds it."""


class ChatService:
    """Asks one model about code, and lets no answer out that was not traced.

    Without a tracer it answers nothing, unless the settings allow untraced suggestions.
    """

    def __init__(
        self,
        backend: CompletionBackend,
        chat: ChatFormat,
        *,
        tracer: TextTracer | None,
        settings: Settings,
        records: CompletionRecords,
    ) -> None:
        self._backend = backend
        self._chat = chat
        self._tracer = tracer
        self._settings = settings
        self._records = records

    async def propose(self, task: Task, selection: Selection) -> Proposal | None:
        """Ask about a selection; ``None`` if the answer is of no use.

        Raises :class:`ChatError` where the model cannot be asked, :class:`~assistant.errors.AssistantError`.
        """
        if self._tracer is None and self._settings.trace.required:
            return None
        started = time.perf_counter()
        prompt = await self._prompt(task, selection)
        asked = time.perf_counter()
        answer, tokens = await self._answer(prompt)
        text = understand(task, selection, answer)
        if text is None:
            return None
        answered = time.perf_counter()
        ruling = await self._rule(task, selection, text)
        timing = Timing(
            prompt_ms=(asked - started) * 1e3,
            decode_ms=(answered - asked) * 1e3,
            trace_ms=(time.perf_counter() - answered) * 1e3,
            prompt_tokens=len(prompt),
            generated_tokens=tokens,
        )
        completion = Completion(
            id=secrets.token_hex(8),
            text=text,
            path=selection.path,
            ruling=ruling,
            timing=timing,
            model=self._backend.description,
            prompt_hash=hash_prompt(prompt),
        )
        self._records.add(completion)
        return Proposal(task=task, selection=selection, completion=completion)

    async def _prompt(self, task: Task, selection: Selection) -> list[int]:
        """Tokenise the chat: control tokens where the template writes them, and nowhere else."""
        ids: list[int] = []
        for piece in await self._pieces(task, selection):
            ids += self._chat.tokenize(piece, self._backend.tokenize)
        room = self._backend.context_tokens - self._backend.context_tokens // _SHARE_OF_ANSWER
        if len(ids) > room:
            raise ChatError(
                f"the selection makes a question of {len(ids):,} tokens and the model reads {room:,}; "
                "select fewer lines, or raise model.contextTokens"
            )
        return ids

    async def _pieces(self, task: Task, selection: Selection) -> list[Piece]:
        """Render the template in a thread: it is a program, and may take its time."""
        try:
            async with asyncio.timeout(_TEMPLATE_TIMEOUT_S):
                return await asyncio.to_thread(self._chat.template.render, ask(task, selection))
        except TimeoutError as error:
            raise ChatError(
                "the model's chat template does not come to an end; choose another model"
            ) from error

    async def _answer(self, prompt: list[int]) -> tuple[str, int]:
        """Let the model answer until it ends, or its budget of tokens or time is spent."""
        model = self._settings.model
        pieces: list[bytes] = []
        stream = self._backend.generate(
            prompt,
            max_tokens=_MAX_TOKENS,
            sampling=Sampling(temperature=model.temperature, seed=model.seed),
        )
        with contextlib.suppress(TimeoutError):
            async with contextlib.aclosing(stream), asyncio.timeout(_TIMEOUT_S):
                async for token in stream:
                    if token.id in self._chat.ids:
                        break
                    pieces.append(token.text)
        return b"".join(pieces).decode("utf-8", "ignore"), len(pieces)

    async def _rule(self, task: Task, selection: Selection, text: str) -> Ruling:
        """Trace code where it would stand, an explanation alone: it may quote."""
        if self._tracer is None:
            return UNTRACED
        before, after = (selection.before, selection.after) if task.changes_code else ("", "")
        return await rule(self._tracer, before, text, after, self._settings.trace, path=selection.path)
