"""``sc-attrib check``: find out where code comes from."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.indexes import add_indexes, indexes_to_ask
from attribution.commands.output import PrintSchema, write_report
from attribution.commands.streams import shows_colour, tell_counts
from attribution.commands.texts import STDIN, Text, read_changed, read_texts
from attribution.errors import UsageError
from attribution.report.formats import FORMATS, Context, render
from attribution.report.words import printable

if TYPE_CHECKING:
    from datetime import datetime

    from attribution.model import Attribution
    from attribution.trace import Tracer

_FEW = 50
"""Named files for which a bar is not worth its import."""
_ONLY_BUNDLED = (
    "only the bundled index was looked in, which knows what the bundled model was trained on; for more: "
    "sc-attrib index build --packages"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``check``."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="file or folder to check; - for standard input; with --diff all of the repository without one",
    )
    add_indexes(parser)
    parser.add_argument("--format", choices=FORMATS, default="text", help="of the report (default: text)")
    parser.add_argument(
        "--print-schema", action=PrintSchema, help="print the schema of the JSON report and exit"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the report here, not to stdout"
    )
    _add_gates(parser)


def _add_gates(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="policy to judge by (default: that of the file's project)"
    )
    parser.add_argument(
        "--fail-on",
        choices=("deny", "review", "attribute", "never"),
        default="review",
        help="mildest verdict that makes the exit code 1 (default: review)",
    )
    parser.add_argument(
        "--diff",
        nargs="?",
        const="HEAD",
        metavar="REV",
        help="only matches on lines added since REV (default: what is not committed yet)",
    )
    parser.add_argument(
        "--baseline", type=Path, metavar="FILE", help="ignore the findings that are listed here"
    )
    parser.add_argument(
        "--update-baseline", action="store_true", help="list the findings of the checked files in --baseline"
    )
    parser.add_argument(
        "--min-tokens",
        type=_positive,
        metavar="N",
        help="shared tokens, weighed by similarity, that make a match (default: 30)",
    )


def run(args: argparse.Namespace) -> int:
    """Check what is named and report; 1 where a verdict is at least as severe as ``--fail-on``."""
    from attribution.cli import EXIT_CLEAN, EXIT_FINDINGS
    from attribution.commands.known_findings import KnownFindings
    from attribution.index.locate import BUNDLED_INDEX
    from attribution.model import Verdict
    from attribution.policy.projects import ProjectPolicies
    from attribution.trace import MIN_TOKENS, Tracer

    _require_sense(args)
    created = _now()
    known = KnownFindings.open(args.baseline, update=args.update_baseline, today=f"{created:%Y-%m-%d}")
    policies = ProjectPolicies(named=args.policy)
    indexes = indexes_to_ask(args.index)
    tracer = Tracer.open(indexes, policy=policies, min_tokens=args.min_tokens or MIN_TOKENS)
    skipped, stdin = Counter[str](), list[bytes]()
    attributions = [known.ignore(a, t) for a, t in _traced(_texts(args, skipped), tracer, stdin)]
    known.finish()
    threshold = None if args.fail_on == "never" else Verdict(args.fail_on).severity
    failed = threshold is not None and any(a.verdict.severity >= threshold for a in attributions)
    code = EXIT_FINDINGS if failed else EXIT_CLEAN
    context = Context(
        our_text=_texts_again(attributions, stdin),
        their_text=tracer.known_text,
        colour=args.output is None and shows_colour(sys.stdout),
        exit_code=code,
        skipped=skipped,
        created=created,
    )
    write_report(render(args.format, attributions, context), args.output)
    _talk(attributions, skipped)
    if args.index is None and indexes == [BUNDLED_INDEX] and not any(a.matches for a in attributions):
        print(_ONLY_BUNDLED, file=sys.stderr)
    return code


def _require_sense(args: argparse.Namespace) -> None:
    """Raise :class:`UsageError` for options that contradict each other."""
    if not args.paths and args.diff is None:
        raise UsageError("nothing to check; name a file or folder, - for standard input, or use --diff")
    if args.update_baseline and args.baseline is None:
        raise UsageError("--update-baseline needs to know which file; name it with --baseline FILE")
    if args.update_baseline and args.diff is not None:
        raise UsageError(
            "--update-baseline lists all findings of a file, and --diff only some; leave one out"
        )


def _texts(args: argparse.Namespace, skipped: Counter[str]) -> Iterable[Text]:
    """What is to be checked; with a bar on a terminal where it is much and takes longer than a second."""
    if args.diff is None:
        texts = read_texts(args.paths, skipped=skipped)
    else:
        texts = read_changed(args.paths, since=args.diff, skipped=skipped)
    are_few = args.diff is None and len(args.paths) <= _FEW and not any(map(os.path.isdir, args.paths))
    if are_few or not sys.stderr.isatty():
        return texts
    from tqdm import tqdm

    bar: Iterable[Text] = tqdm(texts, desc="checking", unit=" files", delay=1, leave=False)
    return bar


def _traced(texts: Iterable[Text], tracer: Tracer, stdin: list[bytes]) -> Iterator[tuple[Attribution, Text]]:
    """Trace one text after the other; two threads took longer, since much of it is Python."""
    for text in texts:
        if text.path == STDIN:
            stdin.append(text.content)
        attribution = tracer.trace(text.content, path=text.path)
        if text.added is not None:
            new = (m for m in attribution.matches if any(m.query.overlap(span) for span in text.added))
            attribution = replace(attribution, matches=tuple(new))
        yield attribution, text


def _talk(attributions: Iterable[Attribution], skipped: Mapping[str, int]) -> None:
    """Tell on standard error what is no finding."""
    for attribution in attributions:
        for notice in attribution.notices:
            print(f"{printable(attribution.path)}:{notice.line}: {notice.text}", file=sys.stderr)
    tell_counts("skipped", skipped)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return int(text)


def _now() -> datetime:
    """The time, or what ``SOURCE_DATE_EPOCH`` says it is (reproducible-builds.org)."""
    from datetime import UTC, datetime

    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        return datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"SOURCE_DATE_EPOCH={epoch} is not a time; set it to seconds since 1970 or unset it"
        ) from error


def _texts_again(attributions: list[Attribution], stdin: list[bytes]) -> Callable[[str], bytes | None]:
    """Read texts that were checked once more; none where a file is gone or has changed since."""
    from attribution.swhid import Swhid

    checked = {attribution.path: attribution.swhid for attribution in attributions}

    def read(path: str) -> bytes | None:
        try:
            content = stdin[0] if path == STDIN else Path(path).read_bytes()
        except OSError:
            return None
        return content if Swhid.of_content(content) == checked[path] else None

    return read
