"""The model and the index: loaded in the background, replaced when their settings change."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from assistant.backends.protocol import CompletionBackend
from assistant.completion import CompletionRecords
from assistant.config import ModelSettings, Settings
from assistant.context.selection import PromptContext, context_room
from assistant.models import DEFAULT_MODEL, model_path, open_model
from assistant.ngrams.nearby import NearbyFiles
from assistant.service import CompletionService
from assistant.tracing import TextTracer
from attribution.errors import IndexUnreachableError, ScAttribError
from lsp.indexes import Stamp, open_tracer, stamp
from lsp.notices import StatusKind
from lsp.progress import work_done

if TYPE_CHECKING:
    from lsp.server import Server

_log = logging.getLogger(__name__)
_ASK_AGAIN_S = 15.0

T = TypeVar("T")


class Engine:
    """Loads what completions and checks need; whoever needs it waits here for it."""

    def __init__(self, ls: Server) -> None:
        self._ls = ls
        self._settings = Settings()
        self._model: asyncio.Task[CompletionBackend | None] | None = None
        self._tracer: asyncio.Task[TextTracer | None] | None = None
        self._roots: tuple[Path, ...] | None = ()
        self._stamp: Stamp = ()
        """Of the indexes, as they were when the tracer was opened."""
        self._unreachable_until: float | None = None
        """When a service that did not answer is asked again, by the monotonic clock."""
        self._backend: CompletionBackend | None = None
        self._nearby: NearbyFiles | None = None
        """What the model knows of open files; only the bundled one, which its weights were fitted for."""
        self._context: PromptContext | None = None
        self._loading: dict[str, str] = {}
        """What is being loaded, with its title."""
        self._failures: dict[str, str] = {}
        """What could not be loaded, and why."""
        self._applied = asyncio.Event()
        """Set once the settings are known and loading has begun."""
        self.records = CompletionRecords()

    def apply(self, settings: Settings, roots: Sequence[Path] | None) -> None:
        """Begin to load what is not loaded yet, and anew what these settings change.

        ``roots`` is ``None`` where the workspace is not trusted: see :func:`lsp.indexes.index_places`.
        """
        old, self._settings = self._settings, settings
        self._roots = None if roots is None else tuple(roots)
        if self._model is None or _load_options(old.model) != _load_options(settings.model):
            self._model = asyncio.create_task(self._load_model(settings.model, after=self._model))
        self._ls.session.configure(
            foresees=settings.completion.prefetch, most_wait_s=settings.completion.max_wait_ms / 1e3
        )
        self._applied.set()
        self._open_indexes()

    async def service(self) -> CompletionService | None:
        """Wait for the model and the index; ``None`` if there can be no suggestions."""
        await self._applied.wait()
        if self._model is None or not self._settings.completion.enabled:
            return None
        tracer = await self.tracer()
        backend = await self._latest_model(self._model)
        if backend is None:
            return None
        return CompletionService(
            backend,
            tracer=tracer,
            settings=self._settings,
            records=self.records,
            nearby=self._nearby,
            context=self._context,
        )

    @property
    def uses_workspace(self) -> bool:
        """Whether the model that is loaded is shown pieces of other files, or mixed with them."""
        wanted = self._settings.completion
        if self._backend is None:
            return False
        is_mixed = self._nearby is not None and wanted.nearby
        return is_mixed or context_room(wanted.context, self._backend, 1) > 0

    async def _latest_model(self, model: asyncio.Task[CompletionBackend | None]) -> CompletionBackend | None:
        """Wait for the model; for the one that took its place where the settings changed meanwhile."""
        while True:
            backend = await asyncio.shield(model)
            if self._model is None or self._model is model:
                return backend
            model = self._model

    async def tracer(self) -> TextTracer | None:
        """Wait for the index, opened anew if it has changed; ``None`` if there is none that can be used."""
        await self._applied.wait()
        return await asyncio.shield(self._open_indexes())

    def _open_indexes(self) -> asyncio.Task[TextTracer | None]:
        """Begin to open the indexes, unless they are as they were."""
        now = stamp(self._settings.trace, self._roots)
        if self._tracer is None or now != self._stamp or self._should_ask_again():
            self._ls.session.forget()
            self._stamp = now
            self._tracer = asyncio.create_task(self._load_tracer())
        return self._tracer

    def _should_ask_again(self) -> bool:
        """Whether a service that did not answer may do so by now."""
        has_failed = self._unreachable_until is not None and self._tracer is not None and self._tracer.done()
        return has_failed and time.monotonic() >= (self._unreachable_until or 0)

    def known_text(self, digest: bytes) -> bytes | None:
        """The content whose git SHA-1 this is, where an index that is open by now keeps it."""
        task = self._tracer
        is_open = task is not None and task.done() and not task.cancelled() and task.exception() is None
        tracer = task.result() if task is not None and is_open else None
        return tracer.known_text(digest) if tracer is not None else None

    async def close(self) -> None:
        """Stop the model and free it."""
        if self._backend is not None:
            await self._backend.close()

    async def _load_model(
        self, settings: ModelSettings, *, after: asyncio.Task[CompletionBackend | None] | None
    ) -> CompletionBackend | None:
        """Load a model once the one before it is freed; ``None`` if it cannot be used."""
        if after is not None:
            await asyncio.wait([after])
            await self.close()
        load = partial(open_model, settings)
        self._backend = None
        self._nearby = self._context = None
        self._backend = await self._load("model", "Loading the model", load)
        if self._backend is not None:
            self._context = PromptContext(self._backend)
            if model_path(settings.path) == DEFAULT_MODEL:
                self._nearby = NearbyFiles(self._backend)
        self._tell_status()
        return self._backend

    async def _load_tracer(self) -> TextTracer | None:
        loop = asyncio.get_running_loop()

        def tell(sentence: str) -> None:
            loop.call_soon_threadsafe(self._ls.notices.tell, sentence)

        load = partial(open_tracer, self._settings.trace, self._roots, tell=tell)
        self._unreachable_until = None
        tracer = await self._load("index", "Loading the index of known code", load)
        self._tell_status()
        return tracer

    async def _load(self, what: str, title: str, load: Callable[[], T]) -> T | None:
        """Run a slow load in a thread, with progress; whatever goes wrong is told, and is not fatal."""
        self._failures.pop(what, None)
        self._loading[what] = title
        self._tell_status()
        loaded: T | None = None
        try:
            async with work_done(self._ls, title):
                loaded = await asyncio.to_thread(load)
        except ScAttribError as error:
            self._failures[what] = str(error)
            if isinstance(error, IndexUnreachableError):
                self._unreachable_until = time.monotonic() + _ASK_AGAIN_S
        except Exception as error:
            _log.debug("%s failed", title, exc_info=error)
            self._failures[what] = f"{title} failed ({type(error).__name__}); see the log at level debug"
        self._loading.pop(what, None)
        if what in self._failures:
            self._ls.notices.tell(self._failures[what])
        return loaded

    def _tell_status(self) -> None:
        """Tell what is under way, what failed, or which model is ready."""
        busy = bool(self._loading)
        if self._failures:
            self._ls.notices.status(StatusKind.ERROR, next(iter(self._failures.values())), busy=busy)
        else:
            doing = next(iter(self._loading.values()), None)
            model = self._backend.description if self._backend is not None else "no model"
            self._ls.notices.status(StatusKind.NORMAL, doing or model, busy=busy)


def _load_options(settings: ModelSettings) -> ModelSettings:
    """What cannot be changed without loading the model again: all but how tokens are drawn."""
    return replace(settings, temperature=0.0, seed=0)
