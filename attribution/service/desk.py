"""What every answer needs, and how a question gets from the event loop to a library and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from attribution.errors import IndexOutdatedError, IndexUnusableError, ScAttribError
from attribution.library import Library
from attribution.remote.wire import WireError
from attribution.service.bodies import Form, read_form, refuse_unknown
from attribution.service.live import LibrarySource
from attribution.service.metrics import Metrics
from attribution.service.problems import JsonResponse, Problem
from attribution.service.settings import Limits
from attribution.service.workers import Workers

GENERATION = "Sc-Attrib-Generation"
"""Header that names the state of the index from which an answer comes."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What answers need: the library, the threads, the limits, the measures."""

    source: LibrarySource
    workers: Workers
    limits: Limits
    metrics: Metrics

    async def answer(self, work: Callable[[Library], T], *, is_slow: bool = False) -> tuple[T, str]:
        """Ask the library of now in a thread; with the generation that answered.

        What is slow may read the whole index, such as all texts for the name of an author.
        Raises :class:`Problem` where the index cannot be used, or what is asked makes no sense.
        """

        def ask() -> tuple[T, str]:
            library = self.source.current()
            self.metrics.note(library)
            try:
                return work(library), library.generation
            except IndexOutdatedError:  # its parts lie elsewhere, and have all gone over to a later state
                library = self.source.current()
                return work(library), library.generation

        try:
            return await self.workers.run(ask, is_slow=is_slow)
        except IndexUnusableError as error:
            raise _unusable(error) from error
        except (WireError, ScAttribError) as error:
            raise Problem(422, str(error)) from error

    async def form(self, request: Request, *names: str) -> Form:
        """The form that a request sends, with these fields only."""
        form = await read_form(request, self.limits)
        refuse_unknown(form, *names)
        return form

    async def respond(self, work: Callable[[Library], object], *, is_slow: bool = False) -> Response:
        """The library's answer as JSON."""
        found, generation = await self.answer(work, is_slow=is_slow)
        return JsonResponse(found, headers={GENERATION: generation})


def _unusable(error: IndexUnusableError) -> Problem:
    """Where the index lies on this machine is nobody's business."""
    reason = type(error).__name__.removeprefix("Index").removesuffix("Error").lower()
    detail = f"the index of this service cannot be used now ({reason}); its keeper must mend it"
    return Problem(503, detail, headers={"Retry-After": "1"})
