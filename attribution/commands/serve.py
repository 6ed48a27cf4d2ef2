"""``sc-attrib serve``: answer over HTTP, and show the explorer."""

from __future__ import annotations

import argparse
import logging
import os
import stat
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.streams import say
from attribution.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from attribution.service.settings import Binding, Limits
    from attribution.service.tokens import Tokens

_DEFAULT_BIND = "127.0.0.1:8765"
_PUBLIC_RATE = 100.0
_NEEDED = ("starlette", "uvicorn", "prometheus_client")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``serve``."""
    parser.add_argument(
        "--bind",
        type=_binding,
        default=_DEFAULT_BIND,
        metavar="HOST:PORT",
        help=f"where to listen; port 0 for any that is free (default: {_DEFAULT_BIND})",
    )
    parser.add_argument(
        "--index",
        action="append",
        type=Path,
        metavar="DIR",
        help="index to answer from, may be repeated (default: the project's, the user's and the bundled one)",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="tokens of those who may ask, one a line, each perhaps with its last day (default: the token "
        "in SC_ATTRIB_TOKEN; without any only this machine is answered)",
    )
    _add_limits(parser)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rate-limit",
        type=_rate,
        metavar="N",
        help=f"requests a second of one client, 0 for no limit (default: {_PUBLIC_RATE:g}; none on loopback)",
    )
    parser.add_argument(
        "--max-mb", type=_count, default=4, metavar="N", help="size of a request in MiB (default: 4)"
    )
    parser.add_argument(
        "--time-limit", type=_count, default=30, metavar="S", help="seconds for an answer (default: 30)"
    )
    parser.add_argument(
        "--workers", type=_count, metavar="N", help="threads that answer (default: one a processor core)"
    )
    parser.add_argument(
        "--log-requests", action="store_true", help="a line on stderr for each request, without its content"
    )


def _binding(text: str) -> Binding:
    from attribution.service.settings import Binding

    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is not an address such as {_DEFAULT_BIND}")
    return Binding(host=host, port=int(port))


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 to 1024")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 on")
    return rate


def run(args: argparse.Namespace) -> int:
    """Answer until it is told to end."""
    from attribution.commands.indexes import indexes_to_ask

    if any(find_spec(name) is None for name in _NEEDED):
        raise MissingExtraError("sc-attrib serve", "serve")
    from attribution.service import server
    from attribution.service.application import make_application
    from attribution.service.live import LiveFolders
    from attribution.service.tokens import Tokens

    tokens = Tokens(args.token_file)
    _require_safety(args.bind, tokens)
    if args.token_file is not None:
        _warn_of_readers(args.token_file)
    source = LiveFolders([place for place in indexes_to_ask(args.index) if isinstance(place, Path)])
    limits = _limits(args)
    logging.getLogger("attribution.service.guard").setLevel(logging.INFO)
    app = make_application(source, tokens=tokens, limits=limits, logs_requests=args.log_requests)
    opened = server.listen(args.bind)
    host, port = opened.getsockname()[:2]
    address = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
    try:
        server.run(app, opened, limits, ready=lambda: say(f"serving on {address} (Ctrl-C ends it)"))
    finally:
        opened.close()
    return 0


def _require_safety(binding: Binding, tokens: Tokens) -> None:
    if binding.is_public and not tokens.are_needed:
        raise UsageError(
            f"--bind {binding} can be reached by others, and anybody could ask there; name a file of tokens "
            "with --token-file, set SC_ATTRIB_TOKEN, or listen on 127.0.0.1"
        )


def _warn_of_readers(file: Path) -> None:
    if file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        say(f"{file}: other users of this machine can read the tokens; chmod 600 keeps them to yourself")


def _limits(args: argparse.Namespace) -> Limits:
    from attribution.service.settings import Limits

    rate = args.rate_limit
    if rate is None:
        rate = _PUBLIC_RATE if args.bind.is_public else 0.0
    return Limits(
        body_bytes=args.max_mb << 20,
        answer_s=float(args.time_limit),
        workers=args.workers or os.cpu_count() or 2,
        rate_per_s=rate,
    )
