"""``sc-attrib lsp``: run the language server."""

from __future__ import annotations

import argparse
import importlib.util
import ipaddress
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.errors import MissingExtraError, ScAttribError, UsageError

if TYPE_CHECKING:
    from lsp.server import Server

_LOOPBACK = "127.0.0.1"
_LEVELS = ("debug", "info", "warning", "error")
_HIGHEST_PORT = 65535
_PLUGINS = ("nvim",)
"""Folders beside this file."""
EXIT_WITHOUT_SHUTDOWN = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--tcp",
        metavar="HOST:PORT",
        help="wait for one editor on this address instead of serving on stdin and stdout; "
        "HOST may be left out for this machine only, port 0 takes any",
    )
    parser.add_argument(
        "--plugin", choices=_PLUGINS, help="print the folder of the plugin for this editor, and serve nothing"
    )
    parser.add_argument(
        "--untrusted",
        action="store_true",
        help="read no index and no policy of the workspace: editors that ask whether a workspace is trusted "
        "say so until it is",
    )
    parser.add_argument(
        "--log-level", choices=_LEVELS, default="warning", help="what to say on stderr (default: warning)"
    )


def run(args: argparse.Namespace) -> int:
    """Serve one editor; exit code 0 after ``shutdown``, 1 if the editor left without it."""
    if args.plugin is not None:
        print(Path(__file__).parent / args.plugin)  # noqa: T201
        return 0
    _leave_workspace_off_the_path()
    if importlib.util.find_spec("pygls") is None:
        raise MissingExtraError("the language server", "lsp")
    _set_log_level(args.log_level)
    import asyncio

    from lsp.server import create_server

    address = parse_address(args.tcp) if args.tcp is not None else None
    server = create_server(trusts_workspace=not args.untrusted)
    try:
        _serve(server, address)
    except SystemExit:
        pass  # pygls leaves its loop so, after the editor's `exit`
    finally:
        asyncio.run(server.engine.close())
    return 0 if server.has_shut_down else EXIT_WITHOUT_SHUTDOWN


def _serve(server: Server, address: tuple[str, int] | None) -> None:
    import asyncio

    from lsp.transport import serve_stdio, serve_tcp

    if address is None:
        serve_stdio(server)
        return
    try:
        asyncio.run(serve_tcp(server, *address))
    except OSError as error:
        place = ":".join(map(str, address))
        raise ScAttribError(f"--tcp {place}: {error.strerror}; choose another address") from error


def parse_address(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``, ``:PORT`` or ``PORT``; raises :class:`UsageError`.

    >>> parse_address("[::1]:9000"), parse_address("0")
    (('::1', 9000), ('127.0.0.1', 0))
    """
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise UsageError(f"--tcp {text}: this is not an address; write HOST:PORT, such as {_LOOPBACK}:9257")
    host = host.strip("[]") or _LOOPBACK
    if not _is_loopback(host):
        print(  # noqa: T201
            f"sc-attrib lsp: {host} can be reached from other machines, and whoever connects sees your code",
            file=sys.stderr,
        )
    return host, int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _leave_workspace_off_the_path() -> None:
    """Import nothing from the folder that the editor happened to start us in."""
    here, ours = str(Path.cwd()), str(Path(__file__).resolve().parents[1])
    sys.path[:] = [entry for entry in sys.path if entry not in ("", ".", here) or entry == ours]


def _set_log_level(level: str) -> None:
    """Keep other people's code out of the log, unless all is asked for.

    pygls logs whole messages, documents included, even with its errors.
    """
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger().setLevel(level.upper())
    if level != "debug":
        logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)
