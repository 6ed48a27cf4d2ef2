"""``sc-attrib check``: find out where code comes from."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.errors import UnreadableInputError, UsageError

if TYPE_CHECKING:
    from attribution.model import Attribution
    from attribution.trace import Tracer

STDIN = "-"
MAX_NAMED_BYTES = 32 << 20
"""A larger file that is named outright is refused; nobody writes that much code by hand."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``check``."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="file or folder to check; - for standard input"
    )
    parser.add_argument(
        "--index",
        action="append",
        type=Path,
        metavar="DIR",
        help="index to look in, may be repeated (default: the project's, the user's and the bundled one)",
    )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="of the report (default: text)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the report here, not to stdout"
    )
    parser.add_argument(
        "--fail-on",
        choices=("deny", "review", "attribute", "never"),
        default="review",
        help="mildest verdict that makes the exit code 1 (default: review)",
    )
    parser.add_argument(
        "--min-tokens",
        type=_positive,
        metavar="N",
        help="shared tokens from which on a match counts (default: 40)",
    )


def run(args: argparse.Namespace) -> int:
    """Check the named paths and report; 1 where a verdict is at least as severe as ``--fail-on``."""
    from attribution.cli import EXIT_CLEAN, EXIT_FINDINGS
    from attribution.index.locate import find_indexes
    from attribution.model import Verdict
    from attribution.trace import MIN_TOKENS, Tracer

    indexes = args.index or find_indexes(Path.cwd())
    if not indexes:
        raise UsageError("there is no index to look in; build one with: sc-attrib index build --packages")
    tracer = Tracer.open(indexes, min_tokens=args.min_tokens or MIN_TOKENS)
    skipped: Counter[str] = Counter()
    attributions = [a for path in args.paths for a in _check(path, tracer, skipped)]
    _write(_render(attributions, args), args.output)
    if skipped:
        print("skipped: " + ", ".join(f"{n} {reason}" for reason, n in skipped.items()), file=sys.stderr)
    if args.fail_on == "never":
        return EXIT_CLEAN
    threshold = Verdict(args.fail_on).severity
    return EXIT_FINDINGS if any(a.verdict.severity >= threshold for a in attributions) else EXIT_CLEAN


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _check(path: str, tracer: Tracer, skipped: Counter[str]) -> Iterator[Attribution]:
    """Check one named path; what is met while walking a folder is counted, what is named must be usable."""
    if path == STDIN:
        yield tracer.trace(_acceptable(STDIN, sys.stdin.buffer.read(MAX_NAMED_BYTES + 1)), path=STDIN)
    elif Path(path).is_dir():
        yield from _check_folder(Path(path), tracer, skipped)
    else:
        yield tracer.trace(_read_named(Path(path)), path=path)


def _check_folder(folder: Path, tracer: Tracer, skipped: Counter[str]) -> Iterator[Attribution]:
    from attribution.sources.files import SkipReason, read_code, walk_code

    found_code = False
    for path in walk_code(folder, skipped=skipped):
        content = read_code(path, skipped=skipped)
        if content is not None:
            found_code = True
            yield tracer.trace(content, path=path.as_posix())
    if not found_code and not skipped[SkipReason.EMPTY]:
        raise UnreadableInputError(folder, "holds no source code", remedy="name a folder or file that does")


def _read_named(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise UnreadableInputError(path, "is not a regular file", remedy="name a file of source code")
        with path.open("rb") as file:
            return _acceptable(str(path), file.read(MAX_NAMED_BYTES + 1))
    except FileNotFoundError as error:
        raise UnreadableInputError(path, "does not exist", remedy="check the spelling") from error
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
        raise UnreadableInputError(path, reason, remedy="check its permissions") from error


def _acceptable(name: str, content: bytes) -> bytes:
    from attribution.sources.files import is_binary

    if len(content) > MAX_NAMED_BYTES:
        raise UnreadableInputError(
            name, "is larger than 32 MiB, too large for source code", remedy="check its parts"
        )
    if is_binary(content):
        raise UnreadableInputError(name, "is binary, not source code", remedy="name a text file")
    return content


def _render(attributions: list[Attribution], args: argparse.Namespace) -> str:
    if args.format == "json":
        from attribution.report.json_report import render_json

        return render_json(attributions)
    from attribution.report.text_report import render_text

    colour = args.output is None and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return render_text(attributions, colour=colour)


def _write(report: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(report)
        sys.stdout.flush()
        return
    try:
        output.write_text(report, encoding="utf-8")
    except OSError as error:
        raise UnreadableInputError(
            output, f"cannot be written ({error.strerror or error})", remedy="name another file with -o"
        ) from error
