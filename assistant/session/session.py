"""What happens between keystrokes: the least work that keeps the right suggestion in front of the user.

In this order: a suggestion that is being typed along is shown without asking the model; a deletion asks for
nothing; what is being computed for this very place already is waited for; otherwise a pause in typing is
waited for, and the model is asked. When a suggestion is accepted, the one after it is begun at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from assistant.completion import Completion, CompletionRecords, CompletionRequest, Trigger
from assistant.session.pace import Pace
from assistant.session.suggestions import Suggestions

Ask = Callable[[CompletionRequest], Awaitable[Completion | None]]
"""Asks the model, traces its answer; cancelling stops it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of the requests of a session."""

    asked: int = 0
    """Requests that came."""
    continued: int = 0
    """Answered by a suggestion that is being typed along."""
    foreseen: int = 0
    """Answered by what was begun when the suggestion before was accepted."""
    computed: int = 0
    """Computations of the model that were begun, foreseen ones too."""


class Session:
    """One editor's requests, in front of a completion service. All methods belong to one event loop."""

    def __init__(
        self,
        records: CompletionRecords,
        *,
        pace: Pace | None = None,
        foresees: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records = records
        self._clock = clock
        self._pace = pace or Pace()
        self._foresees = foresees
        self._ahead: tuple[CompletionRequest, asyncio.Task[Completion | None]] | None = None
        self._suggestions = Suggestions()
        self._deleted: set[str] = set()
        """Documents whose last edit only took something away."""
        self._counts = dict.fromkeys(Counts.__slots__, 0)

    @property
    def counts(self) -> Counts:
        """What became of the requests so far."""
        return Counts(**self._counts)

    def configure(self, *, foresees: bool, most_wait_s: float) -> None:
        """Take settings; whatever was suggested under others is forgotten."""
        self._foresees, self._pace.most_s = foresees, most_wait_s
        self.forget()

    def edited(self, path: str, *, is_deletion: bool) -> None:
        """A document was edited; a deletion puts nothing in."""
        self._pace.struck(self._clock())
        (self._deleted.add if is_deletion else self._deleted.discard)(path)

    def closed(self, path: str) -> None:
        """A document was closed."""
        self._deleted.discard(path)

    def forget(self) -> None:
        """Drop what was suggested, because settings, model or index are others now."""
        self._suggestions.clear()
        self._drop_ahead()

    async def complete(self, request: CompletionRequest, ask: Ask) -> Completion | None:
        """Answer a request; ``None`` if there is nothing to suggest. Cancelling stops the model."""
        self._counts["asked"] += 1
        is_automatic = request.trigger is Trigger.AUTOMATIC
        continued = self._suggestions.continued(request) if is_automatic else None
        if continued is not None:
            self._counts["continued"] += 1
            self._records.add(continued)
            return continued
        if is_automatic and request.path in self._deleted:
            return None
        if (ahead := self._take_ahead(request)) is not None:
            self._counts["foreseen"] += 1
            return await ahead
        self._drop_ahead()
        if is_automatic and (delay := self._pace.delay_s):
            await asyncio.sleep(delay)
        return await self._compute(request, ask)

    def accepted(self, completion_id: str, ask: Ask) -> None:
        """A suggestion was accepted wholly: begin the one that is likely to be asked for next."""
        suggestion = self._suggestions.find(completion_id)
        if suggestion is None or not self._foresees:
            return
        request = suggestion.follow_up
        if self._is_ahead(request) or self._suggestions.continued(request) is not None:
            return  # an editor may say it twice
        self._drop_ahead()
        task = asyncio.create_task(self._compute(request, ask))
        task.add_done_callback(_forgive)
        self._ahead = request, task

    def remember(self, request: CompletionRequest, completions: Sequence[Completion]) -> None:
        """Keep suggestions that were made for the same place, the one that is shown first last."""
        for completion in completions:
            if not completion.is_withheld:
                self._suggestions.add(request, completion)

    async def close(self) -> None:
        """Stop what is under way."""
        ahead = self._ahead
        self._drop_ahead()
        if ahead is not None:
            await asyncio.wait([ahead[1]])

    async def _compute(self, request: CompletionRequest, ask: Ask) -> Completion | None:
        self._counts["computed"] += 1
        started = self._clock()
        try:
            completion = await ask(request)
        except asyncio.CancelledError:
            self._pace.gave_up(self._clock() - started)
            raise
        self._pace.answered(self._clock() - started)
        if completion is not None:
            self.remember(request, [completion])
        return completion

    def _take_ahead(self, request: CompletionRequest) -> asyncio.Task[Completion | None] | None:
        """What is being computed for this very place; it is nobody else's any more."""
        if self._ahead is None or not self._is_ahead(request):
            return None
        task, self._ahead = self._ahead[1], None
        return task

    def _is_ahead(self, request: CompletionRequest) -> bool:
        if self._ahead is None or self._ahead[1].cancelled():
            return False
        foreseen = self._ahead[0]
        place = foreseen.path, foreseen.offset, foreseen.text
        return place == (request.path, request.offset, request.text)

    def _drop_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead[1].cancel()
            self._ahead = None


def _forgive(task: asyncio.Task[Completion | None]) -> None:
    """What goes wrong ahead of time is told if it goes wrong again when it is asked for."""
    if not task.cancelled():
        task.exception()
