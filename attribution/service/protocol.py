"""HTTP connections that are closed when a request takes too long to arrive (slow loris)."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class BoundedProtocol(H11Protocol):
    """uvicorn's, which bounds a head's length and the time between requests, but not that of a request.

    From the moment at which a connection is made, or an answer is complete, a client has ``request_s``
    seconds to send a whole request.
    """

    request_s: ClassVar[float] = 30.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        self._too_late: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Wait no longer once a request is whole."""
        super().handle_events()
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of one that was refused."""
        super().on_response_complete()
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY) and not self.transport.is_closing():
            self._wait()

    def _wait(self) -> None:
        self._stop()
        self._too_late = self.loop.call_later(self.request_s, self._give_up)

    def _stop(self) -> None:
        if self._too_late is not None:
            self._too_late.cancel()
            self._too_late = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()
