"""Tasks for several processors, wherever these are; answers come in the order of the tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol, TypeVar

from attribution.errors import ScAttribError, TaskFailedError

T = TypeVar("T")
R = TypeVar("R")


class Pool(Protocol):
    """Where tasks are worked on: here, in processes of this machine, or on machines of a cluster."""

    def map_in_order(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Yield ``function(task)`` for each task, in order; only a bounded number is taken ahead.

        ``function`` must be of a module, tasks and answers must pickle, and a task may be worked on twice, so
        it writes whole files or nothing. Raises what ``function`` raises, a :class:`ScAttribError` of it as
        one or as a :class:`TaskFailedError` with its sentence, and an error of its own where a worker dies.
        """


class Here:
    """The calling process, one task after another."""

    def map_in_order(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """As :class:`Pool` says."""
        return map(function, tasks)


class Failure(NamedTuple):
    """An error of ours as its sentence: exceptions with arguments of their own do not pickle."""

    sentence: str


def run_guarded(function: Callable[[T], R], task: T) -> R | Failure:
    """What a worker runs: the function, with errors of ours as their sentences."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # a process a core is enough
    try:
        return function(task)
    except ScAttribError as error:
        return Failure(str(error))


def answer_of(answer: R | Failure) -> R:
    """The answer; raises :class:`TaskFailedError` with the sentence of a failure."""
    if isinstance(answer, Failure):
        raise TaskFailedError(answer.sentence)
    return answer
