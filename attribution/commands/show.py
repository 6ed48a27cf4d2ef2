"""``sc-attrib show``: print the known text that a SWHID names, alone or beside another text."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.indexes import add_indexes, indexes_to_ask
from attribution.commands.streams import read_stdin, shows_colour
from attribution.errors import UnreadableInputError, UsageError

if TYPE_CHECKING:
    from attribution.model import Origin
    from attribution.remote.address import IndexPlace
    from attribution.span import Span
    from attribution.swhid import Swhid

ARCHIVE = "https://archive.softwareheritage.org/"
"""Where Software Heritage shows what a SWHID names."""
STDIN = "-"
_LINES = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)
_AGAINST = re.compile(r"(.+):(\d{1,9}(?:-\d{1,9})?)", re.ASCII | re.DOTALL)
_WIDTH_WITHOUT_TERMINAL = (140, 24)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``show``."""
    parser.add_argument("swhid", metavar="SWHID", help="swh:1:cnt:…, as reports name it, qualifiers included")
    add_indexes(parser)
    parser.add_argument(
        "--lines",
        type=_span,
        metavar="A-B",
        help="lines to show (default: those that the SWHID names, or all)",
    )
    parser.add_argument(
        "--against",
        metavar="FILE[:A-B]",
        help="show a file, or lines of it, beside the known text; - for standard input",
    )


def _span(text: str) -> Span:
    from attribution.span import Span

    matched = _LINES.fullmatch(text)
    if matched is None or int(matched[1]) < 1 or int(matched[2] or matched[1]) < int(matched[1]):
        raise argparse.ArgumentTypeError(f"{text} is not a range of lines such as 3-17")
    return Span(int(matched[1]), int(matched[2] or matched[1]))


def run(args: argparse.Namespace) -> int:
    """Print the text, or both texts beside each other."""
    swhid = _content_named(args.swhid)
    content, origin = _find(swhid, args.index)
    lines = args.lines or swhid.lines
    length = content.count(b"\n") + (not content.endswith(b"\n"))
    if lines is not None and lines.first > max(1, length):
        raise UsageError(f"{swhid.core} has {length} lines, none of {lines}; name lines that it has")
    if args.against is not None:
        _print_beside(args.against, content, lines, origin)
    else:
        _print_alone(content, lines, origin)
    return 0


def _content_named(text: str) -> Swhid:
    from attribution.swhid import ObjectType, Swhid

    try:
        swhid = Swhid.parse(text)
    except ValueError as error:
        raise UsageError(f"{text} is not a SWHID ({error}); copy one from a report: swh:1:cnt:…") from error
    if swhid.object_type is not ObjectType.CONTENT:
        raise UsageError(f"{swhid.core} names no content; the archive shows it: {ARCHIVE}{swhid}")
    return swhid


def _find(swhid: Swhid, places: list[IndexPlace] | None) -> tuple[bytes, Origin]:
    """The text from the first index that keeps it, and where it comes from."""
    in_archive = f"the archive shows it: {ARCHIVE}{swhid}"
    known = False
    for place in indexes_to_ask(places):
        held = _held(place, swhid.digest)
        known = known or held is not None
        if held is not None and held[0] is not None:
            return held[0], held[1]
    if known:
        reason = "is known, but the index holds no text (build it with --contents)"
        raise UnreadableInputError(str(swhid.core), reason, remedy=in_archive)
    raise UnreadableInputError(str(swhid.core), "is in none of the indexes", remedy=in_archive)


def _held(place: IndexPlace, digest: bytes) -> tuple[bytes | None, Origin] | None:
    """What an index holds of a content: its text where it is kept, and where it comes from."""
    from attribution.index.contents import text_of
    from attribution.index.index import Index
    from attribution.remote.address import IndexAddress
    from attribution.remote.library import RemoteLibrary

    if isinstance(place, IndexAddress):
        service = RemoteLibrary.open(place)
        known = service.identical(digest)
        return (service.text(digest), known[0].origins(limit=1)[0]) if known else None
    held = None
    for segment in Index.open(place).segments:
        document = segment.documents.find(digest)
        if document is not None:
            text, (origin,) = text_of(segment, document), segment.origins(document, limit=1)
            if text is not None:
                return text, origin
            held = held or (None, origin)
    return held


def _print_alone(content: bytes, lines: Span | None, origin: Origin) -> None:
    """Print the lines as the bytes they are; on a terminal with control characters made visible."""
    from attribution.report.words import printable
    from attribution.verify import Excerpt

    print(_title(origin, lines), file=sys.stderr)
    kept = Excerpt.of(content, lines).content
    if sys.stdout.isatty():
        for line in kept.decode("utf-8", "replace").removesuffix("\n").split("\n"):
            print("\t".join(printable(part) for part in line.rstrip("\r").split("\t")))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(kept if kept.endswith(b"\n") or not kept else kept + b"\n")


def _print_beside(against: str, content: bytes, lines: Span | None, origin: Origin) -> None:
    from attribution.report.side_by_side import side_by_side
    from attribution.verify import Excerpt, compare

    name, query_lines = _file_and_lines(against)
    found = compare(Excerpt.of(_read(name), query_lines), Excerpt.of(content, lines))
    picture = side_by_side(
        found,
        titles=(f"{name}:{query_lines}" if query_lines else name, _title(origin, lines)),
        columns=shutil.get_terminal_size(_WIDTH_WITHOUT_TERMINAL).columns,
        colour=shows_colour(sys.stdout),
    )
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    print(picture)
    print(f"equal     {found.similarity:.1%} of both, {found.containment:.1%} of the left one")
    if found.renames:
        similarity, containment = found.renamed_similarity, found.renamed_containment
        print(f"          {similarity:.1%} and {containment:.1%} with the names changed back")


def _file_and_lines(against: str) -> tuple[str, Span | None]:
    """Take ``FILE:A-B`` apart, unless a file of the whole name exists."""
    matched = _AGAINST.fullmatch(against)
    if matched is None or os.path.exists(against):  # noqa: PTH110 - answers False for what cannot be looked at
        return against, None
    try:
        return matched[1], _span(matched[2])
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"--against {against}: {error}") from error


def _read(name: str) -> bytes:
    if name == STDIN:
        return read_stdin()
    try:
        if Path(name).exists() and not Path(name).is_file():
            raise UnreadableInputError(name, "is not a regular file", remedy="name a file")
        return Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise UnreadableInputError(name, reason, remedy="name a file that exists") from error


def _title(origin: Origin, lines: Span | None) -> str:
    from attribution.report.words import printable

    at = f":{lines}" if lines else ""
    return f"{printable(origin.path)}{at}  {origin.license.expression}  {printable(origin.url)}"
