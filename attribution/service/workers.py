"""Threads that answer: so many at once, so many waiting, and none longer than it is worth."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from attribution.service.problems import Problem
from attribution.service.settings import Limits

T = TypeVar("T")


class Workers:
    """Runs what takes time beside the event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="answer")
        self._slow_pool = ThreadPoolExecutor(1, thread_name_prefix="scan")
        self.under_way = 0
        """Requests that are being answered or wait to be."""

    async def run(self, answer: Callable[[], T], *, is_slow: bool = False) -> T:
        """Answer in a thread; what may read a whole index, one after the other in a thread of its own.

        Raises :class:`Problem` where too many wait already, or it takes too long; what was begun is finished
        unseen then, and what was not begun never is.
        """
        if self.under_way >= self._limits.workers + self._limits.waiting:
            detail = "too many requests are waiting; try again in a moment"
            raise Problem(503, detail, headers={"Retry-After": "1"})
        self.under_way += 1
        future = asyncio.get_running_loop().run_in_executor(
            self._slow_pool if is_slow else self._pool, answer
        )
        future.add_done_callback(self._count_down)
        try:
            async with asyncio.timeout(self._limits.answer_s):
                return await future
        except TimeoutError:
            seconds = self._limits.answer_s
            raise Problem(504, f"this took longer than {seconds:g} seconds; ask for less at once") from None

    def _count_down(self, _: object) -> None:
        self.under_way -= 1
