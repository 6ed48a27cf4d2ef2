"""At most one computation for each document: who types on wants the newest answer, and only that."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Latest:
    """Runs computations, and ends those that a newer request or an edit has made pointless."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[Any]] = {}

    async def run(self, uri: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Do the work, in place of older work for the same document; ``None`` if it became pointless.

        Cancelling the task that waits here cancels the work.
        """
        self.drop(uri)
        task: asyncio.Task[T] = asyncio.create_task(work)
        self._running[uri] = task
        try:
            return await task
        except asyncio.CancelledError:
            waiting = asyncio.current_task()
            if waiting is not None and waiting.cancelling():
                raise
            return None
        finally:
            if self._running.get(uri) is task:
                del self._running[uri]

    def drop(self, uri: str) -> None:
        """End the work for a document."""
        task = self._running.pop(uri, None)
        if task is not None:
            task.cancel()
