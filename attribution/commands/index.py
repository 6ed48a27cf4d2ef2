"""``sc-attrib index``: build and inspect an index."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.errors import UsageError

if TYPE_CHECKING:
    from attribution.index.index import Index
    from attribution.model import SourceFile

_DEFAULT_INDEX = Path(".sc-attrib", "index")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of ``index``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = actions.add_parser("build", help="index the given sources; replaces what the index held")
    _add_index(build)
    build.add_argument(
        "--packages",
        nargs="?",
        const="",
        metavar="PYTHON",
        help="every package of a Python interpreter (default: this one), and its standard library",
    )
    build.add_argument(
        "--tree", action="append", default=[], type=Path, metavar="DIR", help="a folder, repeatable"
    )
    build.add_argument(
        "--origin", type=_uri, metavar="URI", help="where the --tree comes from (default: its file: URI)"
    )
    build.add_argument(
        "--profile", choices=("full", "sparse"), default="full", help="density (default: full)"
    )
    build.add_argument(
        "--contents", action="store_true", help="keep the text too, for show and exact comparison"
    )
    info = actions.add_parser("info", help="tell what an index holds")
    _add_index(info)
    info.add_argument("--format", choices=("text", "json"), default="text")


def _uri(text: str) -> str:
    from attribution.swhid import is_uri

    if not is_uri(text):
        raise argparse.ArgumentTypeError(f"{text} is not a URI, such as https://example.org/repository")
    return text


def _add_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--index",
        type=Path,
        default=_DEFAULT_INDEX,
        metavar="DIR",
        help=f"where it lies (default: {_DEFAULT_INDEX})",
    )


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    return _build(args) if args.action == "build" else _info(args)


def _build(args: argparse.Namespace) -> int:
    from attribution.index.builder import build_index
    from attribution.index.profile import Profile

    if args.packages is None and not args.tree:
        raise UsageError("nothing to index; name a source: --packages or --tree DIR")
    skipped: Counter[str] = Counter()
    files = _with_progress(_sources(args, skipped))
    summary = build_index(args.index, files, profile=Profile(args.profile), with_contents=args.contents)
    if skipped:
        print("left out: " + ", ".join(f"{n} {why}" for why, n in skipped.most_common()), file=sys.stderr)
    print(
        f"{args.index}: {summary.files:,} files, {summary.documents:,} distinct contents, "
        f"{summary.source_bytes / 1e6:.1f} MB of source"
    )
    return 0


def _sources(args: argparse.Namespace, skipped: Counter[str]) -> Iterator[SourceFile]:
    from attribution.sources.packages import read_packages
    from attribution.sources.tree import read_tree

    for root in args.tree:
        yield from read_tree(root, skipped=skipped, origin=args.origin)
    if args.packages is not None:
        yield from read_packages(Path(args.packages) if args.packages else None, skipped=skipped)


def _with_progress(files: Iterator[SourceFile]) -> Iterator[SourceFile]:
    from tqdm import tqdm

    return iter(tqdm(files, unit=" files", desc="indexing", disable=None, file=sys.stderr))


def _info(args: argparse.Namespace) -> int:
    from attribution.index.index import Index

    index = Index.open(args.index)
    print(json.dumps(_facts(index), indent=2) if args.format == "json" else _as_text(index))
    return 0


def _facts(index: Index) -> dict[str, object]:
    return {
        "index": str(index.directory),
        "documents": index.document_count,
        "source_bytes": index.source_bytes,
        "size_bytes": index.size_bytes,
        "segments": [
            {"id": row.id, "profile": row.profile.value, "documents": row.documents, "created": row.created}
            for row in index.rows
        ],
        "licenses": index.license_counts(),
    }


def _as_text(index: Index) -> str:
    share = index.size_bytes / max(1, index.source_bytes)
    lines = [
        f"index      {index.directory}",
        f"documents  {index.document_count:,} distinct contents, {index.source_bytes / 1e6:.1f} MB of source",
        f"size       {index.size_bytes / 1e6:.1f} MB, {share:.2f} bytes for each byte of source",
        *(
            f"segment    {row.id}  {row.profile}  {row.documents:,} documents  {row.created}"
            for row in index.rows
        ),
        "licences",
    ]
    lines += [f"  {count:>8,}  {expression}" for expression, count in index.license_counts().items()]
    return "\n".join(lines)
