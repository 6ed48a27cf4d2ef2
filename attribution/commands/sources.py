"""The options by which a command is told what to read, and reading it: every source yields the same type."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.commands.choice import choice_of
from attribution.commands.git_options import add_git_options, read_repositories, require_repository
from attribution.commands.stack_options import add_stack_options, read_stack
from attribution.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attribution.model import SourceFile
    from attribution.sources.files import SkipReason

_PARTS_A_READER = 2
"""Of a few sources: who is done early reads another part."""


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
    require_source(args)
    return _read(args, skipped)


def read_part(args: argparse.Namespace, skipped: Counter[str]) -> Iterator[SourceFile]:
    """Read one of :func:`parts_of_sources`."""
    return read_sources(args, skipped=skipped)


def require_source(args: argparse.Namespace) -> None:
    """Raise :class:`UsageError` where the options name nothing, or say how to read what they do not name."""
    if not names_a_source(args):
        named = "--packages, --tree DIR, --git REPO, --archive FILE, --stack-v2 PARQUET or --stack-v3 PARQUET"
        raise UsageError(f"nothing to read; name a source: {named}")
    require_repository(args)


def parts_of_sources(args: argparse.Namespace, *, readers: int) -> list[argparse.Namespace]:
    """What the options name, in parts that :func:`read_sources` can read apart, in the order of reading.

    Folders are read in several shares where there are few parts for so many readers, who may run anywhere
    and divide the requests to an object store among them. Raises as :func:`read_sources` does at once.
    """
    require_source(args)
    named: list[dict[str, Any]] = [{"tree": [root.absolute()]} for root in args.tree]
    named += [{"packages": args.packages}] if args.packages is not None else []
    named += [{"git": [_absolute_repository(text)]} for text in args.git]
    named += [{"archive": [path.absolute()]} for path in args.archive]
    named += [{"stack_v2": [path.absolute()]} for path in _parquet_files(args.stack_v2)]
    named += [{"stack_v3": [path.absolute()]} for path in _parquet_files(args.stack_v3)]
    cuts = max(1, -(-_PARTS_A_READER * readers // len(named)))
    common = {
        "tree": [],
        "packages": None,
        "git": [],
        "archive": [],
        "stack_v2": [],
        "stack_v3": [],
        "requests_per_second": args.requests_per_second / readers,
        "cache": args.cache.absolute(),
        "clones": args.clones and args.clones.absolute(),
    }
    return [
        argparse.Namespace(**vars(args) | common | part | {"share": (number, of)})
        for part in named
        for of in (cuts if "tree" in part else 1,)
        for number in range(of)
    ]


def _absolute_repository(text: str) -> str:
    """The same repository for a process that runs in another folder."""
    from attribution.sources.git import GitPlace

    return str(Path(text).absolute()) if Path(GitPlace.parse(text).repository).exists() else text


def _parquet_files(paths: list[Path]) -> list[Path]:
    """The single files; nothing is imported where none is named."""
    if not paths:
        return []
    from attribution.sources.parquet import parquet_files

    return parquet_files(paths)


def _read(args: argparse.Namespace, skipped: Counter[str]) -> Iterator[SourceFile]:
    from attribution.sources.archives import read_archive
    from attribution.sources.packages import read_packages
    from attribution.sources.tree import Share, read_tree

    number, of = getattr(args, "share", (0, 1))
    share = Share(number=number, of=of)
    for root in args.tree:
        yield from read_tree(root, skipped=skipped, origin=args.origin, choice=choice_of(args), share=share)
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
