"""``sc-attrib index``: build an index, change it, inspect it."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.opt_outs import add_opt_outs, opt_outs_in, tell_unsearched
from attribution.commands.sources import add_sources, parts_of_sources, read_part, read_sources
from attribution.commands.streams import tell_counts
from attribution.errors import UsageError
from attribution.report.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from attribution.index.builder import BuildSummary
    from attribution.index.index import Index
    from attribution.model import SourceFile

_DEFAULT_INDEX = Path(".sc-attrib", "index")
_NAMED_IDS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of ``index``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = _action(actions, "build", "index the given sources; replaces what the index held")
    add_sources(build)
    _add_density(
        build, profile="full", or_else="full", contents="keep the text too, for show and exact comparison"
    )
    build.add_argument(
        "--vectors", action="store_true", help="keep vectors of blocks too, to find edited and renamed copies"
    )
    add_opt_outs(build, "keep out what this list names, now and later; repeatable")
    build.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="build on the machines of a Ray cluster, which share index and sources: auto, HOST:PORT, "
        "or local for processes of this machine",
    )
    add = _action(actions, "add", "add the given sources to what the index holds")
    add_sources(add)
    _add_density(
        add,
        profile=None,
        or_else="as in the index; full in a new one",
        contents="keep the text too (default: as in the index)",
    )
    add.add_argument("--vectors", action="store_true", help="keep vectors too (default: as in the index)")
    _add_removals(_action(actions, "remove", "take files out of the index, and keep them out"))
    info = _action(actions, "info", "tell what the index holds")
    info.add_argument("--format", choices=("text", "json"), default="text")
    _action(actions, "verify", "compare every byte of the index with its checksums")
    _action(actions, "compact", "merge segments, and erase what was removed from every file")
    merge = _action(actions, "merge", "take other indexes into this one")
    merge.add_argument("others", nargs="+", type=Path, metavar="OTHER", help="folder of another index")


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=summary, description=summary)
    parser.add_argument(
        "--index",
        action=_Once,
        type=Path,
        default=_DEFAULT_INDEX,
        metavar="DIR",
        help=f"where it lies (default: {_DEFAULT_INDEX})",
    )
    return parser


class _Once(argparse.Action):
    """An option that must not be repeated: elsewhere a second ``--index`` names one more, here it cannot."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        before = getattr(namespace, self.dest)
        if before is not self.default:
            raise argparse.ArgumentError(self, f"both {before} and {values} are named; name one index")
        setattr(namespace, self.dest, values)


def _add_density(
    parser: argparse.ArgumentParser, *, profile: str | None, or_else: str, contents: str
) -> None:
    parser.add_argument(
        "--profile",
        choices=("full", "seeds", "sparse"),
        default=profile,
        help=f"lanes and density (default: {or_else})",
    )
    parser.add_argument("--contents", action="store_true", help=contents)


def _add_removals(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "ids",
        nargs="*",
        metavar="ID",
        help="SWHID of a content, a revision, a release or a snapshot, or URL of an origin, of an account "
        "(https://github.com/alice) or of an author (mailto:alice@example.org)",
    )
    parser.add_argument(
        "--list",
        dest="lists",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="opt-out list: one ID a line, comments after #; repeatable",
    )
    parser.add_argument(
        "--undo", action="store_true", help="let the ids be added again, rather than remove anything"
    )


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    return _ACTIONS[args.action](args)


def _build(args: argparse.Namespace) -> int:
    from attribution.index.builder import build_index
    from attribution.index.profile import Profile

    if args.ray is not None:
        return _build_on_cluster(args)
    skipped: Counter[str] = Counter()
    files = _with_progress(read_sources(args, skipped=skipped), skipped)
    summary = build_index(
        args.index,
        files,
        profile=Profile(args.profile),
        with_contents=args.contents,
        with_vectors=args.vectors,
        opt_outs=opt_outs_in(args.opt_out),
    )
    _tell(args.index, summary, skipped)
    return 0


