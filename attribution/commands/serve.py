"""``sc-attrib serve``: answer over HTTP, and show the explorer."""

from __future__ import annotations

import argparse
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.streams import say
from attribution.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from attribution.service.live import LibrarySource
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
    _add_cluster(parser)
    _add_limits(parser)


def _add_cluster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="answer from the machines of a Ray cluster, which share the folder of the one --index: auto, "
        "HOST:PORT, or local for processes of this machine",
    )
    parser.add_argument(
        "--parts",
        type=_count,
        metavar="N",
        help="with --ray, parts among which the segments are divided (default: one a processor)",
    )
    parser.add_argument(
        "--replicas", type=_count, default=2, metavar="N", help="with --ray, copies of a part (default: 2)"
    )


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
    if any(find_spec(name) is None for name in _NEEDED):
        raise MissingExtraError("sc-attrib serve", "serve")
    from attribution.service import server
    from attribution.service.application import make_application
    from attribution.service.tokens import Tokens

    tokens = Tokens(args.token_file)
    _require_safety(args.bind, tokens)
    if args.token_file is not None:
        _warn_of_readers(args.token_file)
    limits = _limits(args)
    logging.getLogger("attribution.service.guard").setLevel(logging.INFO)
    with _source(args) as source:
        app = make_application(source, tokens=tokens, limits=limits, logs_requests=args.log_requests)
        with closing(server.listen(args.bind)) as opened:
            host, port = opened.getsockname()[:2]
            address = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
            ready = partial(say, f"serving on {address} (Ctrl-C ends it)")
            server.make_server(app, limits, ready=ready).run(sockets=[opened])
    return 0


@contextmanager
def _source(args: argparse.Namespace) -> Iterator[LibrarySource]:
    """The folders, or the one folder as a cluster answers from it."""
    from attribution.commands.indexes import indexes_to_ask

    folders = [place for place in indexes_to_ask(args.index) if isinstance(place, Path)]
    if args.ray is None:
        from attribution.service.live import LiveFolders

        yield LiveFolders(folders)
        return
    from attribution.cluster.ray_tasks import ray_cluster
    from attribution.cluster.serving import served_index

    if len(folders) != 1:
        raise UsageError(f"--ray serves one index, and there are {len(folders)}; name one with --index")
    with ray_cluster(args.ray, processes=os.cpu_count() or 1) as cluster:
        parts = args.parts or cluster.processors
        with served_index(folders[0].absolute(), parts=parts, replicas=args.replicas) as live:
            yield live


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
