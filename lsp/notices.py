"""What the server tells people: each thing once, and the state at all times."""

from __future__ import annotations

import logging
from enum import StrEnum

from lsprotocol import types
from pygls.protocol import LanguageServerProtocol

_log = logging.getLogger(__name__)

DID_CHANGE_STATUS = "didChangeStatus"
"""Notification of the server's state, named and shaped as in copilot-language-server."""


class StatusKind(StrEnum):
    """The server's state in one word."""

    NORMAL = "Normal"
    WARNING = "Warning"
    ERROR = "Error"
    INACTIVE = "Inactive"


class Notices:
    """Tells the editor's user, without repeating itself."""

    def __init__(self, protocol: LanguageServerProtocol) -> None:
        self._protocol = protocol
        self._told: set[str] = set()

    def tell(self, message: str, level: types.MessageType = types.MessageType.Warning) -> None:
        """Show a message, unless it has been shown before."""
        if message in self._told:
            return
        self._told.add(message)
        _log.debug("told the user: %s", message)
        params = types.ShowMessageParams(type=level, message=message)
        self._protocol.notify(types.WINDOW_SHOW_MESSAGE, params)

    def log(self, message: str) -> None:
        """Write a line into the editor's log of this server."""
        params = types.LogMessageParams(type=types.MessageType.Info, message=message)
        self._protocol.notify(types.WINDOW_LOG_MESSAGE, params)

    def status(self, kind: StatusKind, message: str, *, busy: bool = False) -> None:
        """Tell the state, for a status bar."""
        params = {"kind": str(kind), "message": message, "busy": busy}
        self._protocol.notify(DID_CHANGE_STATUS, params)
