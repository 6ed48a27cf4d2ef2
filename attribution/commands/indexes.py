"""The option by which a command is told in which indexes to look."""

from __future__ import annotations

import argparse
from pathlib import Path

from attribution.errors import UsageError
from attribution.remote.address import IndexPlace, index_place


def add_indexes(parser: argparse.ArgumentParser) -> None:
    """Declare ``--index``, repeatable."""
    parser.add_argument(
        "--index",
        action="append",
        type=index_place,
        metavar="DIR|URL",
        help="index to look in, or address of a service (sc-attrib serve), may be repeated (default: the "
        "project's, the user's and the bundled one)",
    )


def indexes_to_ask(named: list[IndexPlace] | None) -> list[IndexPlace]:
    """The named indexes, or those that exist; raise :class:`UsageError` where there is none."""
    from attribution.index.locate import find_indexes

    indexes: list[IndexPlace] = named or [*find_indexes(Path.cwd())]
    if not indexes:
        raise UsageError("there is no index to look in; build one with: sc-attrib index build --packages")
    return indexes
