"""A model in this process as a back end: one worker thread owns it, the event loop waits for tokens.

What is the same whatever computes: order of arrival, cancellation, closing.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, Self

from assistant.backends.lines import LineTokens
from assistant.backends.protocol import GREEDY, Sampling, Token, TokenShaping
from assistant.backends.room import room_for
from assistant.errors import BackendError
from assistant.fim import FimIds


class Abort(Protocol):
    """Tells a running computation to end; safe to call from any thread."""

    def set(self) -> None:
        """Ask for the end."""

    def clear(self) -> None:
        """Let the next computation run."""


class LocalModel(Protocol):
    """A loaded model, used by one thread; :meth:`tokenize`, :meth:`piece` and ``abort`` by any."""

    @property
    def description(self) -> str:
        """Name, size and precision, for people."""

    @property
    def fim_ids(self) -> FimIds:
        """The control tokens of its vocabulary."""

    @property
    def context_tokens(self) -> int:
        """The size of its context."""

    @property
    def evaluated_tokens(self) -> int:
        """Tokens whose keys and values it holds."""

    @property
    def abort(self) -> Abort:
        """Ends the running computation, also while it reads a prompt."""

    def tokenize(self, text: str) -> list[int]:
        """Turn text into ids; control tokens in it stay text."""

    def piece(self, token: int) -> bytes:
        """Answer the bytes of a token; none for a control token."""

    def ends(self, token: int) -> bool:
        """Whether a completion is over at this token."""

    def generate(
        self,
        prompt: Sequence[int],
        *,
        max_tokens: int,
        sampling: Sampling,
        required: bytes,
        shaping: TokenShaping | None,
    ) -> Generator[int, None, None]:
        """Continue the prompt until an end token, which is the last one given, a limit, or an abort."""

    def free(self) -> None:
        """Give the memory back; may be repeated."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Job:
    """One request on its way through the worker."""

    prompt: Sequence[int]
    max_tokens: int
    sampling: Sampling
    required: bytes
    shaping: TokenShaping | None
    loop: asyncio.AbstractEventLoop
    results: asyncio.Queue[Token | Exception | None] = field(default_factory=asyncio.Queue)
    """Tokens, then ``None``; or an error."""
    stopped: bool = False
    """Nobody waits for more tokens; the worker reads this between two of them."""

    def put(self, result: Token | Exception | None) -> None:
        """Hand a result to the event loop, from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self.loop.call_soon_threadsafe(self.results.put_nowait, result)


class WorkerBackend:
    """A model behind a worker thread; see :class:`~assistant.backends.protocol.CompletionBackend`."""

    sees_logits = True

    def __init__(self, model: LocalModel, worker: ThreadPoolExecutor) -> None:
        self._model = model
        self._worker = worker
        self._lock = threading.Lock()
        """Guards ``_running`` together with the model's abort flag."""
        self._running: _Job | None = None
        self._vocabulary_lock = threading.Lock()
        """Keeps the model from being freed while somebody tokenises, and guards what is known of lines."""
        self._lines = LineTokens(model.tokenize, model.piece)
        self._closed = threading.Event()

    @classmethod
    def load(cls, load: Callable[[], LocalModel], *, name: str) -> Self:
        """Load a model in the thread that will own it, and wait for it; raises what ``load`` raises."""
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        try:
            return cls(worker.submit(load).result(), worker)
        except BaseException:
            worker.shutdown(wait=False)
            raise

    @property
    def description(self) -> str:
        """The model's name, size and quantisation."""
        return self._model.description

    @property
    def fim_ids(self) -> FimIds:
        """The control tokens of its vocabulary."""
        return self._model.fim_ids

    @property
    def context_tokens(self) -> int:
        """The size of its context."""
        return self._model.context_tokens

    @property
    def evaluated_tokens(self) -> int:
        """Tokens whose keys and values are kept for the next request that begins with them."""
        return self._model.evaluated_tokens

    def tokenize(self, text: str) -> list[int]:
        """Turn text into ids; control tokens in it stay text. Raises :class:`BackendError` once closed."""
        with self._open_vocabulary():
            return self._lines.ids(text)

    def detokenize(self, ids: Sequence[int]) -> bytes:
        """Turn ids into bytes. Raises :class:`BackendError` once closed."""
        with self._open_vocabulary() as model:
            return b"".join(model.piece(i) for i in ids)

    @contextlib.contextmanager
    def _open_vocabulary(self) -> Iterator[LocalModel]:
        with self._vocabulary_lock:
            if self._closed.is_set():
                raise BackendError("the model was replaced while it was asked; ask again")
            yield self._model

    async def generate(
        self,
        prompt: Sequence[int],
        *,
        max_tokens: int,
        sampling: Sampling = GREEDY,
        required: bytes = b"",
        shaping: TokenShaping | None = None,
    ) -> AsyncGenerator[Token, None]:
        """Continue the prompt, token by token."""
        room_for(prompt, max_tokens=max_tokens, context_tokens=self.context_tokens)
        if self._closed.is_set():
            return
        job = _Job(
            prompt=prompt,
            max_tokens=max_tokens,
            sampling=sampling,
            required=required,
            shaping=shaping,
            loop=asyncio.get_running_loop(),
        )
        future = self._worker.submit(self._run, job)
        future.add_done_callback(lambda done: job.put(_error_of(done)))
        try:
            while (result := await job.results.get()) is not None:
                if isinstance(result, Exception):
                    if self._closed.is_set():
                        return
                    raise result
                yield result
        except asyncio.CancelledError:
            self._abort(job)
            raise
        finally:
            job.stopped = True
            future.cancel()

    def _run(self, job: _Job) -> None:
        """Generate, on the worker thread."""
        if not self._begin(job):
            return
        try:
            tokens = self._model.generate(
                job.prompt,
                max_tokens=job.max_tokens,
                sampling=job.sampling,
                required=job.required,
                shaping=job.shaping,
            )
            for token in tokens:
                job.put(Token(id=token, text=b"" if self._model.ends(token) else self._model.piece(token)))
                if job.stopped:
                    break
            tokens.close()
        finally:
            with self._lock:
                self._running = None

    def _begin(self, job: _Job) -> bool:
        with self._lock:
            if job.stopped or self._closed.is_set():
                return False
            self._running = job
            self._model.abort.clear()
            return True

    def _abort(self, job: _Job) -> None:
        """Reach into the computation, if it is this job's."""
        with self._lock:
            job.stopped = True
            if self._running is job:
                self._model.abort.set()

    async def close(self) -> None:
        """Abort what runs, end all streams, free the model."""
        if self._closed.is_set():
            return
        with self._lock:
            self._closed.set()
            self._model.abort.set()
        await asyncio.wrap_future(self._worker.submit(self._free))
        self._worker.shutdown(wait=False)

    def _free(self) -> None:
        with self._vocabulary_lock:
            self._model.free()


def _error_of(done: Future[None]) -> Exception | None:
    """Tell what a finished job still has to say: its error, or ``None`` for the end of the stream."""
    if done.cancelled():
        return None
    error = done.exception()
    return error if isinstance(error, Exception) or error is None else None
