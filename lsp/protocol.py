"""The wire: pygls' protocol, made to answer what it would leave unanswered."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol

from lsp.documents import DocumentWorkspace


class Protocol(LanguageServerProtocol):
    """Answers requests with unreadable parameters, and keeps documents as the specification asks."""

    @property
    def has_shut_down(self) -> bool:
        """Whether ``shutdown`` was answered."""
        return bool(self._shutdown)

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Read a message; a request that cannot be read gets an error, not silence."""
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            request_id = data.get("id")
            if isinstance(request_id, int | str) and "method" in data:
                self._send_response(request_id, error=error.to_response_error())
            raise

    def _execute_handler(self, msg_id: str | int, *args: Any, **kwargs: Any) -> None:
        """Handle a message, and forget that it was handled: pygls 2.1 keeps a future of each notification."""
        super()._execute_handler(msg_id, *args, **kwargs)
        future = self._request_futures.get(msg_id)
        if future is not None:
            loop = asyncio.get_running_loop()
            # a moment later, because shutdown walks over the futures while it cancels them
            future.add_done_callback(lambda done: loop.call_soon_threadsafe(self._forget, msg_id, done))

    def _forget(self, msg_id: str | int, done: Future[Any]) -> None:
        if self._request_futures.get(msg_id) is done:
            del self._request_futures[msg_id]

    def use_workspace(self, folders: list[types.WorkspaceFolder]) -> None:
        """Replace pygls' workspace, before any document is open, by one of exact lines and columns."""
        self._workspace = DocumentWorkspace.like(self.workspace, folders)
