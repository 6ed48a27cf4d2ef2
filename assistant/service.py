"""From a place in a document to a suggestion: prompt, tokens, trim, trace.

The one path that every suggestion takes, whoever asks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from codecs import IncrementalDecoder, getincrementaldecoder
from dataclasses import dataclass, field

from assistant.backends.protocol import CompletionBackend, Sampling, ShapedBy, Token, TokenShaping
from assistant.completion import (
    Completion,
    CompletionRecords,
    CompletionRequest,
    Timing,
    Trigger,
    hash_prompt,
)
from assistant.config import Lines, Settings
from assistant.context.privacy import is_private_path
from assistant.context.selection import PromptContext, context_room
from assistant.guard import RegurgitationGuard
from assistant.ngrams.nearby import NearbyFiles
from assistant.prompt import Budget, build_prompt, split_last_token
from assistant.tracing import UNTRACED, Decision, Ruling, Surroundings, TextTracer, rule
from assistant.trim import Gap, begins_block, end_of_sense, is_complete, trim

_utf8_decoder = getincrementaldecoder("utf-8")


@dataclass(slots=True, kw_only=True)
class _Answer:
    """What the model writes, token by token."""

    gap: Gap
    stops: frozenset[int]
    required: str
    """What it begins with, because that was left out of the prompt; not a part of ``text``."""
    text: str = ""
    tokens: int = 0
    finished: bool = False
    """Whether it came to an end, rather than to a limit."""
    _raw: str = ""
    _decoder: IncrementalDecoder = field(default_factory=lambda: _utf8_decoder("ignore"))

    def take(self, token: Token) -> None:
        """Add a token, and see whether it was the last one that is wanted."""
        self.tokens += 1
        if token.id in self.stops:
            self.finished = True  # whatever it is spelled like
            return
        self._raw += self._decoder.decode(token.text)
        self.text = self._raw.removeprefix(self.required) if len(self._raw) > len(self.required) else ""
        end = end_of_sense(self.text)
        self.text = self.text[:end]
        self.finished = not token.text or end is not None or is_complete(self.text, self.gap)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """A request, made ready for the model once, however many suggestions are drawn for it."""

    request: CompletionRequest
    gap: Gap
    prompt: list[int]
    required: str
    """The last word before the cursor, which the prompt leaves out."""
    mixture: TokenShaping
    prompt_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """A text that could be suggested, and what the gate says of it."""

    text: str
    ruling: Ruling
    tokens: int
    trace_ms: float


class CompletionService:
    """Completes code with one model, and lets nothing out that was not traced.

    Without a tracer it suggests nothing, unless the settings allow untraced suggestions.
    """

    def __init__(
        self,
        backend: CompletionBackend,
        *,
        tracer: TextTracer | None,
        settings: Settings | None = None,
        records: CompletionRecords | None = None,
        nearby: NearbyFiles | None = None,
        context: PromptContext | None = None,
    ) -> None:
        """``nearby`` mixes the model with what stands in other files; its weights suit small models.

        ``context`` shows it pieces of other files, where the settings and the model have room for them.
        """
        self.backend = backend
        self._context = context or PromptContext(backend)
        self._nearby = nearby if backend.sees_logits else None
        self._tracer = tracer
        self._settings = settings or Settings()
        self.records = records if records is not None else CompletionRecords()

    async def complete(self, request: CompletionRequest) -> Completion | None:
        """Make a suggestion; ``None`` if there is nothing worth suggesting.

        A suggestion that the policy withholds is answered too, and says why. Cancelling the task that
        waits here stops the model. Raises :class:`~assistant.errors.AssistantError`.
        """
        if not self._is_wanted(request):
            return None
        task = await self._prepare(request)
        return await self._draw(task, self._sampling(request), self._deadline)

    async def alternatives(
        self, request: CompletionRequest, *, beside: Completion | None
    ) -> list[Completion]:
        """Draw further suggestions by sampling, each traced and ruled by itself; those that differ.

        There are fewer than ``completion.candidates`` with ``beside`` where the model is of one mind.
        Withheld ones are left out. As :meth:`complete` otherwise; all of them share its time.
        """
        known = {beside.text: beside} if beside is not None else {}
        if not self._is_wanted(request) or self._settings.completion.candidates < 2:
            return []
        deadline = self._deadline
        task = await self._prepare(request)
        for seed in range(1, self._settings.completion.candidates):
            if time.perf_counter() >= deadline:
                break
            drawn = await self._draw(task, self._sampling(request).varied(seed), deadline)
            if drawn is not None and not drawn.is_withheld:
                known.setdefault(drawn.text, drawn)
        return [completion for completion in known.values() if completion is not beside]

    def _sampling(self, request: CompletionRequest) -> Sampling:
        """Who asks for a suggestion may have a guess; who types is not to be kept with one."""
        model = self._settings.model
        typed = request.trigger is Trigger.AUTOMATIC
        confidence = self._settings.completion.min_confidence if typed else 0.0
        return Sampling(temperature=model.temperature, seed=model.seed, min_confidence=confidence)

    @property
    def _deadline(self) -> float:
        """When suggestions that are begun now must be ready."""
        return time.perf_counter() + self._settings.completion.timeout_ms / 1e3

    async def _prepare(self, request: CompletionRequest) -> _Task:
        started = time.perf_counter()
        gap = self._gap(request)
        before, required = split_last_token(gap.prefix)
        prompt = await self._prompt(before, gap.suffix, request)
        mixture = await self._mixture(before, request)
        return _Task(
            request=request,
            gap=gap,
            prompt=prompt,
            required=required,
            mixture=mixture,
            prompt_ms=(time.perf_counter() - started) * 1e3,
        )

    async def _draw(self, task: _Task, sampling: Sampling, deadline: float) -> Completion | None:
        """Make one suggestion, and another one in its place where the guard is to see to that."""
        started = time.perf_counter()
        attempt = await self._attempt(task, sampling, deadline, shaping=task.mixture)
        if attempt is not None and self._is_to_be_guarded(attempt.ruling):
            guard = ShapedBy(task.mixture, self._guard(task))
            other = await self._attempt(task, sampling, deadline, shaping=guard)
            if other is not None and other.ruling.decision is not Decision.WITHHOLD:
                attempt = other
        if attempt is None:
            return None
        timing = Timing(
            prompt_ms=task.prompt_ms,
            decode_ms=(time.perf_counter() - started) * 1e3 - attempt.trace_ms,
            trace_ms=attempt.trace_ms,
            prompt_tokens=len(task.prompt),
            generated_tokens=attempt.tokens,
        )
        return self._record(task, attempt, timing)

    async def _attempt(
        self, task: _Task, sampling: Sampling, deadline: float, *, shaping: TokenShaping
    ) -> _Attempt | None:
        """Generate, trim and trace once; ``None`` if nothing is left that is worth suggesting."""
        answer = await self._generate(task, sampling, deadline, shaping)
        text = trim(answer.text, task.gap, finished=answer.finished)
        if not text:
            return None
        decoded = time.perf_counter()
        ruling = await self._rule(task.gap, text, task.request.path)
        traced_ms = (time.perf_counter() - decoded) * 1e3
        return _Attempt(text=text, ruling=ruling, tokens=answer.tokens, trace_ms=traced_ms)

    async def _mixture(self, before: str, request: CompletionRequest) -> TokenShaping:
        """What stands in the workspace behind the same code; nothing where that is not asked for."""
        if self._nearby is None or not self._settings.completion.nearby:
            return TokenShaping()
        return await self._nearby.shaping(before, request)

    def _is_to_be_guarded(self, ruling: Ruling) -> bool:
        return ruling.decision is Decision.WITHHOLD and self._settings.trace.guard

    def _guard(self, task: _Task) -> RegurgitationGuard:
        assert self._tracer is not None, "without one nothing is withheld"
        gap, path = task.gap, task.request.path
        around = Surroundings.of(gap.prefix, gap.suffix, self._settings.trace, path=path)
        return RegurgitationGuard(
            self._tracer, around, required=task.required, detokenize=self.backend.detokenize
        )

    def _is_wanted(self, request: CompletionRequest) -> bool:
        if request.trigger is Trigger.AUTOMATIC and request.is_inside_word:
            return False
        if is_private_path(request.path):
            return False
        traceable = self._tracer is not None or not self._settings.trace.required
        return self._settings.completion.enabled and traceable

    def _gap(self, request: CompletionRequest) -> Gap:
        wanted = self._settings.completion.lines
        prefix, suffix = request.prefix, request.suffix
        multiline = wanted is Lines.MULTIPLE or (
            wanted is Lines.AUTO and (request.trigger is Trigger.INVOKED or begins_block(prefix, suffix))
        )
        max_lines = self._settings.completion.max_lines
        return Gap(prefix=prefix, suffix=suffix, multiline=multiline and max_lines > 1, max_lines=max_lines)

    async def _prompt(self, before: str, after: str, request: CompletionRequest) -> list[int]:
        wanted = self._settings.completion
        room = context_room(wanted.context, self.backend, wanted.context_tokens)
        context = await self._context.of(request, room=room)
        budget = Budget.within(
            self.backend.context_tokens - (context.tokens if context else 0),
            max_tokens=wanted.max_tokens,
            prefix_tokens=wanted.prefix_tokens,
            suffix_tokens=wanted.suffix_tokens,
        )
        return build_prompt(self.backend, before, after, budget=budget, order=wanted.order, context=context)

    async def _generate(
        self, task: _Task, sampling: Sampling, deadline: float, shaping: TokenShaping
    ) -> _Answer:
        """Let the model write until its answer is complete, or the budget of tokens or time is spent."""
        answer = _Answer(gap=task.gap, stops=self.backend.fim_ids.stops, required=task.required)
        stream = self.backend.generate(
            task.prompt,
            max_tokens=self._settings.completion.max_tokens,
            sampling=sampling,
            required=task.required.encode(),
            shaping=shaping,
        )
        with contextlib.suppress(TimeoutError):
            async with contextlib.aclosing(stream), asyncio.timeout(deadline - time.perf_counter()):
                async for token in stream:
                    answer.take(token)
                    if answer.finished:
                        break
        return answer

    async def _rule(self, gap: Gap, text: str, path: str) -> Ruling:
        if self._tracer is None:
            return UNTRACED
        return await rule(self._tracer, gap.prefix, text, gap.suffix, self._settings.trace, path=path)

    def _record(self, task: _Task, attempt: _Attempt, timing: Timing) -> Completion:
        completion = Completion(
            id=secrets.token_hex(8),
            text=attempt.text,
            path=task.request.path,
            ruling=attempt.ruling,
            timing=timing,
            model=self.backend.description,
            prompt_hash=hash_prompt(task.prompt),
        )
        self.records.add(completion)
        return completion
