"""``sc-attrib ledger``: what was accepted from the assistant, and what still binds it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.indexes import add_indexes
from attribution.commands.output import write_report
from attribution.commands.streams import say
from attribution.errors import UnreadableInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.ledger.retrace import Traced, Workspace
    from attribution.remote.address import IndexPlace
    from attribution.trace import Tracer

FORMATS = ("text", "json", "spdx", "notice")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    report = actions.add_parser(
        "report",
        help="where accepted suggestions are now, and what still binds them",
        description="Finds every accepted suggestion of a workspace where it is now, traces it again and "
        "reports what still binds.",
    )
    report.add_argument("--format", choices=FORMATS, default="text", help="of the report (default: text)")
    report.add_argument(
        "--workspace",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder that was open in the editor (default: this one, or the nearest above with a ledger)",
    )
    report.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the report here, not to stdout"
    )
    add_indexes(report)
    report.set_defaults(action=run_report)


def run(args: argparse.Namespace) -> int:
    """Run the action."""
    code: int = args.action(args)
    return code


def run_report(args: argparse.Namespace) -> int:
    """Report; always 0: findings are no failure here."""
    from assistant.ledger.place import find_workspace, ledger_path
    from assistant.ledger.retrace import Retracer, Workspace
    from assistant.ledger.store import read_ledger

    if not args.workspace.is_dir():
        raise UnreadableInputError(args.workspace, "is not a folder", remedy="name the workspace's folder")
    root = find_workspace(args.workspace)
    path = ledger_path(root)
    acceptances = read_ledger(path)
    if not acceptances:
        say(f"nothing was accepted yet in {root}, or no ledger is kept; it would be {path}")
    workspace = Workspace(root=root)
    tracer = _tracer(args.index, root)
    traced = Retracer(workspace, tracer).trace_all(acceptances)
    write_report(_render(args.format, traced, workspace, tracer), args.output)
    return 0


def _tracer(named: list[IndexPlace] | None, root: Path) -> Tracer | None:
    """A tracer over the named indexes, or those of the workspace; without any the ledger alone speaks."""
    from attribution.index.locate import find_indexes
    from attribution.policy.projects import ProjectPolicies
    from attribution.trace import Tracer

    indexes: list[IndexPlace] = named or [*find_indexes(root)]
    if not indexes:
        say("there is no index to trace with again; what was written down when it was accepted is reported")
        return None
    return Tracer.open(indexes, policy=ProjectPolicies())


def _render(format: str, traced: Sequence[Traced], workspace: Workspace, tracer: Tracer | None) -> str:
    from assistant.ledger.report import render_json, render_text
    from assistant.ledger.retrace import by_file
    from attribution.report.formats import Context, render

    if format == "text":
        return render_text(traced)
    if format == "json":
        return render_json(traced)
    their_text = tracer.known_text if tracer is not None else lambda _: None
    context = Context(our_text=workspace.read, their_text=their_text)
    return render(format, by_file(traced, workspace), context)
