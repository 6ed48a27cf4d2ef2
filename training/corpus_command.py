"""``sc-attrib train corpus``: bring the projects of a manifest together in a folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from training.arguments import whole

_MOST_DOWNLOADS = 32
INCOMPLETE = 1
"""Exit code where some projects could not be had; the others are there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which projects, from where, and where to."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the corpus")
    parser.add_argument(
        "--projects",
        type=Path,
        metavar="TSV",
        help="table of projects (default: that of the default model)",
    )
    parser.add_argument(
        "--from",
        dest="local",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="take from this folder what it holds, laid out like a corpus; repeatable",
    )
    parser.add_argument(
        "--downloads",
        type=whole(0, _MOST_DOWNLOADS),
        default=4,
        metavar="N",
        help="download so many at a time, 0 for none (default: 4)",
    )


def run(args: argparse.Namespace) -> int:
    """Assemble; print the path of the list, and say what is missing."""
    from training.data.corpus.assemble import LIST, assemble
    from training.data.corpus.manifest import PROJECTS, read_projects

    projects = read_projects(args.projects or PROJECTS)
    made = assemble(projects, args.out, local=args.local, downloads=args.downloads, tell=_tell)
    for missing in made.missing:
        _tell(f"missing: {missing.project.kind} {missing.project.name}: {missing.reason}")
    _tell(f"{len(made.present):,} of {len(projects):,} projects are there, {len(made.missing):,} are missing")
    print(args.out / LIST)  # noqa: T201 - stdout is data
    return INCOMPLETE if made.missing else 0


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
