"""Running a service: the socket, the bounds on connections, the end."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from attribution.errors import UsageError
from attribution.service.protocol import BoundedProtocol
from attribution.service.settings import Binding, Limits

_BACKLOG = 256
_FAREWELL_S = 10
"""How long requests that are under way may take when the service ends."""


def listen(binding: Binding) -> socket.socket:
    """Open the socket; raise :class:`UsageError` where that is not possible."""
    try:
        place = socket.getaddrinfo(binding.host, binding.port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(place[0], socket.SOCK_STREAM)
    except OSError as error:
        raise UsageError(f"--bind {binding}: {error.strerror or error}; name another address") from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(place[4])
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        raise UsageError(f"--bind {binding}: {error.strerror or error}; name another port") from error
    return opened


def make_server(app: ASGIApp, limits: Limits, *, ready: Callable[[], None]) -> uvicorn.Server:
    """A server whose ``run`` answers on sockets until a signal, or its ``should_exit``, says to end.

    It calls ``ready`` once the first request would be answered.
    """
    protocol = type("Protocol", (BoundedProtocol,), {"request_s": limits.request_s})
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=limits.connections,
        backlog=_BACKLOG,
        timeout_keep_alive=limits.idle_s,
        timeout_graceful_shutdown=_FAREWELL_S,
        h11_max_incomplete_event_size=limits.head_bytes,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    return _Server(config, ready)


class _Server(uvicorn.Server):
    """uvicorn's, which says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._ready()
