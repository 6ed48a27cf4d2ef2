"""Records in a file of JSON: one a line, or lists of them as an API's pages give them; plain or gzipped."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

from attribution.errors import UnreadableInputError

MOST_LINE_BYTES = 64 << 20
"""Of one line, and so of a list that is written on one, or of a whole file that is indented."""
DAMAGED: Final = object()
"""Stands for a record that is no JSON."""
_GZIP = b"\x1f\x8b"
_FETCH = "fetch it again, or leave it out"
_REMEDY = "write one object a line, such as: jq -c '.[]' FILE"


def read_json_records(path: Path) -> Iterator[object]:
    """Yield the records of a file; lists are yielded item by item, damaged lines as :data:`DAMAGED`.

    Raises :class:`UnreadableInputError` for a file that cannot be read, is cut short, or holds no record.
    """
    count = 0
    try:
        if not path.is_file():  # a pipe would wait for ever
            reason = "is no file" if path.exists() else "does not exist"
            raise UnreadableInputError(path, reason, remedy="name a file of JSON")
        with path.open("rb") as raw:
            is_packed = raw.read(2) == _GZIP
            raw.seek(0)
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if is_packed else raw
            for record in _records(path, stream):
                count += record is not DAMAGED
                yield record
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableInputError(path, f"cannot be read ({error})", remedy=_FETCH) from error
    if not count:
        raise UnreadableInputError(path, "holds no records of JSON", remedy=_REMEDY)


def _records(path: Path, stream: IO[bytes]) -> Iterator[object]:
    """Line by line; where the first line is not whole, the file as one or several values."""
    first = _line(path, stream)
    while first and not first.strip():
        first = _line(path, stream)
    value = _parsed(first)
    if value is DAMAGED and first.lstrip()[:1] in (b"[", b"{") and first.rstrip()[-1:] in (b"[", b"{", b","):
        yield from _indented(path, first + stream.read(MOST_LINE_BYTES + 1))
        return
    while first:
        if first.strip():
            yield from _items(_parsed(first))
        first = _line(path, stream)


def _line(path: Path, stream: IO[bytes]) -> bytes:
    line = stream.readline(MOST_LINE_BYTES + 1)
    _ensure_small(path, line)
    return line


def _indented(path: Path, text: bytes) -> Iterator[object]:
    """Values one after another; where not even the first one is whole, records a line after all."""
    _ensure_small(path, text)
    decoder, whole = json.JSONDecoder(), text.decode("utf-8", "replace").strip()
    at = count = 0
    while at < len(whole):
        try:
            value, at = decoder.raw_decode(whole, at)
        except (ValueError, RecursionError) as error:
            lines = [line for line in text.split(b"\n") if line.strip()]
            if count or len(lines) < 2 or _parsed(lines[1]) is DAMAGED:
                reason = f"is damaged, or cut short, after {count:,} whole values"
                raise UnreadableInputError(path, reason, remedy=_FETCH) from error
            yield from (record for line in lines for record in _items(_parsed(line)))
            return
        count += 1
        yield from _items(value)
        while whole[at : at + 1].isspace():
            at += 1


def _ensure_small(path: Path, text: bytes) -> None:
    if len(text) > MOST_LINE_BYTES:
        reason = f"has more than {MOST_LINE_BYTES >> 20} MiB in one piece"
        raise UnreadableInputError(path, reason, remedy=_REMEDY)


def _items(value: object) -> Iterator[object]:
    if isinstance(value, list):
        yield from value
    else:
        yield value


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return DAMAGED
