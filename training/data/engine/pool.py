"""A pool of processes of this machine; bounded, and one sentence where one of them dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial

from attribution.cluster.pool import Failure, Here, Pool, R, T, answer_of, run_guarded
from training.errors import WorkerKilledError


class _Processes:
    """Processes that live as long as their executor; at most one task more than these is taken ahead."""

    def __init__(self, executor: ProcessPoolExecutor, count: int) -> None:
        self._executor = executor
        self._count = count

    def map_in_order(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """As :class:`Pool` says; raises :class:`WorkerKilledError` where a process dies."""
        guarded = partial(run_guarded, function)
        waiting: deque[Future[R | Failure]] = deque()
        try:
            for task in tasks:
                waiting.append(self._submit(guarded, task))
                if len(waiting) > self._count:
                    yield answer_of(waiting.popleft().result())
            while waiting:
                yield answer_of(waiting.popleft().result())
        except BrokenProcessPool as error:
            raise WorkerKilledError(self._count) from error
        finally:
            for future in waiting:
                future.cancel()

    def _submit(self, function: Callable[[T], R], task: T) -> Future[R]:
        """Hand a task over; while the executor takes notice of a death, its pipe is closed already."""
        try:
            return self._executor.submit(function, task)
        except OSError as error:
            if error.errno is not None:
                raise
            raise WorkerKilledError(self._count) from error


@contextmanager
def processes(count: int) -> Iterator[Pool]:
    """A pool of so many processes, which start when they are first needed; of one, this one."""
    if count == 1:
        yield Here()
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_end_with_parent) as executor:
        yield _Processes(executor, count)


def _end_with_parent() -> None:
    """Leave Ctrl-C to the parent, and do not outlive it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
