"""``sc-attrib demo``: see it work, on real code, through the real language server."""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from attribution.commands.streams import shows_colour
from attribution.errors import MissingExtraError, ScAttribError, UsageError

if TYPE_CHECKING:
    from attribution.index.index import Index
    from lsp.editor import Editor, Suggestion

_SC_ATTRIB = Path(sys.executable).with_name("sc-attrib")
_MAX_REQUESTS = 250
_PAUSE = re.compile(r"[(.\[]|(?<=\w)(?= )|= |, ")
_SHOWN_LINES = 6
_OWN_CODE = '''"""Rents rowing boats by the hour."""

import json
from pathlib import Path


class Marina:
    """The boats of one lake."""

    def __init__(self, path):
        self.path = path
        self.boats = json.loads(Path(path).read_text())

    def free(self, hour):
        return [boat for boat in self.boats if hour not in boat["rented"]]

    def rent(self, name, hour):
        for boat in self.boats:
            if boat["name"] == name:
'''
_KNOWN_FUNCTIONS = (
    ("shutil.py", "copytree"),
    ("shutil.py", "which"),
    ("textwrap.py", "dedent"),
    ("heapq.py", "merge"),
    ("inspect.py", "getsourcefile"),
    ("posixpath.py", "commonpath"),
    ("fnmatch.py", "translate"),
    ("tempfile.py", "mkdtemp"),
    ("subprocess.py", "check_output"),
    ("random.py", "sample"),
)


