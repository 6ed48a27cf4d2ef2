"""How an editor reaches the server: over standard input and output, or over TCP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
from typing import BinaryIO

from pygls.io_ import run_async

from lsp.server import Server

_wire_log = logging.getLogger("pygls.io_")
"""pygls' own, as on stdio: what it says of a message may hold code."""
_STDIN, _STDOUT, _STDERR = 0, 1, 2


def serve_stdio(server: Server) -> None:
    """Serve the editor that started this process, until it says ``exit`` or closes the pipe."""
    stdin, stdout = claim_stdio()
    server.start_io(stdin=stdin, stdout=stdout)


def claim_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output for the protocol alone.

    What anything else in the process prints, C libraries included, goes to standard error, where it
    cannot break the protocol; what anything else reads from standard input is empty.
    """
    sys.stdout.flush()
    stdin, stdout = os.fdopen(os.dup(_STDIN), "rb"), os.fdopen(os.dup(_STDOUT), "wb")
    os.dup2(_STDERR, _STDOUT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    return stdin, stdout


async def serve_tcp(server: Server, host: str, port: int) -> None:
    """Serve the first editor that connects, and no other, until it leaves.

    The address is said on standard error; port 0 takes any that is free. Raises :class:`OSError` if the
    address cannot be had.
    """
    connected: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    connected = asyncio.get_running_loop().create_future()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connected.done():
            writer.close()
        else:
            connected.set_result((reader, writer))

    listener = await asyncio.start_server(accept, host, port)
    address = listener.sockets[0].getsockname()
    print(f"sc-attrib lsp: listening on {address[0]}:{address[1]}", file=sys.stderr, flush=True)  # noqa: T201
    reader, writer = await connected
    listener.close()
    server.protocol.set_writer(writer)
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        await run_async(
            stop_event=threading.Event(),
            reader=reader,
            protocol=server.protocol,
            logger=_wire_log,
            error_handler=server.report_server_error,
        )