def _build_on_cluster(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from attribution.cluster.building import BuiltPart, build_of_parts
    from attribution.cluster.ray_tasks import ray_cluster
    from attribution.index.builder import THREADS, BuildOptions
    from attribution.index.profile import Profile

    with (
        ray_cluster(args.ray, processes=THREADS) as cluster,
        tqdm(unit="B", unit_scale=True, desc="indexing", disable=None, file=sys.stderr) as progress,
    ):

        def show(built: BuiltPart) -> None:
            progress.update(built.summary.source_bytes)

        summary, skipped = build_of_parts(
            args.index.absolute(),
            parts_of_sources(args, readers=cluster.processors),
            read_part,
            pool=cluster.sharing,
            options=BuildOptions(
                profile=Profile(args.profile), with_contents=args.contents, with_vectors=args.vectors
            ),
            opt_outs=opt_outs_in(args.opt_out),
            tell=show,
        )
    _tell(args.index, summary, skipped)
    return 0


def _add(args: argparse.Namespace) -> int:
    from attribution.index.builder import add_files
    from attribution.index.profile import Profile

    skipped: Counter[str] = Counter()
    profile = Profile(args.profile) if args.profile else None
    files = _with_progress(read_sources(args, skipped=skipped), skipped)
    summary = add_files(
        args.index,
        files,
        profile=profile,
        with_contents=args.contents or None,
        with_vectors=args.vectors or None,
    )
    if profile is None:
        _tell_profile(args.index)
    _tell(args.index, summary, skipped, verb="added ")
    return 0


def _tell_profile(index: Path) -> None:
    """Say which profile files were added in, where an index has several and none was named."""
    from attribution.index.catalog import read_catalog

    profiles = [segment.profile for segment in read_catalog(index).segments]
    if len(set(profiles)) > 1:
        print(
            f"added in the profile {profiles[0]}, as in the oldest part of this index, which holds "
            f"{', '.join(sorted(set(profiles)))}; --profile names another",
            file=sys.stderr,
        )


def _tell(index: Path, summary: BuildSummary, skipped: Counter[str], *, verb: str = "") -> None:
    tell_counts("left out", skipped + summary.left_out)
    files = counted(summary.files - summary.left_out.total(), "file")
    contents = counted(summary.documents, "distinct content")
    print(f"{index}: {verb}{files}, {contents}, {summary.source_bytes / 1e6:.1f} MB of source")


def _remove(args: argparse.Namespace) -> int:
    from attribution.index.opt_outs import read_list
    from attribution.index.removal import readmit, remove

    ids = [*args.ids, *(name for path in args.lists for name in read_list(path))]
    if not ids:
        raise UsageError(
            "nothing to remove; name SWHIDs, or URLs of origins, accounts or authors, or a file of them "
            "with --list"
        )
    if args.undo:
        print(f"{args.index}: {readmit(args.index, ids):,} ids may be added again")
        return 0
    summary = remove(args.index, ids)
    if summary.unknown:
        named = ", ".join(summary.unknown[:_NAMED_IDS])
        more = len(summary.unknown) - _NAMED_IDS
        rest = f" and {more:,} more" if more > 0 else ""
        print(f"not in the index, and kept out from now on: {named}{rest}", file=sys.stderr)
    if summary.unsearched:
        tell_unsearched(summary.unsearched)
    print(
        f"{args.index}: {counted(summary.files, 'file')} removed, "
        f"{counted(summary.documents, 'content')} with them; "
        "erase their data with: sc-attrib index compact"
    )
    return 0


def _verify(args: argparse.Namespace) -> int:
    from attribution.cli import EXIT_CLEAN, EXIT_UNUSABLE
    from attribution.index.verify import verify_index

    report = verify_index(args.index)
    for error in report.damages:
        print(f"sc-attrib: {error}", file=sys.stderr)
    for stray in report.strays:
        print(f"sc-attrib: {stray}: no part of the index; delete it if no writer is at work", file=sys.stderr)
    if report.damages:
        return EXIT_UNUSABLE
    print(f"{args.index}: whole, {counted(report.files, 'file')}, {report.size_bytes / 1e6:.1f} MB")
    return EXIT_CLEAN


def _compact(args: argparse.Namespace) -> int:
    from attribution.index.compaction import compact

    done = compact(args.index)
    print(
        f"{args.index}: {counted(done.segments_before, 'segment')} became {done.segments_after}, "
        f"{done.bytes_before / 1e6:.1f} MB became {done.bytes_after / 1e6:.1f} MB"
    )
    return 0


def _merge(args: argparse.Namespace) -> int:
    from attribution.index.merging import merge_indexes

    done = merge_indexes(args.index, args.others)
    if done.opted_out:
        print(f"left out: {done.opted_out:,} opted out", file=sys.stderr)
    if done.unsearched:
        tell_unsearched(done.unsearched)
    print(
        f"{args.index}: {done.segments:,} segments came in with {done.documents:,} contents, "
        f"{done.already_here:,} were here already"
    )
    return 0


def _with_progress(files: Iterator[SourceFile], skipped: Counter[str]) -> Iterator[SourceFile]:
    """Pass files on, and show how many, bytes and speed where somebody watches."""
    from tqdm import tqdm

    with tqdm(unit="B", unit_scale=True, desc="indexing", disable=None, file=sys.stderr) as progress:
        for count, file in enumerate(files, 1):
            yield file
            progress.set_postfix_str(f"{count:,} files, {skipped.total():,} left out", refresh=False)
            progress.update(len(file.content))
        progress.set_description("writing")


def _info(args: argparse.Namespace) -> int:
    from attribution.index.index import Index

    index = Index.open(args.index)
    print(json.dumps(_facts(index), indent=2) if args.format == "json" else _as_text(index))
    return 0


def _facts(index: Index) -> dict[str, object]:
    from attribution.index.catalog import read_catalog

    return {
        "index": str(index.directory),
        "documents": index.document_count,
        "source_bytes": index.source_bytes,
        "size_bytes": index.size_bytes,
        "segments": [
            {
                "id": row.id,
                "profile": row.profile.value,
                "documents": row.documents,
                "created": row.created,
                "removed_files": len(row.hidden),
                "contents": segment.has_contents,
                "vectors": segment.has_vectors,
            }
            for row, segment in zip(index.rows, index.segments, strict=True)
        ],
        "opt_outs": len(read_catalog(index.directory).opt_outs),
        "licenses": index.license_counts(),
    }


def _as_text(index: Index) -> str:
    from attribution.index.catalog import read_catalog

    opt_outs = len(read_catalog(index.directory).opt_outs)
    share = index.size_bytes / max(1, index.source_bytes)
    removed = sum(len(row.hidden) for row in index.rows)
    lines = [
        f"index      {index.directory}",
        f"documents  {index.document_count:,} distinct contents, {index.source_bytes / 1e6:.1f} MB of source",
        f"size       {index.size_bytes / 1e6:.1f} MB, {share:.2f} bytes for each byte of source",
        *(
            f"segment    {row.id}  {row.profile}  {row.documents:,} documents  {row.created}"
            for row in index.rows
        ),
        *([f"opt-outs   {opt_outs:,} ids that are kept out"] if opt_outs else []),
        *([f"removed    {removed:,} files, to be erased by: sc-attrib index compact"] if removed else []),
        "licences",
    ]
    lines += [f"  {count:>8,}  {expression}" for expression, count in index.license_counts().items()]
    return "\n".join(lines)


_ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "build": _build,
    "add": _add,
    "remove": _remove,
    "info": _info,
    "verify": _verify,
    "compact": _compact,
    "merge": _merge,
}
