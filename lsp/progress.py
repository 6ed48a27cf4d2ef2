"""Work-done progress: shows that something is loading, where the editor can show it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

if TYPE_CHECKING:
    from lsp.server import Server

_log = logging.getLogger(__name__)
_ANSWER_TIMEOUT_S = 2.0


@asynccontextmanager
async def work_done(ls: Server, title: str) -> AsyncIterator[None]:
    """Show ``title`` as being under way while the block runs; an editor that cannot is not bothered."""
    token = await _create_token(ls)
    if token is None:
        yield
        return
    ls.work_done_progress.begin(token, types.WorkDoneProgressBegin(title=title, cancellable=False))
    try:
        yield
    finally:
        ls.work_done_progress.end(token, types.WorkDoneProgressEnd())
        ls.work_done_progress.tokens.pop(token, None)


async def _create_token(ls: Server) -> str | None:
    window = ls.client_capabilities.window
    if window is None or not window.work_done_progress:
        return None
    token = f"sc-attrib-{secrets.token_hex(4)}"
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            await ls.work_done_progress.create_async(token)
    except (TimeoutError, JsonRpcException) as error:
        _log.debug("the editor made no progress token: %s", type(error).__name__)
        return None
    return token
