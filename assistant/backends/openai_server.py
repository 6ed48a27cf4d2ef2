"""What is said to a server of OpenAI's completions protocol over HTTP, and what it answers.

Only the address that the user set is spoken to: no proxy, no redirect. One request at a time, from one
thread; :meth:`Server.abort` from any.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from assistant.errors import BackendError

_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 120.0
"""Between two pieces of an answer; the time that a suggestion may take ends it far earlier."""
_MAX_LINE = 1 << 20
_MAX_BODY = 1 << 23
_MAX_WORDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server listens."""

    url: str
    host: str
    port: int | None
    path: str
    is_encrypted: bool

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read a base URL; raises :class:`ValueError` with what is wrong with it."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it is not an http or https address")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("an address with a name, a password, a query or a fragment is not taken")
        return cls(
            url=url.rstrip("/"),
            host=parts.hostname,
            port=parts.port,
            path=parts.path.rstrip("/"),
            is_encrypted=parts.scheme == "https",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of an answer."""

    text: str
    ended: bool = False
    """Whether the model came to its end, rather than to a limit."""
    is_last: bool = False


class Server:
    """A server and the one connection to it that may be open."""

    def __init__(self, address: Address, *, key: str, key_name: str) -> None:
        """``key`` is sent with every request if there is one; ``key_name`` is where it came from."""
        self.address = address
        self._key, self._key_name = key, key_name
        self._lock = threading.Lock()
        self._open: socket.socket | None = None
        self._aborted = False

    def set(self) -> None:
        """Abort: break the connection off, also while somebody reads from it."""
        with self._lock:
            self._aborted = True
            if self._open is not None:
                with suppress(OSError):
                    self._open.shutdown(socket.SHUT_RDWR)

    def clear(self) -> None:
        """Let the next request go."""
        with self._lock:
            self._aborted = False

    @property
    def is_aborted(self) -> bool:
        """Whether the running request is to end."""
        return self._aborted

    def models(self) -> list[dict[str, Any]]:
        """What ``/models`` lists; empty where the server has no such list. Raises :class:`BackendError`."""
        with self._answer("GET", "/models", None, missing_is_fine=True) as answer:
            if answer.status == http.HTTPStatus.NOT_FOUND:
                return []
            listed = self._json(self._body(answer))
        entries = listed.get("data")
        if not isinstance(entries, list):
            raise self._strange()
        return [e for e in entries if isinstance(e, dict) and isinstance(e.get("id"), str)]

    def complete(self, request: Mapping[str, Any]) -> Iterator[Piece]:
        """Ask for a completion and give its pieces as they come, the last one marked.

        Raises :class:`BackendError`, also where the answer breaks off in the middle.
        """
        with self._answer("POST", "/completions", request) as answer:
            if "event-stream" not in (answer.headers.get("Content-Type") or ""):
                yield self._piece(self._json(self._body(answer)), is_whole=True)
                return
            yield from self._streamed(answer)

    def _streamed(self, answer: http.client.HTTPResponse) -> Iterator[Piece]:
        """Read server-sent events (WHATWG HTML, section 9.2), of which only ``data`` lines matter here."""
        while line := self._read(answer):
            field, _, value = line.decode("utf-8", "replace").partition(":")
            if field != "data" or not (data := value.strip()):
                continue
            if data == "[DONE]":
                return
            piece = self._piece(self._json(data.encode()))
            yield piece
            if piece.is_last:
                return
        raise BackendError(f"the server at {self.address.url} ended in the middle of its answer; ask again")

    def _piece(self, event: dict[str, Any], *, is_whole: bool = False) -> Piece:
        choices = event.get("choices")
        if event.get("error") or not isinstance(choices, list):
            raise self._refusal(0, event)
        if not choices:  # a last word on usage
            return Piece(text="")
        choice = choices[0] if isinstance(choices[0], dict) else {}
        text, reason = choice.get("text"), choice.get("finish_reason")
        if not isinstance(text, str):
            raise self._strange()
        return Piece(text=text, ended=reason == "stop", is_last=is_whole or reason is not None)

    @contextmanager
    def _answer(
        self, method: str, path: str, request: Mapping[str, Any] | None, *, missing_is_fine: bool = False
    ) -> Iterator[http.client.HTTPResponse]:
        """Send a request and wait for the head of the answer, which is an error for any status but 200."""
        body = None if request is None else json.dumps(request).encode()
        headers = {"Content-Type": "application/json", "Accept": "*/*", "Connection": "close"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        with self._connected() as connection:
            try:
                connection.request(method, self.address.path + path, body=body, headers=headers)
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise self._unreachable(error) from error
            with closing(answer):
                is_missing = answer.status == http.HTTPStatus.NOT_FOUND and missing_is_fine
                if answer.status != http.HTTPStatus.OK and not is_missing:
                    raise self._refusal(answer.status, self._error_in(answer))
                yield answer

    @contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        """Connect, within reach of an abort; the socket is ours, as a connection lets go of it early."""
        kind = http.client.HTTPSConnection if self.address.is_encrypted else http.client.HTTPConnection
        connection = kind(self.address.host, self.address.port, timeout=_CONNECT_SECONDS)
        try:
            connection.connect()
        except (OSError, ValueError) as error:
            raise self._unreachable(error) from error
        with closing(connection.sock) as opened:
            opened.settimeout(_ANSWER_SECONDS)
            with self._lock:
                self._open = opened
            try:
                if self._aborted:
                    raise self._unreachable(ConnectionAbortedError())
                yield connection
            finally:
                with self._lock:
                    self._open = None
                connection.close()

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        try:
            return answer.readline(_MAX_LINE)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._unreachable(error) from error

    def _body(self, answer: http.client.HTTPResponse) -> bytes:
        try:
            return answer.read(_MAX_BODY)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._unreachable(error) from error

    def _json(self, text: bytes) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._strange() from error
        if not isinstance(value, dict):
            raise self._strange()
        return value

    def _error_in(self, answer: http.client.HTTPResponse) -> dict[str, Any]:
        with suppress(BackendError):
            return self._json(self._body(answer))
        return {}

    def _unreachable(self, error: Exception) -> BackendError:
        reason = str(error) or type(error).__name__
        return BackendError(
            f"the server at {self.address.url} cannot be reached ({reason}); start it, or set model.url"
        )

    def _strange(self) -> BackendError:
        return BackendError(
            f"the server at {self.address.url} does not speak OpenAI's completions protocol; "
            "set model.url to one that does, up to and with its /v1"
        )

    def _refusal(self, status: int, answer: Mapping[str, Any]) -> BackendError:
        server = f"the server at {self.address.url}"
        if status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
            held = f"the key in {self._key_name}" if self._key_name else "a request without a key"
            return BackendError(
                f"{server} refuses {held}; set model.apiKeyEnvironment to a variable with a valid one"
            )
        said = _message(answer)
        if status == http.HTTPStatus.NOT_FOUND:
            return BackendError(
                f"{server} does not know that model or has no completions{said}; set model.name"
            )
        if 300 <= status < 400:
            return BackendError(
                f"{server} sends elsewhere, where nothing is sent; set model.url to that address"
            )
        return BackendError(f"{server} refuses to complete{said or f' (status {status})'}; look at its log")


def _message(answer: Mapping[str, Any]) -> str:
    """What a server says of an error, fit for one line."""
    error = answer.get("error") or answer.get("detail") or answer.get("message")
    text = error.get("message") if isinstance(error, dict) else error
    if not isinstance(text, str) or not text.strip():
        return ""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f" ({line[:_MAX_WORDS]})"
