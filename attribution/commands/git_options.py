"""The options that name git repositories."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.choice import choice_of
from attribution.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attribution.model import SourceFile


def add_git_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options; none of them is required."""
    parser.add_argument(
        "--git",
        action="append",
        default=[],
        metavar="REPO[@REV]",
        help="a git repository by path or URL, at a branch, tag or commit (default: HEAD); repeatable",
    )
    parser.add_argument(
        "--history",
        action="store_true",
        help="of a --git every version of every file, each where it first appeared",
    )
    parser.add_argument(
        "--clones",
        type=Path,
        metavar="DIR",
        help="keep clones of a --git URL here, to bring them up to date next time (default: kept nowhere)",
    )


def require_repository(args: argparse.Namespace) -> None:
    """Raise :class:`UsageError` for an option that is about repositories where none is named."""
    for option, value in (("--history", args.history), ("--clones", args.clones)):
        if value and not args.git:
            raise UsageError(f"{option} says how a repository is read; name one with --git")


def read_repositories(args: argparse.Namespace, *, skipped: Counter[str]) -> Iterator[SourceFile]:
    """Read the repositories that the options name."""
    for text in args.git:
        from attribution.sources.git import GitPlace, read_git

        yield from read_git(
            GitPlace.parse(text),
            skipped=skipped,
            choice=choice_of(args),
            with_history=args.history,
            origin=args.origin,
            cache=args.clones,
        )
