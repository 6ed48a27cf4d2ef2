"""Standard input, output and error of a command, whatever state they were handed over in."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

_ON_ERROR = "sc-attrib"


def prepare_streams() -> None:
    """Make the three streams usable; called once, before any file is opened.

    A stream that was closed is opened again on the null device, so that no file of ours takes its number:
    standard error swallows what it is told, the other two refuse to be used. Standard output writes names
    that are not UTF-8 as the bytes they are, and as escapes what its encoding cannot say.
    """
    if sys.stdin is None:
        sys.stdin = open(os.open(os.devnull, os.O_WRONLY), encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8", errors="backslashreplace")  # noqa: PTH123, SIM115
    codecs.register_error(_ON_ERROR, _bytes_or_escapes)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=_ON_ERROR)


def _bytes_or_escapes(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


def say(sentence: str) -> None:
    """Tell it on standard error, if anybody listens there; names in it command no terminal."""
    from attribution.report.words import printable

    shown = "\n".join(map(printable, sentence.split("\n")))
    try:
        print(f"sc-attrib: {shown}", file=sys.stderr, flush=True)
    except (OSError, ValueError):
        silence(sys.stderr)


def tell_counts(what: str, counts: Mapping[str, int]) -> None:
    """Tell on standard error how many files were passed over and why, the commonest reason first."""
    if counts:
        commonest = sorted(counts.items(), key=lambda item: -item[1])
        print(f"{what}: " + ", ".join(f"{count:,} {reason}" for reason, count in commonest), file=sys.stderr)


def shows_colour(stream: TextIO) -> bool:
    """Whether a stream is a terminal that knows colours, whose user wants them (https://no-color.org)."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")


def silence(stream: TextIO) -> None:
    """Let what is still to be written to a stream go nowhere, so that it ends in peace."""
    with suppress(OSError, ValueError):  # a stream without a number has nothing to silence
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def read_stdin(size: int = -1) -> bytes:
    """Bytes from standard input, ``size`` of them at most; raises :class:`UnreadableInputError`."""
    from attribution.errors import UnreadableInputError

    try:
        return sys.stdin.buffer.read(size)
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
        raise UnreadableInputError("standard input", reason, remedy="send a text to it") from error
