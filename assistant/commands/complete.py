"""``sc-attrib complete``: a suggestion in the shell, made and traced as in an editor."""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.indexes import add_indexes, indexes_to_ask
from attribution.commands.streams import say
from attribution.errors import UsageError

if TYPE_CHECKING:
    from assistant.completion import Completion, CompletionRequest
    from assistant.config import Settings
    from attribution.remote.address import IndexPlace

_PLACE = re.compile(r"(?P<file>.+):(?P<line>\d{1,9}):(?P<column>\d{1,9})", re.DOTALL | re.ASCII)
_TIMEOUT_MS = 60_000
LINES = ("auto", "single", "multiple")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "place",
        metavar="FILE:LINE:COL",
        help="where code is wanted; lines and columns count from 1, in characters",
    )
    parser.add_argument("--trace", action="store_true", help="print what the suggestion is like, under it")
    parser.add_argument("--json", action="store_true", help="print all that is known of it as JSON")
    parser.add_argument(
        "--model",
        default="",
        metavar="MODEL",
        help="GGUF file, checkpoint folder or pulled model (default: bundled)",
    )
    parser.add_argument("--lines", choices=LINES, default="auto", help="how far it may reach (default: auto)")
    parser.add_argument(
        "--max-tokens", type=_tokens, default=96, metavar="N", help="longest suggestion (default: 96)"
    )
    parser.add_argument(
        "--no-workspace", action="store_true", help="let the model know nothing of the files around this one"
    )
    add_indexes(parser)


def _tokens(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of tokens; write a whole number from 1")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Print a suggestion; nothing where the model has none. 1 where the policy withholds it."""
    import asyncio

    from attribution.cli import EXIT_CLEAN, EXIT_FINDINGS
    from attribution.commands.output import write_report

    request = _request(args.place)
    root = None if args.no_workspace else _workspace(request.path)
    completion = asyncio.run(_complete(request, _settings(args), args.index, root=root))
    if args.json:
        write_report(_as_json(request, completion), None)
    elif completion is None:
        say("the model has nothing to suggest here")
    elif completion.is_withheld:
        say(completion.ruling.reason)
    else:
        write_report(_as_text(request, completion, trace=args.trace), None)
    return EXIT_FINDINGS if completion is not None and completion.is_withheld else EXIT_CLEAN


def _request(place: str) -> CompletionRequest:
    """Read the file, and find the place in it; raises :class:`UsageError` for one that it has not."""
    from assistant.completion import CompletionRequest, Trigger
    from attribution.commands.texts import STDIN, read_texts

    found = _PLACE.fullmatch(place)
    if found is None:
        raise UsageError(f"{place}: this is no place; write FILE:LINE:COL, such as src/boats.py:12:5")
    path = found["file"]
    if path == STDIN or Path(path).is_dir():
        raise UsageError(f"{path}: this is no file; name one")
    (text,) = read_texts([path], skipped=Counter())
    content = text.content.decode("utf-8", "replace")
    offset = offset_of(content, line=int(found["line"]), column=int(found["column"]), path=path)
    return CompletionRequest(
        text=content, offset=offset, path=str(Path(path).resolve()), trigger=Trigger.INVOKED
    )


def offset_of(text: str, *, line: int, column: int, path: str) -> int:
    r"""Characters before a place; raise :class:`UsageError` where the text has no such place.

    >>> offset_of("ab\r\ncd", line=2, column=2, path="x.py")
    5
    """
    lines = text.split("\n")
    if not 1 <= line <= len(lines):
        raise UsageError(f"{path}:{line}: it has {len(lines)} lines; choose one of them")
    length = len(lines[line - 1].removesuffix("\r"))
    if not 1 <= column <= length + 1:
        raise UsageError(
            f"{path}:{line}:{column}: this line has columns 1 to {length + 1}; choose one of them"
        )
    return sum(len(above) + 1 for above in lines[: line - 1]) + column - 1


def _workspace(path: str) -> Path:
    """The folder whose files may be shown to the model: the file's work tree, or where it lies."""
    from assistant.context.ignored import work_tree_of

    folder = Path(path).parent
    return work_tree_of(folder) or folder


def _settings(args: argparse.Namespace) -> Settings:
    from assistant.config import CompletionSettings, Lines, ModelSettings, Settings

    return Settings(
        model=ModelSettings(path=args.model),
        completion=CompletionSettings(
            lines=Lines(args.lines), max_tokens=args.max_tokens, timeout_ms=_TIMEOUT_MS
        ),
    )


async def _complete(
    request: CompletionRequest, settings: Settings, indexes: list[IndexPlace] | None, *, root: Path | None
) -> Completion | None:
    """Make the suggestion, with all of the workspace that an editor's would come to know by and by."""
    import asyncio
    from dataclasses import replace

    from assistant.context.selection import PromptContext
    from assistant.models import DEFAULT_MODEL, model_path, open_model
    from assistant.ngrams.nearby import NearbyFiles
    from assistant.service import CompletionService
    from attribution.policy.projects import ProjectPolicies
    from attribution.trace import Tracer

    tracer = Tracer.open(indexes_to_ask(indexes), policy=ProjectPolicies())
    others = await asyncio.to_thread(_others, root, request.path)
    backend = await asyncio.to_thread(open_model, settings.model)
    is_bundled = model_path(settings.model.path) == DEFAULT_MODEL
    try:
        service = CompletionService(
            backend,
            tracer=tracer,
            settings=settings,
            nearby=NearbyFiles(backend, longest_wait_s=None) if is_bundled else None,
            context=PromptContext(backend, longest_wait_s=None),
        )
        return await service.complete(replace(request, unopened=others, root=str(root or "")))
    finally:
        await backend.close()


def _others(root: Path | None, path: str) -> dict[str, str]:
    """Texts of the other files of the workspace that may be shown; none where there is no workspace."""
    from assistant.context.workspace import read_workspace

    if root is None:
        return {}
    return {other: text for other, text in read_workspace(root).items() if other != path}


def _as_text(request: CompletionRequest, completion: Completion, *, trace: bool) -> str:
    """The suggestion; with a blank line and its sources below, if they are wanted."""
    from attribution.report.text_report import render_match

    if not trace:
        return completion.text + "\n"
    matches = [render_match(request.path, match) for match in completion.ruling.matches]
    return "\n".join([completion.text + "\n", *(matches or ["no known source\n"])])


def _as_json(request: CompletionRequest, completion: Completion | None) -> str:
    from assistant.provenance import completion_as_json

    known = None if completion is None else completion_as_json(completion)
    is_shown = completion is not None and not completion.is_withheld
    value = {
        "schema": 1,
        "path": request.path,
        "offset": request.offset,
        "text": completion.text if completion is not None and is_shown else None,
        "suggestion": known,
    }
    return json.dumps(value, indent=2) + "\n"
