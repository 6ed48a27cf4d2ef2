"""What every request passes before it is answered, and every answer before it is sent.

Nothing of a request but its method and the route it took is ever logged: paths, queries and bodies hold what
people work on.
"""

from __future__ import annotations

import logging
import math
import time
import traceback
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from attribution.remote.address import is_loopback
from attribution.service.metrics import Metrics
from attribution.service.problems import Problem
from attribution.service.rate import RateLimit
from attribution.service.tokens import Access, Tokens

UNKNOWN_ROUTE = "(unknown)"
_OPEN = frozenset({"/healthz", "/openapi.json"})
"""What is answered without a token, as is the page with its parts, in which nothing is told."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """ASGI middleware around the whole application."""

    app: ASGIApp
    tokens: Tokens
    rate: RateLimit
    metrics: Metrics
    logs_requests: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(send)
        began = time.perf_counter()
        self.metrics.in_flight.inc()
        try:
            await self._answer(scope, receive, exchange)
        finally:
            self.metrics.in_flight.dec()
            self._note(scope, exchange.status, time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, exchange: _Exchange) -> None:
        try:
            self._let_in(scope)
            scope["app"] = self.app  # routing raises what it refuses, instead of answering in its own words
            await self.app(scope, receive, exchange.send)
        except Problem as problem:
            await _send(problem, scope, receive, exchange)
        except HTTPException as error:
            await _send(_unrouted(error), scope, receive, exchange)
        except Exception as error:
            _LOGGER.error("%s failed of a fault of ours: %s", _route(scope), _place(error))
            fault = Problem(500, "this failed of a fault of ours; the service's log says where")
            await _send(fault, scope, receive, exchange)

    def _let_in(self, scope: Scope) -> None:
        """Raise :class:`Problem` for those who may not ask, or not now."""
        headers = Headers(scope=scope)
        client = scope["client"][0] if scope.get("client") else "?"
        if not self.tokens.are_needed:
            _require_loopback(headers.get("host", ""))
        elif not _is_open(scope["path"]):
            caller = self.tokens.check(headers.get("authorization", ""))
            if caller.access is not Access.GRANTED:
                challenge = {"WWW-Authenticate": 'Bearer realm="sc-attrib"'}
                raise Problem(401, caller.access.value, headers=challenge)
            client = caller.name
        wait = self.rate.wait_s(client)
        if wait > 0:
            detail = "you ask more often than this service allows; wait a little"
            raise Problem(429, detail, headers={"Retry-After": str(math.ceil(wait))})

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        self.metrics.count(route, _method(scope), status, seconds)
        if self.logs_requests:
            _LOGGER.info("%s %s %d %.1f ms", _method(scope), route, status, 1e3 * seconds)


class _Exchange:
    """Sends an answer, with what every answer says, and remembers how it went."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        """0 until the answer has begun."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)


async def _send(problem: Problem, scope: Scope, receive: Receive, exchange: _Exchange) -> None:
    """Tell the client; an answer that has begun already ends early, and so is not believed."""
    if exchange.status:
        raise RuntimeError("an answer broke off")
    await problem.response()(scope, receive, exchange.send)


def _require_loopback(host: str) -> None:
    """Without tokens only names of this machine are answered, so that no page elsewhere can name it anew.

    (DNS rebinding: a page of another origin resolves its own name to 127.0.0.1 and then reads the answers.)
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if not is_loopback(name.strip("[]")):
        detail = "without a token only this machine is answered, by its own names; a proxy needs one"
        raise Problem(421, detail)


def _unrouted(error: HTTPException) -> Problem:
    """What routing refuses, in the form of everything else."""
    if error.status_code == 404:
        return Problem(404, "there is nothing here; /openapi.json says what there is")
    detail = "this way of asking is not known here; /openapi.json says which are"
    return Problem(error.status_code, detail, headers=error.headers)


def _is_open(path: str) -> bool:
    return path in _OPEN or path == "/" or path.startswith("/explorer/")


def _route(scope: Scope) -> str:
    route: Any = scope.get("route")
    return getattr(route, "path", None) or UNKNOWN_ROUTE


def _method(scope: Scope) -> str:
    method = scope["method"]
    return method if method in ("GET", "HEAD", "POST", "OPTIONS") else "other"


def _place(error: Exception) -> str:
    """The kind of an error and where it happened; not its text, in which code of people may stand."""
    frames = traceback.extract_tb(error.__traceback__)
    at = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{at}"
