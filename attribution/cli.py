"""The command line: a table of commands, each in a module that is imported only when it is called.

``sc-attrib --help`` must answer at once, so nothing here imports more than argparse.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from attribution.commands.streams import prepare_streams, say, silence
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
    Command("fix", "attribution.commands.fix", "write down where copied code comes from"),
    Command("am-i-in", "attribution.commands.am_i_in", "ask what the index holds of your own work"),
    Command("search", "attribution.commands.search", "find known files by their words"),
    Command("show", "attribution.commands.show", "print the known text that a SWHID names, or compare it"),
    Command("swhid", "attribution.commands.swhid", "print the Software Heritage identifiers of files"),
    Command("serve", "attribution.commands.serve", "answer over HTTP, and show the explorer's page"),
    Command("lsp", "lsp.command", "run the language server for an editor"),
    Command("complete", "assistant.commands.complete", "suggest code at a place in a file, and trace it"),
    Command("model", "assistant.commands.model", "list, fetch, quantise and describe models"),
    Command("ledger", "assistant.commands.ledger", "report what was accepted, and what still binds it"),
    Command("demo", "lsp.demo", "see it work: index, complete and trace real code"),
    Command("train", "training.command", "train a StarCoder2 model and export it as GGUF"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 (findings that fail the policy) or 2 (could not be done).

    Beyond these, 130 after Ctrl-C and 141 when whoever read the output closed it early.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    prepare_streams()
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except ScAttribError as error:
        say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        silence(sys.stdout)
        return _EXIT_CLOSED_PIPE
    except OSError as error:
        say(_sentence(error, words))
        return EXIT_UNUSABLE
    except ModuleNotFoundError as error:
        say(_missing(error, words) or _apology(error, words))
        return EXIT_UNUSABLE
    except Exception as error:
        say(_apology(error, words))
        return EXIT_UNUSABLE


def _run(words: list[str]) -> int:
    parser, command = _parser(words)
    try:
        args = parser.parse_args(words)
    except SystemExit:  # after the help, or a word on wrong use
        sys.stdout.flush()
        raise
    if command is None:
        parser.print_help()
        return EXIT_CLEAN
    _log_to_stderr()
    return _load(command).run(args)


def run_command(*words: str) -> int:
    """Run one command inside another one; raises what it raises."""
    return _run(list(words))


def _sentence(error: OSError, words: list[str]) -> str:
    """What the system refused, and of what."""
    if _is_adrift():
        return "the current folder is gone; change into one that exists"
    if error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror or error}"
    try:
        sys.stdout.flush()
    except OSError:  # what could not be written is still there
        silence(sys.stdout)
        closed = error.errno == errno.EBADF
        return f"standard output: {'it is closed' if closed else error.strerror}; send it somewhere else"
    return f"{_called(words) or 'sc-attrib'}: {error.strerror or error}"


def _is_adrift() -> bool:
    """Whether the current folder was deleted, or may not be looked up."""
    try:
        os.getcwd()  # noqa: PTH109 - pathlib is not imported for --help
    except OSError:
        return True
    return False


def _missing(error: ModuleNotFoundError, words: list[str]) -> str | None:
    """What to install for a command whose extra is not; ``None`` where the module would be ours."""
    package = (error.name or "").partition(".")[0]
    if not package or package in {command.module.partition(".")[0] for command in COMMANDS}:
        return None
    return (
        f"{_called(words) or 'it'} needs the package {package}, which is not installed; all that any "
        "command needs: pip install 'sc-attrib[all]'"
    )


def _apology(error: Exception, words: list[str]) -> str:
    """One sentence about what should not have happened; with all of where it did for those who want that."""
    import logging

    if os.environ.get("SC_ATTRIB_DEBUG") or logging.getLogger().isEnabledFor(logging.DEBUG):
        import traceback

        say("".join(traceback.format_exception(error)).rstrip())
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
    return (
        f"{_called(words) or 'it'} failed of a fault of ours ({reason}); please report it where you have "
        "sc-attrib from, with what it says under SC_ATTRIB_DEBUG=1"
    )


def _called(words: list[str]) -> str | None:
    """The word that names the command."""
    return next((word for word in words if not word.startswith("-")), None)


def _parser(words: list[str]) -> tuple[argparse.ArgumentParser, Command | None]:
    """Build the parser; only the command that is called declares its arguments."""
    parser = argparse.ArgumentParser(
        prog="sc-attrib",
        description="Shows where code comes from and which licence it carries, before you accept it.",
    )
    parser.add_argument("--version", action=_ShowVersion)
    subparsers = parser.add_subparsers(metavar="COMMAND", dest="command")
    called = _called(words)
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
