"""The options by which a command is told what to read, and reading it: every source yields the same type."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.choice import choice_of
from attribution.commands.git_options import add_git_options, read_repositories, require_repository
from attribution.commands.stack_options import add_stack_options, read_stack
from attribution.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attribution.model import SourceFile
    from attribution.sources.files import SkipReason


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Declare the options that name sources; several may be named at once."""
    parser.add_argument(
        "--packages",
        nargs="?",
        const="",
        metavar="PYTHON",
        help="every package of a Python interpreter (default: this one), and its standard library",
    )
    parser.add_argument(
        "--tree", action="append", default=[], type=Path, metavar="DIR", help="a folder, repeatable"
    )
    add_git_options(parser)
    parser.add_argument(
        "--archive",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a source distribution, wheel, npm package, crate, jar, or other tar or zip; repeatable",
    )
    parser.add_argument(
        "--origin",
        type=_uri,
        metavar="URI",
        help="where a --tree, --git or --archive comes from (default: what it says itself, or its file: URI)",
    )
    parser.add_argument(
        "--leave-out",
        type=_reasons,
        default=frozenset(),
        metavar="WHAT",
        help="vendored, generated, or both with a comma between: files that are counted, not read in",
    )
    add_stack_options(parser)


def names_a_source(args: argparse.Namespace) -> bool:
    """Whether the options name anything to read."""
    named = args.tree or args.git or args.archive or args.stack_v2 or args.stack_v3
    return bool(named) or args.packages is not None


def read_sources(args: argparse.Namespace, *, skipped: Counter[str]) -> Iterator[SourceFile]:
    """Read what the options name, one source after another; left-out files are counted by reason.

    Raises :class:`UsageError` at once where they name nothing, or say how to read what they do not name; what
    cannot be read is told while reading.
    """
    if not names_a_source(args):
        named = "--packages, --tree DIR, --git REPO, --archive FILE, --stack-v2 PARQUET or --stack-v3 PARQUET"
        raise UsageError(f"nothing to read; name a source: {named}")
    require_repository(args)
    return _read(args, skipped)


def _read(args: argparse.Namespace, skipped: Counter[str]) -> Iterator[SourceFile]:
    from attribution.sources.archives import read_archive
    from attribution.sources.packages import read_packages
    from attribution.sources.tree import read_tree

    for root in args.tree:
        yield from read_tree(root, skipped=skipped, origin=args.origin, choice=choice_of(args))
    if args.packages is not None:
        interpreter = Path(args.packages) if args.packages else None
        yield from read_packages(interpreter, skipped=skipped, choice=choice_of(args))
    yield from read_repositories(args, skipped=skipped)
    for path in args.archive:
        yield from read_archive(path, skipped=skipped, origin=args.origin, choice=choice_of(args))
    yield from read_stack(args, skipped=skipped)


def _reasons(text: str) -> frozenset[SkipReason]:
    from attribution.sources.files import LEAVE_OUT_CHOICES

    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in LEAVE_OUT_CHOICES:
            known = " and ".join(LEAVE_OUT_CHOICES)
            raise argparse.ArgumentTypeError(f"{name!r} cannot be left out; {known} can")
    return frozenset(LEAVE_OUT_CHOICES[name] for name in names)


def _uri(text: str) -> str:
    from attribution.swhid import is_uri

    if not is_uri(text):
        raise argparse.ArgumentTypeError(f"{text} is not a URI, such as https://example.org/repository")
    return text
