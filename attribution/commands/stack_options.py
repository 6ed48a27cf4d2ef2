"""The options that name parquet files of The Stack, and how their contents are fetched."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attribution.commands.choice import choice_of
from attribution.errors import UsageError
from attribution.sources.remotes import without_credentials
from attribution.sources.store_settings import SOFTWARE_HERITAGE, StoreSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attribution.model import SourceFile

_CACHE = Path(".sc-attrib", "objects")
_MOST_CONNECTIONS = 64


def add_stack_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options; none of them is required."""
    for version, contents in (("v2", "fetched from Software Heritage"), ("v3", "in them")):
        parser.add_argument(
            f"--stack-{version}",
            nargs="+",
            action="extend",
            default=[],
            type=Path,
            metavar="PARQUET",
            help=f"parquet files of The Stack {version}, or folders of them; contents are {contents}",
        )
    store = StoreSettings()
    fetching = parser.add_argument_group("fetching contents for --stack-v2 (terms: docs/sources.md)")
    fetching.add_argument(
        "--store",
        type=_store,
        default=store.url,
        metavar="URL",
        help=f"where objects lie, each under its SHA-1 (default: {store.url})",
    )
    fetching.add_argument(
        "--connections",
        type=_connections,
        default=store.connections,
        metavar="N",
        help=f"objects fetched at once (default: {store.connections})",
    )
    fetching.add_argument(
        "--requests-per-second",
        type=_rate,
        default=store.requests_per_second,
        metavar="N",
        help=f"at most so many, of all connections together (default: {store.requests_per_second:g})",
    )
    fetching.add_argument(
        "--cache",
        type=Path,
        default=_CACHE,
        metavar="DIR",
        help="keep fetched objects here, so that a run that was cut short goes on where it stopped "
        f"(default: {_CACHE})",
    )
    fetching.add_argument("--no-cache", action="store_true", help="keep no fetched objects")


def read_stack(args: argparse.Namespace, *, skipped: Counter[str]) -> Iterator[SourceFile]:
    """Read the parquet files that the options name, v2 first."""
    if args.stack_v2:
        from attribution.sources.stack_v2 import read_stack_v2

        store = _settings(args)
        yield from read_stack_v2(args.stack_v2, skipped=skipped, store=store, choice=choice_of(args))
    if args.stack_v3:
        from attribution.sources.stack_v3 import read_stack_v3

        yield from read_stack_v3(args.stack_v3, skipped=skipped, choice=choice_of(args))


def _settings(args: argparse.Namespace) -> StoreSettings:
    return StoreSettings(
        url=args.store,
        connections=args.connections,
        requests_per_second=args.requests_per_second,
        cache=None if args.no_cache else args.cache,
        proxy=_proxy(args.store),
    )


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for an address, by ``HTTPS_PROXY``, ``NO_PROXY`` and the like.

    Raises :class:`UsageError` for one that cannot be used.
    """
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxies = getproxies()
    named = proxies.get(parts.scheme) or proxies.get("all")
    if not named or proxy_bypass(parts.netloc):
        return None
    proxy = named if "://" in named else f"http://{named}"
    if not _is_proxy(proxy):
        raise UsageError(
            f"{parts.scheme.upper()}_PROXY={without_credentials(proxy)} is no proxy that can be used; "
            "set it to http://HOST:PORT, or unset it"
        )
    return proxy


def _is_proxy(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _store(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"{text} is no address such as {SOFTWARE_HERITAGE}")
    return text.rstrip("/")


def _connections(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST_CONNECTIONS):
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 to {_MOST_CONNECTIONS}")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return rate
