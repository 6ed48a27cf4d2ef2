"""How an editor reaches the server: over standard input and output, or over TCP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
from typing import BinaryIO

from pygls.io_ import StdoutWriter, run_async

from lsp.server import Server

_wire_log = logging.getLogger("pygls.io_")
"""pygls' own, as on stdio: what it says of a message may hold code."""
_STDIN, _STDOUT, _STDERR = 0, 1, 2
_MOST_BYTES = 1 << 16
"""That are read at once."""


def serve_stdio(server: Server) -> None:
    """Serve the editor that started this process, until it says ``exit`` or closes the pipe."""
    stdin, stdout = claim_stdio()
    try:
        asyncio.run(_serve_pipes(server, stdin, stdout))
    except BrokenPipeError:
        _wire_log.error("the editor is gone")
    except KeyboardInterrupt:
        pass
    finally:
        server.shutdown()  # type: ignore[no-untyped-call]


async def _serve_pipes(server: Server, stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Serve over two pipes.

    pygls' own reader asks a thread for each header line and each body, eight times a keystroke; here one
    thread hands over whatever has come.
    """
    reader = asyncio.StreamReader()
    threading.Thread(target=_feed, args=(reader, stdin, asyncio.get_running_loop()), daemon=True).start()
    server.protocol.set_writer(StdoutWriter(stdout))
    await _serve(server, reader)


def _feed(reader: asyncio.StreamReader, stdin: BinaryIO, loop: asyncio.AbstractEventLoop) -> None:
    """Hand over what comes, to the end, or until nobody reads any more."""
    with contextlib.suppress(RuntimeError, OSError, ValueError):  # the loop is closed, or the pipe
        while data := os.read(stdin.fileno(), _MOST_BYTES):
            loop.call_soon_threadsafe(reader.feed_data, data)
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(reader.feed_eof)


async def _serve(server: Server, reader: asyncio.StreamReader) -> None:
    """Handle messages until the editor leaves."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        await run_async(
            stop_event=threading.Event(),
            reader=reader,
            protocol=server.protocol,
            logger=_wire_log,
            error_handler=server.report_server_error,
        )


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
    await _serve(server, reader)
