"""The secret that a service asks for: from the environment or a file, never from the command line."""

from __future__ import annotations

import os
from pathlib import Path

from attribution.errors import UnreadableInputError

TOKEN = "SC_ATTRIB_TOKEN"
TOKEN_FILE = "SC_ATTRIB_TOKEN_FILE"


def own_token() -> str | None:
    """The token in ``SC_ATTRIB_TOKEN``, or the first one in the file that ``SC_ATTRIB_TOKEN_FILE`` names.

    Raises :class:`UnreadableInputError` where there is no such file, or no token in it.
    """
    token = os.environ.get(TOKEN, "").strip()
    if token:
        return _sendable(token, TOKEN)
    named = os.environ.get(TOKEN_FILE, "").strip()
    if not named:
        return None
    try:
        lines = Path(named).read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise UnreadableInputError(named, reason, remedy=f"name the token's file in {TOKEN_FILE}") from error
    words = [line.split("#")[0].split() for line in lines]
    token = next((line[0] for line in words if line), "")
    if not token:
        raise UnreadableInputError(named, "holds no token", remedy="write the token on its first line")
    return _sendable(token, named)


def _sendable(token: str, place: str) -> str:
    if not (token.isascii() and token.isprintable()) or " " in token:
        reason = "holds characters that no token has"
        raise UnreadableInputError(place, reason, remedy="copy the token again, in one line")
    return token
