"""Who may ask: tokens from a file or the environment, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path

from attribution.errors import UnreadableInputError
from attribution.remote.token import TOKEN

LEAST_CHARACTERS = 16
_SCHEME = "bearer"
_LOGGER = logging.getLogger(__name__)


class Access(Enum):
    """What a token opens."""

    GRANTED = ""
    MISSING = "a token is needed: send it as Authorization: Bearer …"
    WRONG = "this token is not known here"
    EXPIRED = "this token has expired; ask the keeper of this service for a new one"


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is known here, as its digest."""

    digest: bytes
    until: date | None
    """The last day, in UTC, on which it is accepted."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whether a request may be answered, and by which of the tokens."""

    access: Access
    name: str = ""


class Tokens:
    """The tokens of a service; a file of them is read again when it has changed."""

    def __init__(self, file: Path | None) -> None:
        """Read the file, or ``SC_ATTRIB_TOKEN`` without one.

        Raises :class:`UnreadableInputError` for what is no list of tokens.
        """
        self._file = file
        self._stamp = _stamp(file)
        self._tokens = _read(file) if file is not None else _from_environment()

    @property
    def are_needed(self) -> bool:
        """Whether there is any token."""
        return bool(self._tokens) or self._file is not None

    def check(self, authorization: str) -> Caller:
        """Look at the header ``Authorization``; takes the same time whichever token is nearly right."""
        self._refresh()
        if not self.are_needed:
            return Caller(Access.GRANTED)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != _SCHEME or not token.strip():
            return Caller(Access.MISSING)
        digest = _digest(token.strip())
        found = None
        for known in self._tokens:
            if hmac.compare_digest(known.digest, digest):
                found = known
        if found is None:
            return Caller(Access.WRONG)
        if found.until is not None and datetime.now(UTC).date() > found.until:
            return Caller(Access.EXPIRED)
        return Caller(Access.GRANTED, found.digest.hex())

    def _refresh(self) -> None:
        stamp = _stamp(self._file)
        if self._file is None or stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._tokens = _read(self._file)
        except UnreadableInputError as error:
            self._tokens = ()
            _LOGGER.error("%s; nobody is let in until it is mended", error)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _stamp(file: Path | None) -> tuple[int, int, int]:
    try:
        found = file.stat() if file is not None else None
    except OSError:
        found = None
    return (0, 0, 0) if found is None else (found.st_mtime_ns, found.st_size, found.st_ino)


def _from_environment() -> tuple[Token, ...]:
    token = os.environ.get(TOKEN, "").strip()
    return (Token(_acceptable(token, TOKEN), None),) if token else ()


def _read(file: Path) -> tuple[Token, ...]:
    """One token a line, perhaps with the last day on which it is accepted; ``#`` begins a comment."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise UnreadableInputError(file, reason, remedy="name a file with one token a line") from error
    found = [_token(line.split("#")[0].split(), f"{file}:{number}") for number, line in enumerate(lines, 1)]
    tokens = tuple(token for token in found if token is not None)
    if not tokens:
        raise UnreadableInputError(file, "holds no token", remedy="write one, such as: openssl rand -hex 32")
    return tokens


def _token(words: list[str], place: str) -> Token | None:
    if not words:
        return None
    try:
        until = date.fromisoformat(words[1]) if len(words) > 1 else None
    except ValueError as error:
        raise UnreadableInputError(
            place, "what stands behind the token is no day", remedy="write it as 2027-01-31"
        ) from error
    return Token(_acceptable(words[0], place), until)


def _acceptable(token: str, place: str) -> bytes:
    if len(token) < LEAST_CHARACTERS:
        reason = f"the token is shorter than {LEAST_CHARACTERS} characters, and so can be guessed"
        raise UnreadableInputError(place, reason, remedy="make one with: openssl rand -hex 32")
    return _digest(token)
