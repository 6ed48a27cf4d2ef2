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
from contextlib import closing
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any

from attribution.index.opt_outs import OptOuts
from attribution.model import Origin, SourceFile
from training.data.conversations.events import OtherKindError, Said, read_record
from training.data.conversations.json_records import DAMAGED, read_json_records
from training.data.conversations.transcript import Action, Conversation, Event, write_transcript

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
    WHERE (excluded.time, excluded.title, excluded.event) > (time, title, event)
"""
_IN_ORDER = "SELECT * FROM said ORDER BY repository, number, rank, time, key"
_BROKEN = (ValueError, KeyError, TypeError, AttributeError)
"""What reading a record raises that is not what it should be."""


class SkippedEvent(StrEnum):
    """Why a record is not a part of any conversation; counted beside what other sources skip."""

    OTHER_KIND = "record of another kind than issues and pull requests"
    BROKEN = "record that cannot be read"
    NO_OPENING = "conversation without its beginning"
    OPTED_OUT = "conversation or comment of who opted out"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    repository: str
    number: int
    is_pull: bool | None
    title: str | None
    event: Event


def read_conversations(
    paths: Sequence[Path], *, skipped: Counter[str], opt_outs: OptOuts | None = None
) -> Iterator[SourceFile]:
    """Yield the conversations in files of JSON, by repository and number.

    What accounts in ``opt_outs`` wrote is left out, and all that they opened; repositories are for the stage
    that drops their code too. Records are counted in ``skipped``. Raises :class:`UnreadableInputError` for
    what is no such file, or damaged.
    """
    with (
        tempfile.TemporaryDirectory(prefix="sc-attrib-") as folder,
        closing(sqlite3.connect(Path(folder) / "events.sqlite", isolation_level=None)) as database,
    ):
        database.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLE}; BEGIN;")
        for path in paths:
            _enter(path, database, skipped)
        rows = map(_row, database.execute(_IN_ORDER))
        for (repository, _), group in groupby(rows, key=lambda row: (row.repository, row.number)):
            conversation = _conversation([*group], opt_outs, skipped)
            if conversation is not None:
                yield _file(repository, conversation)


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
    rank = 0 if said.event.action is Action.OPENED else 1
    event, title = json.dumps(asdict(said.event)), _whole(said.title or "")
    return said.repository, said.number, rank, said.event.time, said.key, said.is_pull, title, event


def _whole(text: str) -> str:
    """A text without halves of characters, which JSON may name."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _row(values: tuple[Any, ...]) -> _Row:
    repository, number, _, _, _, is_pull, title, event = values
    said = json.loads(event)
    return _Row(
        repository=repository,
        number=number,
        is_pull=None if is_pull is None else bool(is_pull),
        title=title,
        event=Event(**{**said, "action": Action(said["action"])}),
    )


def _conversation(rows: list[_Row], opt_outs: OptOuts | None, skipped: Counter[str]) -> Conversation | None:
    """What was said in one place; ``None`` where the beginning is missing, or its author opted out."""
    if rows[0].event.action is not Action.OPENED:
        skipped[SkippedEvent.NO_OPENING] += 1
        return None
    allowed = [row.event for row in rows if not _is_opted_out(row.event.author, opt_outs)]
    if len(allowed) < len(rows):
        skipped[SkippedEvent.OPTED_OUT] += len(rows) - len(allowed)
    if not allowed or allowed[0].action is not Action.OPENED:
        return None
    return Conversation(
        repository=rows[0].repository,
        number=rows[0].number,
        title=rows[0].title or "",
        is_pull=any(row.is_pull for row in rows),
        events=tuple(allowed),
    )


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