class _Place(NamedTuple):
    """A half-written file with the cursor at its end."""

    name: str
    text: str
    told: str
    """What a person should know about it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--dir", type=Path, default=Path(".demo"), help="where the index and the files go (default: .demo)"
    )
    parser.add_argument(
        "--model", type=Path, metavar="GGUF", help="complete with this (default: the bundled one)"
    )


def run(args: argparse.Namespace) -> int:
    """Index, complete, trace, check; 1 where a step did not show what it should."""
    for module, extra in (("pygls", "lsp"), ("llama_cpp", "llama")):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError("the demo", extra)
    import asyncio

    from assistant.models import DEFAULT_MODEL

    page = _Page(colour=shows_colour(sys.stdout))
    try:
        args.dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{args.dir} cannot be made ({error.strerror}); name another folder with --dir"
        ) from error
    index = _show_index(args.dir / "index", page)
    asyncio.run(_show_suggestions(index, args.model or DEFAULT_MODEL, page))
    _show_check(args.dir / "pasted.py", index, page)
    page.say("")
    page.say("Try it on your own code:  " + page.bold(f"{_own_command()} check PATH --index {index}"))
    return 0


def _own_command() -> str:
    script = _SC_ATTRIB if not _SC_ATTRIB.is_relative_to(Path.cwd()) else _SC_ATTRIB.relative_to(Path.cwd())
    return str(script)


class _Page:
    """What the demo prints."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def say(self, text: str) -> None:
        print(text, flush=True)

    def headline(self, number: int, text: str) -> None:
        self.say("\n" + self.bold(f"── {number}  {text} " + "─" * max(0, 74 - len(text))))

    def bold(self, text: str) -> str:
        return self._paint(text, "1")

    def dim(self, text: str) -> str:
        return self._paint(text, "2")

    def ghost(self, text: str) -> str:
        return self._paint(text, "3;35")

    def _paint(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text


def _open(index: Path) -> Index:
    """Open the demo's own index; build it where it is missing, or was left by another version."""
    from attribution.errors import IndexNotFoundError, IndexVersionError
    from attribution.index.index import Index

    with contextlib.suppress(IndexNotFoundError):
        try:
            return Index.open(index)
        except IndexVersionError:
            shutil.rmtree(index)
    _run_cli("index", "build", "--packages", sys.executable, "--index", index, quiet=True)
    return Index.open(index)


def _show_index(index: Path, page: _Page) -> Path:
    page.headline(1, "An index of real code: every package installed here, fingerprints only")
    opened = _open(index)
    licenses = opened.license_counts()
    page.say(
        f"{opened.document_count:,} files, {opened.source_bytes / 1e6:.0f} MB of source "
        f"in {opened.size_bytes / 1e6:.0f} MB of index ({index})"
    )
    named = [f"{count:,} {name}" for name, count in licenses.items() if " " not in name][:6]
    page.say(f"licences: {', '.join(named)}, and {max(0, len(licenses) - len(named))} others")
    return index


async def _show_suggestions(index: Path, model: Path, page: _Page) -> None:
    from lsp.editor import start_editor

    page.headline(2, "Completion from the bundled model, traced before you see it")
    settings = {
        "model": {"path": str(model.resolve())},
        "trace": {"indexes": [str(index.resolve())]},
        "completion": {"timeoutMs": 20_000, "lines": "single"},
    }
    page.say(page.dim(f"starting {_own_command()} lsp with {model.name} …"))
    async with start_editor([_SC_ATTRIB, "lsp"], settings) as editor:
        copied = await _first(editor, _halves_of_known_functions(), _is_known)
        own = await _first(editor, _halves_of_own_code(), _is_unknown)
    _show_suggestion(*copied, page)
    _show_suggestion(*own, page)


def _halves_of_known_functions() -> Iterator[_Place]:
    """Type real functions of the standard library, from their middle on, and stop inside their lines."""
    for name, wanted in _KNOWN_FUNCTIONS:
        path = Path(sysconfig.get_paths()["stdlib"], name)
        for function, lines in _functions(path, wanted):
            for number in _code_lines(function, lines):
                above = "\n".join(lines[function.lineno - 1 : number - 1])
                for cut in _stops(lines[number - 1]):
                    text = f"{above}\n{lines[number - 1][:cut]}"
                    yield _Place(name, text, f"somebody types {wanted}() of the standard library")


def _functions(path: Path, wanted: str) -> Iterator[tuple[ast.FunctionDef, list[str]]]:
    text = path.read_text("utf-8") if path.exists() else ""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name == wanted:
            yield node, text.split("\n")


def _code_lines(function: ast.FunctionDef, lines: list[str]) -> list[int]:
    """Numbers of the lines in the second half of a function that hold code, not comments or blanks."""
    body = function.body[1:] or function.body
    first, last = body[0].lineno, function.end_lineno or body[-1].lineno
    numbers = range((first + last) // 2, last + 1)
    return [n for n in numbers if lines[n - 1].strip() and not lines[n - 1].strip().startswith("#")]


def _stops(line: str) -> list[int]:
    """Places inside a line at which somebody may pause: behind a name, a dot, a bracket or a sign."""
    start = len(line) - len(line.lstrip()) + 3
    stops = [match.end() for match in _PAUSE.finditer(line) if start <= match.end() <= len(line.rstrip()) - 3]
    return [stops[0], stops[-1]] if len(stops) > 1 else stops


def _halves_of_own_code() -> Iterator[_Place]:
    lines = _OWN_CODE.split("\n")
    indent = " " * 16
    for continued in (indent, indent + "boat", indent + "return "):
        yield _Place(
            "marina.py", "\n".join(lines[:-1]) + "\n" + continued, "somebody types code of their own"
        )


async def _first(
    editor: Editor, places: Iterator[_Place], wanted: Callable[[Suggestion], bool]
) -> tuple[_Place, Suggestion]:
    """The first place at which the model suggests what is wanted."""
    for place in islice(places, _MAX_REQUESTS):
        editor.show(place.name, place.text)
        lines = place.text.split("\n")
        suggestion = await editor.suggest(place.name, len(lines) - 1, len(lines[-1]))
        if suggestion is not None and wanted(suggestion):
            return place, suggestion
    raise ScAttribError(
        "the model made no suggestion to show; is the index complete? delete it and try again"
    )


def _is_known(suggestion: Suggestion) -> bool:
    """Whether all of it, with the code around it, stands in one known file."""
    return any(match["containment"] == 1 for match in suggestion.matches)


def _is_unknown(suggestion: Suggestion) -> bool:
    return not suggestion.matches


def _show_suggestion(place: _Place, suggestion: Suggestion, page: _Page) -> None:
    page.say("")
    page.say(page.dim(f"{place.name}: {place.told}"))
    lines = place.text.split("\n")
    for number, line in list(enumerate(lines, 1))[-_SHOWN_LINES:-1]:
        page.say(f"  {page.dim(f'{number:4}')}  {line}")
    first, *others = suggestion.text.split("\n")
    page.say(f"  {page.dim(f'{len(lines):4}')}  {lines[-1]}{page.ghost('▸' + first)}")
    for line in others:
        page.say(f"        {page.ghost(line)}")
    page.say(f"        {page.bold('└─ ' + suggestion.headline)}")
    for match in suggestion.matches[:1]:
        page.say(f"           {match['source']['swhid']}")
        page.say(page.dim(f"           {match['license']['evidence'][0]} → {match['verdict']}"))
    timing = suggestion.provenance["timing"]
    page.say(
        page.dim(f"           written in {timing['decodeMs']:.0f} ms, traced in {timing['traceMs']:.1f} ms")
    )


def _show_check(path: Path, index: Path, page: _Page) -> None:
    page.headline(3, "A file into which a function was pasted: sc-attrib check")
    source = Path(sysconfig.get_paths()["stdlib"], "textwrap.py")
    function, lines = next(_functions(source, "dedent"))
    path.write_text(
        _OWN_CODE
        + " " * 16
        + "return boat\n\n\n"
        + "\n".join(lines[function.lineno - 1 : function.end_lineno])
        + "\n",
        "utf-8",
    )
    page.say(page.dim(f"$ {_own_command()} check {path} --index {index}"))
    _run_cli("check", path, "--index", index, quiet=False)


def _run_cli(*words: str | Path, quiet: bool) -> None:
    """Run our own command line as a user would; its progress stays on stderr."""
    done = subprocess.run([_SC_ATTRIB, *words], check=False, stdout=subprocess.DEVNULL if quiet else None)
    if done.returncode not in (0, 1):
        raise ScAttribError(f"sc-attrib {words[0]} failed; what it said stands above")
