"""``sc-attrib swhid``: print Software Heritage identifiers of files."""

from __future__ import annotations

import argparse
import sys

STDIN = "-"
_CHUNK_BYTES = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``swhid``."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file to identify; - for standard input")


def run(args: argparse.Namespace) -> int:
    """Print one line a file: its SWHID, a tab, its path."""
    for path in args.paths:
        print(f"{_identify(path)}\t{path}")
    return 0


def _identify(path: str) -> str:
    from attribution.errors import UnreadableInputError
    from attribution.swhid import Swhid

    if path == STDIN:
        return str(Swhid.of_content(sys.stdin.buffer.read()))
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path like "./-" must stay as it was given
            return str(Swhid.of_content(file.read()))
    except OSError as error:
        raise UnreadableInputError(
            path, f"cannot be read ({error.strerror or error})", remedy="name a file that exists"
        ) from error
