"""``sc-attrib fix``: write down where copied code comes from, above it and in NOTICE."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.indexes import add_indexes, indexes_to_ask
from attribution.commands.streams import tell_counts
from attribution.commands.texts import STDIN, read_texts
from attribution.errors import UsageError
from attribution.report.words import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attribution.fixing.plan import Plan
    from attribution.model import Attribution
    from attribution.trace import Tracer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``fix``."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file or folder to fix")
    add_indexes(parser)
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="policy to judge by (default: the project's)"
    )
    parser.add_argument(
        "--style",
        choices=("comment", "reuse"),
        default="comment",
        help="a comment, or the snippet tags of REUSE (default: comment)",
    )
    parser.add_argument(
        "--notice",
        type=Path,
        metavar="FILE",
        help="where to list sources too (default: NOTICE of the project)",
    )
    parser.add_argument(
        "--all", action="store_true", help="attribute what the policy would review or deny too"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would change as a patch")


def run(args: argparse.Namespace) -> int:
    """Attribute what asks for it; 1 where findings are left that no attribution settles."""
    from attribution.cli import EXIT_CLEAN, EXIT_FINDINGS
    from attribution.fixing.apply import apply, as_patch
    from attribution.fixing.plan import Request, make_plan
    from attribution.fixing.words import Style
    from attribution.policy.projects import ProjectPolicies
    from attribution.trace import Tracer

    if STDIN in args.paths:
        raise UsageError("standard input cannot be fixed; name a file or folder")
    tracer = Tracer.open(indexes_to_ask(args.index), policy=ProjectPolicies(named=args.policy))
    request = Request(style=Style(args.style), takes_all=args.all, notice=args.notice)
    skipped: Counter[str] = Counter()
    plan = make_plan(_checked(args.paths, tracer, skipped), request, known_text=tracer.known_text)
    if args.dry_run:
        sys.stdout.flush()
        sys.stdout.buffer.write(as_patch(plan.changes))
    else:
        apply(plan.changes)
        for change in plan.changes:
            print(printable(change.path))
    _tell(plan)
    tell_counts("skipped", skipped)
    return EXIT_FINDINGS if plan.unsettled else EXIT_CLEAN


def _checked(paths: list[str], tracer: Tracer, skipped: Counter[str]) -> Iterator[tuple[Attribution, bytes]]:
    """What is found in each file, and what was read; one that is named twice is looked at once."""
    seen: set[Path] = set()
    for text in read_texts(paths, skipped=skipped):
        file = Path(text.path).resolve()
        if file not in seen:
            seen.add(file)
            yield tracer.trace(text.content, path=text.path), text.content


def _tell(plan: Plan) -> None:
    """Say on standard error what stands in NOTICE only, and what is left."""
    for edit in plan.edits:
        for unplaced in edit.unplaced:
            place = f"{printable(edit.path)}:{unplaced.match.query}"
            print(f"{place}: in NOTICE only, for {unplaced.reason}", file=sys.stderr)
    for path, match in plan.unsettled:
        place = f"{printable(path)}:{match.query}"
        why = f"{match.verdict} of {match.license.expression}"
        print(f"{place}: {why} is not settled by an attribution", file=sys.stderr)
