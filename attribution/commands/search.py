"""``sc-attrib search``: find known files by their words."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from attribution.commands.indexes import add_indexes, indexes_to_ask

if TYPE_CHECKING:
    from attribution.library import Found

_DEFAULT_LIMIT = 10
_MOST_RESULTS = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``search``."""
    parser.add_argument(
        "words", nargs="+", metavar="WORDS", help="words of code; upper and lower case are one"
    )
    add_indexes(parser)
    parser.add_argument(
        "--limit",
        type=_limit,
        default=_DEFAULT_LIMIT,
        metavar="N",
        help=f"files to name at most (default: {_DEFAULT_LIMIT})",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(default: text)")


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_RESULTS:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 to {_MOST_RESULTS}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Print the files that are likest to the words, best first."""
    from attribution.library import search_all
    from attribution.opening import open_libraries
    from attribution.report.search_report import found_as_json

    libraries = open_libraries(indexes_to_ask(args.index))
    words = " ".join(args.words)
    results = search_all(libraries, os.fsencode(words), limit=args.limit)
    if args.format == "json":
        values = [found_as_json(found) for found in results]
        print(json.dumps({"schema": 1, "query": words, "results": values}, indent=2))
    else:
        for number, result in enumerate(results, start=1):
            print(_as_text(number, result))
        if not results:
            print("no known file holds any of these words", file=sys.stderr)
    return 0


def _as_text(number: int, found: Found) -> str:
    from attribution.report.words import writable

    origin = found.place.origin
    revision = f"  ({writable(origin.revision)})" if origin.revision else ""
    return (
        f"{number:>3}. {found.score:7.2f}  {writable(origin.path)}\n"
        f"     licence   {origin.license.expression}\n"
        f"     source    {writable(origin.url)}{revision}\n"
        f"     swhid     {found.place.swhid}"
    )
