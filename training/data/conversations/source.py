"""Issues and pull requests as a source: files that the user has, events scattered over them in any order.

Events are brought together in a database in a temporary folder, so memory does not grow with them, and the
result does not depend on their order; one that stands in several files counts once. The origin of a file is
its repository, its path the rest of its URL (``issues/12``). Nobody licensed what people write there, so the
licence is ``NOASSERTION`` and no recipe keeps it that was not told to.
"""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any

from attribution.index.opt_outs import OptOuts
from attribution.model import Origin, SourceFile
from attribution.sources.files import MAX_FILE_BYTES
from training.data.conversations.events import OtherKindError, Said, read_record
from training.data.conversations.json_records import DAMAGED, read_json_records
from training.data.conversations.names import without_traces
from training.data.conversations.transcript import Action, Conversation, Event, write_transcript
from training.errors import EventsWriteError

_ACCOUNT = re.compile(r"[\w-]+")
_TABLE = """
CREATE TABLE said (
    repository TEXT, number INTEGER, rank INTEGER, time TEXT, key TEXT,
    is_pull INTEGER, title TEXT, event TEXT,
    PRIMARY KEY (repository, number, rank, key)
) WITHOUT ROWID
"""
_ENTER = """
INSERT INTO said VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    time = excluded.time, is_pull = excluded.is_pull, title = excluded.title, event = excluded.event
    WHERE (excluded.time, excluded.title, excluded.event, ifnull(excluded.is_pull, -1))
        > (time, title, event, ifnull(is_pull, -1))
"""
_SETTINGS = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF"
_IN_ORDER = "SELECT * FROM said ORDER BY repository, number, rank, time, key"
_BROKEN = (ValueError, KeyError, TypeError, AttributeError)
"""What reading a record raises that is not what it should be."""


class SkippedEvent(StrEnum):
    """Why a record is not a part of any conversation; counted beside what other sources skip."""

    OTHER_KIND = "record of another kind than issues and pull requests"
    BROKEN = "record that cannot be read"
    NO_OPENING = "conversation without its beginning"
    OPTED_OUT = "conversation or comment of who opted out"
    TOO_LARGE = "conversation larger than 4 MiB"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    repository: str
    number: int
    is_pull: bool | None
    title: str | None
    event: Event
    size: int
    """Bytes, about."""


def read_conversations(
    paths: Sequence[Path],
    *,
    skipped: Counter[str],
    opt_outs: OptOuts | None = None,
    scratch: Path | None = None,
) -> Iterator[SourceFile]:
    """Yield the conversations in files of JSON, by repository and number.

    What accounts in ``opt_outs`` wrote is left out, with their names, and all that they opened; repositories
    are for the stage that drops their code too. Records are counted in ``skipped``; events lie in ``scratch``
    meanwhile, or where the system has such things. Raises :class:`UnreadableInputError` for what is no such
    file, or damaged, and :class:`EventsWriteError`.
    """
    with _database(scratch) as database:
        for path in paths:
            _enter(path, database, skipped)
        rows = map(_row, database.execute(_IN_ORDER))
        for (repository, _), group in groupby(rows, key=lambda row: (row.repository, row.number)):
            of_one = _together(group)
            conversation = None if of_one is None else _conversation(of_one, opt_outs, skipped)
            if conversation is not None:
                yield _file(repository, conversation)
            elif of_one is None:
                skipped[SkippedEvent.TOO_LARGE] += 1


@contextmanager
def _database(scratch: Path | None) -> Iterator[sqlite3.Connection]:
    """An empty table on disk that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="sc-attrib-", dir=scratch) as folder:
        try:
            with closing(sqlite3.connect(Path(folder) / "events.sqlite", isolation_level=None)) as database:
                database.executescript(f"{_SETTINGS}; {_TABLE}; BEGIN;")
                yield database
        except sqlite3.Error as error:
            raise EventsWriteError(Path(folder).parent, error) from error


def _together(group: Iterator[_Row]) -> list[_Row] | None:
    """The rows of a conversation; ``None`` where they are more than memory should hold."""
    rows: list[_Row] = []
    size = 0
    for row in group:
        size += row.size
        if size > MAX_FILE_BYTES:
            return None  # whoever iterates over groups passes over the rest of this one
        rows.append(row)
    return rows


def _enter(path: Path, database: sqlite3.Connection, skipped: Counter[str]) -> None:
    for record in read_json_records(path):
        if record is DAMAGED:
            skipped[SkippedEvent.BROKEN] += 1
            continue
        try:
            found = read_record(record)
        except OtherKindError:
            skipped[SkippedEvent.OTHER_KIND] += 1
        except _BROKEN:
            skipped[SkippedEvent.BROKEN] += 1
        else:
            database.executemany(_ENTER, map(_values, found))


def _values(said: Said) -> tuple[Any, ...]:
    rank, event = 0 if said.event.action is Action.OPENED else 1, json.dumps(asdict(said.event))
    return (
        said.repository, said.number, rank, said.event.time, said.key, said.is_pull, said.title or "", event,
    )  # fmt: skip


def _row(values: tuple[Any, ...]) -> _Row:
    repository, number, _, _, _, is_pull, title, event = values
    said = json.loads(event)
    return _Row(
        repository=repository,
        number=number,
        is_pull=None if is_pull is None else bool(is_pull),
        title=title,
        event=Event(**{**said, "action": Action(said["action"])}),
        size=len(title) + len(event),
    )


def _conversation(rows: list[_Row], opt_outs: OptOuts | None, skipped: Counter[str]) -> Conversation | None:
    """What was said in one place; ``None`` where the beginning is missing, or its author opted out."""
    if rows[0].event.action is not Action.OPENED:
        skipped[SkippedEvent.NO_OPENING] += 1
        return None
    gone, allowed = list[Event](), list[Event]()
    for row in rows:
        (gone if _is_opted_out(row.event.author, opt_outs) else allowed).append(row.event)
    if gone:
        skipped[SkippedEvent.OPTED_OUT] += len(gone)
    if not allowed or allowed[0].action is not Action.OPENED:
        return None
    conversation = Conversation(
        repository=rows[0].repository,
        number=rows[0].number,
        title=rows[0].title or "",
        is_pull=any(row.is_pull for row in rows),
        events=tuple(allowed),
    )
    return without_traces(conversation, gone)


def _is_opted_out(account: str, opt_outs: OptOuts | None) -> bool:
    if opt_outs is None or not _ACCOUNT.fullmatch(account):
        return False
    return bool(opt_outs.covering(Origin(url=f"https://github.com/{account}", path="")))


def _file(repository: str, conversation: Conversation) -> SourceFile:
    return SourceFile(
        content=write_transcript(conversation),
        origin=Origin(
            url=f"https://github.com/{repository}",
            path=conversation.path,
            date=conversation.events[0].time or None,
        ),
    )
