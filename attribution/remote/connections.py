"""Asking a service over HTTP: kept connections, time limits, and every failure as one clear sentence."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Lock
from typing import Any, TypeVar

from attribution.errors import IndexRefusedError, IndexUnreachableError
from attribution.remote.address import IndexAddress
from attribution.remote.token import TOKEN, TOKEN_FILE

_CONNECT_S = 5.0
ANSWER_S = 60.0
"""How long a service may take for one answer."""
_MOST_WAITING_S = 30.0
"""How long a client waits altogether, for one answer, where it asks faster than it may."""
_MOST_BYTES = 256 << 20
_TOO_MANY, _BUSY = 429, 503
_DETAIL_CHARACTERS = 300
_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status with its body."""

    status: int
    body: bytes
    retry_after_s: float = 1.0


@dataclass
class Connections:
    """Connections to one service, kept open for the next question; safe to share between threads."""

    address: IndexAddress
    token: str | None = None
    answer_s: float = ANSWER_S
    _idle: list[HTTPConnection] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        weakref.finalize(self, _close, self._idle)
        if self.token and self.address.scheme == "http" and not self.address.is_loopback:
            _LOGGER.warning("%s: the token and what is checked travel unencrypted; use https", self.address)

    def ask(self, path: str, form: dict[str, Any] | None = None, *, read: Callable[[Any], T]) -> T:
        """POST a form, or GET without one, and read the JSON that is answered.

        Raises :class:`IndexUnreachableError` and :class:`IndexRefusedError`.
        """
        body = self._body(path, form)
        try:
            return read(json.loads(body))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
            raise self._no_answer_of_ours() from error

    def _body(self, path: str, form: dict[str, Any] | None) -> bytes:
        """The body of a good answer; asks again where it came too early or too often."""
        waited = 0.0
        while True:
            answer = self._exchange(path, form)
            if answer.status == 200:
                return answer.body
            may_retry = answer.status in (_TOO_MANY, _BUSY) and waited < _MOST_WAITING_S
            if not may_retry or (answer.status == _BUSY and waited > 2):
                raise self._refusal(answer)
            pause = min(max(0.05, answer.retry_after_s), 5.0)
            time.sleep(pause)
            waited += pause

    def _exchange(self, path: str, form: dict[str, Any] | None) -> Answer:
        """One question on a kept connection; on a new one where the service has closed that meanwhile."""
        kept = self._take()
        if kept is not None:
            try:
                return self._talk(kept, path, form)
            except TimeoutError as error:
                raise self._unreachable(error) from error
            except (OSError, HTTPException):
                kept.close()
        try:
            return self._talk(self._connect(), path, form)
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from error

    def _talk(self, connection: HTTPConnection, path: str, form: dict[str, Any] | None) -> Answer:
        headers = {"Accept": "application/json", "User-Agent": "sc-attrib"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = None
        if form is not None:
            body = json.dumps(form, ensure_ascii=False, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
        try:
            connection.request("GET" if form is None else "POST", self.address.prefix + path, body, headers)
            response = connection.getresponse()
            answer = self._read(response)
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        return answer

    def _read(self, response: HTTPResponse) -> Answer:
        body = response.read(_MOST_BYTES + 1)
        if len(body) > _MOST_BYTES:
            raise HTTPException(f"more than {_MOST_BYTES >> 20} MiB")
        header = response.headers.get("Retry-After", "1")
        return Answer(
            status=response.status, body=body, retry_after_s=float(header) if header.isdecimal() else 1.0
        )

    def _take(self) -> HTTPConnection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _connect(self) -> HTTPConnection:
        place = self.address.host, self.address.port
        if self.address.scheme == "https":
            context = ssl.create_default_context()
            connection: HTTPConnection = HTTPSConnection(*place, timeout=_CONNECT_S, context=context)
        else:
            connection = HTTPConnection(*place, timeout=_CONNECT_S)
        connection.connect()
        connection.sock.settimeout(self.answer_s)
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _unreachable(self, error: Exception) -> IndexUnreachableError:
        remedy = "look at the address and the network, and whether the service runs (sc-attrib serve)"
        if isinstance(error, TimeoutError):
            reason = f"the service does not answer within {self.answer_s:g} seconds"
        elif isinstance(error, ConnectionRefusedError):
            reason = "the connection is refused: nothing listens there"
        elif isinstance(error, socket.gaierror):
            reason = f"there is no machine of the name {self.address.host}"
        elif isinstance(error, ssl.SSLCertVerificationError):
            reason = f"its certificate is not trusted ({error.verify_message})"
            remedy = "name a file with your own authority's certificate in SSL_CERT_FILE"
        elif isinstance(error, ssl.SSLError):
            reason, remedy = "it does not speak TLS", "use http:// instead of https://, if you trust the way"
        elif isinstance(error, HTTPException):
            reason, remedy = "what answers there is no sc-attrib service", "look at the address"
        else:
            reason = f"the connection broke ({getattr(error, 'strerror', None) or error})"
        return IndexUnreachableError(str(self.address), reason, remedy=remedy)

    def _refusal(self, answer: Answer) -> IndexRefusedError:
        reason, remedy = self._explained(answer)
        return IndexRefusedError(str(self.address), reason, remedy=remedy)

    def _explained(self, answer: Answer) -> tuple[str, str]:
        detail = _detail(answer.body)
        if answer.status in (401, 403):
            found = detail or "the token is not accepted" if self.token else "the service asks for a token"
            return found, f"set {TOKEN} to yours, or {TOKEN_FILE} to a file that holds it"
        if answer.status == 404:
            return "what answers there is no sc-attrib service", "look at the address"
        if answer.status == 413:
            return detail or "a text is too large for the service", "check its parts, or an index of your own"
        if answer.status == _TOO_MANY:
            return "it is asked more often than it allows", "wait, or ask its keeper for a higher rate"
        if answer.status in (502, _BUSY, 504):
            return detail or "the service cannot answer now", "try again later, or ask its keeper"
        if answer.status == 400 or answer.status == 422:
            return detail or "the service did not understand", "compare sc-attrib's versions on both sides"
        return f"it answers with status {answer.status}", "look at the address, or ask its keeper"

    def _no_answer_of_ours(self) -> IndexRefusedError:
        return IndexRefusedError(
            str(self.address),
            "what it answers is not the answer of a sc-attrib service of this version",
            remedy="look at the address, and compare sc-attrib's versions on both sides",
        )


def _close(idle: list[HTTPConnection]) -> None:
    for connection in idle:
        connection.close()


def _detail(body: bytes) -> str:
    """What a service says of a problem (RFC 9457), in the bounds of a sentence."""
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return " ".join(detail.split())[:_DETAIL_CHARACTERS].rstrip(".") if isinstance(detail, str) else ""
