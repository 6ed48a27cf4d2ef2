"""The command line: a table of commands, each in a module that is imported only when it is called.

``sc-attrib --help`` must answer at once, so nothing here imports more than argparse.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from attribution.errors import ScAttribError

EXIT_CLEAN = 0
EXIT_FINDINGS = 1
EXIT_UNUSABLE = 2
_EXIT_INTERRUPTED = 130
_EXIT_CLOSED_PIPE = 141


class Command(NamedTuple):
    """One row of the table."""

    name: str
    module: str
    summary: str


class CommandModule(Protocol):
    """What the module of a command offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it, and answer the exit code."""


COMMANDS = (
    Command("check", "attribution.commands.check", "find out where code comes from, and under which licence"),
    Command("index", "attribution.commands.index", "build and inspect an index of known code"),
    Command("search", "attribution.commands.search", "find known files by their words"),
    Command("show", "attribution.commands.show", "print the known text that a SWHID names, or compare it"),
    Command("swhid", "attribution.commands.swhid", "print the Software Heritage identifiers of files"),
    Command("lsp", "lsp.command", "run the language server for an editor"),
    Command("demo", "lsp.demo", "see it work: index, complete and trace real code"),
    Command("train", "training.command", "train a StarCoder2 model and export it as GGUF"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 (findings that fail the policy) or 2 (could not be done)."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser, command = _parser(words)
    args = parser.parse_args(words)
    if command is None:
        parser.print_help()
        return EXIT_CLEAN
    _log_to_stderr()
    try:
        code = _load(command).run(args)
        sys.stdout.flush()
        return code
    except ScAttribError as error:
        print(f"sc-attrib: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("sc-attrib: interrupted", file=sys.stderr)
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _EXIT_CLOSED_PIPE
    except OSError as error:
        print(f"sc-attrib: {error.strerror or error}: {error.filename or 'standard output'}", file=sys.stderr)
        return EXIT_UNUSABLE


def _parser(words: list[str]) -> tuple[argparse.ArgumentParser, Command | None]:
    """Build the parser; only the command that is called declares its arguments."""
    parser = argparse.ArgumentParser(
        prog="sc-attrib",
        description="Shows where code comes from and which licence it carries, before you accept it.",
    )
    parser.add_argument("--version", action=_ShowVersion)
    subparsers = parser.add_subparsers(metavar="COMMAND", dest="command")
    called = next((word for word in words if not word.startswith("-")), None)
    chosen = None
    for command in COMMANDS:
        subparser = subparsers.add_parser(command.name, help=command.summary, description=command.summary)
        if command.name == called:
            chosen = command
            _load(command).add_arguments(subparser)
    return parser, chosen


def _log_to_stderr() -> None:
    import logging

    shape = "%(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=shape)


def _load(command: Command) -> CommandModule:
    return cast(CommandModule, importlib.import_module(command.module))


class _ShowVersion(argparse.Action):
    """Look the version up only when it is asked for: importlib.metadata costs as much as all the rest."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="show the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        parser.exit(message=f"sc-attrib {version('sc-attrib')}\n")
