"""``sc-attrib am-i-in``: ask what indexes hold of one's own work, and opt out with the answer."""

from __future__ import annotations

import argparse
from pathlib import Path

from attribution.commands.indexes import add_indexes, indexes_to_ask
from attribution.commands.opt_outs import tell_unsearched
from attribution.commands.output import write_report
from attribution.commands.streams import tell_counts

_DEFAULT_LIMIT = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``am-i-in``."""
    parser.add_argument(
        "asked",
        metavar="PATH|REPO|ID",
        help="file, folder or git repository; or URL of an origin or account, mailto: address, SWHID",
    )
    add_indexes(parser)
    parser.add_argument(
        "--history", action="store_true", help="of a repository, ask for every earlier version of a file too"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(default: text)")
    parser.add_argument(
        "--limit",
        type=_count,
        default=_DEFAULT_LIMIT,
        metavar="N",
        help=f"files to name in each group of the text, 0 for all (default: {_DEFAULT_LIMIT})",
    )
    parser.add_argument(
        "--list", type=Path, metavar="FILE", help="write what was found as a list for: index remove --list"
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Answer; the exit code is 0 whatever was found, for this is a question and not a gate."""
    from attribution.asking import ask
    from attribution.opening import open_libraries
    from attribution.report.holdings_report import holdings_as_json, holdings_as_list, holdings_as_text

    libraries = open_libraries(indexes_to_ask(args.index))
    holdings = ask(libraries, args.asked, with_history=args.history)
    if args.list is not None:
        write_report(holdings_as_list(args.asked, holdings), args.list)
    if args.format == "json":
        write_report(holdings_as_json(args.asked, holdings), None)
    else:
        write_report(holdings_as_text(args.asked, holdings, limit=args.limit), None)
    if holdings.unsearched:
        tell_unsearched(holdings.unsearched)
    tell_counts("not compared", holdings.skipped)
    return 0
