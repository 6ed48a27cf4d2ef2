"""How often one client may ask: a bucket of requests for each, which fills at a steady rate."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_CLIENTS = 10_000
"""Those who asked last are remembered; of others it is not known that they asked before."""


class RateLimit:
    """Counts requests by client. Used by one thread, that of the event loop."""

    def __init__(
        self, per_second: float, *, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """What is left in each bucket, and when that was."""

    def wait_s(self, client: str) -> float:
        """Take one request from the client's bucket; 0, or the seconds until there is one again."""
        if self._per_second <= 0:
            return 0.0
        now = self._clock()
        left, then = self._clients.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self._per_second
        self._clients[client] = left - 1 if wait == 0 else left, now
        while len(self._clients) > _MOST_CLIENTS:
            self._clients.popitem(last=False)
        return wait
