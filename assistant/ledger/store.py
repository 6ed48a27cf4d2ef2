"""The ledger's file: an SQLite database in WAL mode to which rows are added, and nothing else is done.

Several servers may write to it at once; each row is a transaction of its own, forced to disk. A file that is
damaged is put aside under another name, said so, and a new one begun: what it holds may still be rescued.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assistant.errors import LedgerUnusableError
from assistant.ledger.acceptance import Acceptance, ToldBy
from assistant.ledger.sketch import Sketch
from assistant.tracing import Decision
from attribution.model import Verdict
from attribution.report.json_reading import match_of_json
from attribution.report.json_report import match_as_json
from attribution.span import Span

FORMAT = 1
_APPLICATION = 0x5CA77B1E
_WAIT_SECONDS = 10.0
_COMPANIONS = ("", "-wal", "-shm")
_PRIMARY_CODE = 0xFF
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TABLE = """CREATE TABLE acceptance (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    suggestion TEXT NOT NULL,
    accepted_at TEXT NOT NULL,
    path TEXT NOT NULL,
    first_line INTEGER NOT NULL,
    last_line INTEGER NOT NULL,
    characters INTEGER NOT NULL,
    is_whole INTEGER NOT NULL,
    told_by TEXT NOT NULL,
    model TEXT NOT NULL,
    prompt_hash TEXT NOT NULL,
    traced INTEGER NOT NULL,
    decision TEXT NOT NULL,
    verdict TEXT NOT NULL,
    matches TEXT NOT NULL,
    sketch TEXT NOT NULL
) STRICT"""
_REFUSALS = [
    f"CREATE TRIGGER no_{action} BEFORE {action} ON acceptance "
    "BEGIN SELECT RAISE(ABORT, 'a ledger is only added to'); END"
    for action in ("UPDATE", "DELETE")
]
_COLUMNS = (
    "suggestion, accepted_at, path, first_line, last_line, characters, is_whole, told_by, model, prompt_hash,"
    " traced, decision, verdict, matches, sketch"
)
_INSERT = f"INSERT INTO acceptance ({_COLUMNS}) VALUES ({', '.join('?' * 15)})"


class Ledger:
    """The accepted suggestions of one workspace; belongs to one thread at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path, *, tell: Callable[[str], None]) -> Ledger:
        """Open the file, or begin it; ``tell`` is called with a sentence where a damaged one is put aside.

        Raises :class:`LedgerUnusableError`.
        """
        with _errors_named(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                return cls(path, _connect(path))
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
            return cls(path, _begin_anew(path, tell))

    def append(self, acceptance: Acceptance) -> None:
        """Add a row; it is on disk when this returns. Raises :class:`LedgerUnusableError`."""
        with _errors_named(self.path), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(_INSERT, _row(acceptance))

    def acceptances(self) -> list[Acceptance]:
        """What was accepted, oldest first; of what was taken piece by piece, the largest piece.

        Raises :class:`LedgerUnusableError`.
        """
        largest: dict[str, Acceptance] = {}
        with _errors_named(self.path):
            rows = self._connection.execute(f"SELECT {_COLUMNS} FROM acceptance ORDER BY position").fetchall()
        for row in rows:
            found = _acceptance(self.path, row)
            known = largest.get(found.suggestion)
            if known is None or found.characters >= known.characters:
                largest[found.suggestion] = found
        return list(largest.values())

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._connection.close()


def read_ledger(path: Path) -> list[Acceptance]:
    """What a ledger holds; nothing where there is no file. Raises :class:`LedgerUnusableError`.

    A damaged file is left where it is, for the error to speak of.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return []
    with _errors_named(path):
        connection = _connect(path)
    with closing(connection):
        return Ledger(path, connection).acceptances()


def _connect(path: Path) -> sqlite3.Connection:
    """Connect, look whether the file is whole and ours, and make the table where it is new."""
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        is_new = _is_new(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if is_new:
            _make_table(connection, path)
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise _Damage(str(found))
    except BaseException:
        connection.close()
        raise
    return connection


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the database is empty; raise for one that is not ours, or of another version."""
    (things,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if things == 0:
        return True
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION:
        raise _Damage("it is another program's database")
    if version != FORMAT:
        reason = f"it has format {version} and this version reads format {FORMAT}"
        raise LedgerUnusableError(path, reason, remedy="upgrade sc-attrib")
    return False


def _make_table(connection: sqlite3.Connection, path: Path) -> None:
    """Make the table, unless another process was quicker."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        if _is_new(connection, path):
            for statement in (_TABLE, *_REFUSALS):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")


class _Damage(sqlite3.DatabaseError):
    """A file that SQLite reads, and that is no ledger."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE in _DAMAGED


def _begin_anew(path: Path, tell: Callable[[str], None]) -> sqlite3.Connection:
    """Put a damaged file aside and begin another; of several servers the first one does it."""
    with _only_one(path):
        try:
            return _connect(path)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            reason = str(error)
        aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
        for companion in _COMPANIONS:
            with suppress(FileNotFoundError):
                path.with_name(path.name + companion).rename(aside.with_name(aside.name + companion))
        connection = _connect(path)
    tell(
        f"The ledger of accepted suggestions {path} is damaged ({reason}); it was put aside as {aside.name} "
        "and a new one begun, so what it held is missing from reports until it is restored from a backup"
    )
    return connection


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold the right to put the file aside: an exclusive transaction, which ends with its process."""
    lock = sqlite3.connect(path.with_name(path.name + ".lock"), timeout=_WAIT_SECONDS, isolation_level=None)
    with closing(lock):
        lock.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Give the errors of the system and of SQLite a name and a way out."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            reason, remedy = "another process keeps it locked", "end that process, or wait for it"
        elif code in _DAMAGED:
            reason = f"it is damaged ({error})"
            remedy = "put it aside and restore it from a backup; the language server begins a new one"
        else:
            reason, remedy = f"it cannot be used ({error})", "check its permissions and free space"
        raise LedgerUnusableError(path, reason, remedy=remedy) from error
    except OSError as error:
        raise LedgerUnusableError(
            path, f"it cannot be used ({error.strerror})", remedy="check its permissions and free space"
        ) from error


def _row(acceptance: Acceptance) -> tuple[str | int, ...]:
    return (
        acceptance.suggestion,
        acceptance.accepted_at,
        os.fsencode(acceptance.path).decode("utf-8", "backslashreplace"),
        acceptance.lines.first,
        acceptance.lines.last,
        acceptance.characters,
        int(acceptance.is_whole),
        acceptance.told_by.value,
        acceptance.model,
        acceptance.prompt_hash,
        int(acceptance.traced),
        acceptance.decision.value,
        acceptance.verdict.value,
        json.dumps([match_as_json(match) for match in acceptance.matches]),
        acceptance.sketch.as_text(),
    )


def _acceptance(path: Path, row: tuple[Any, ...]) -> Acceptance:
    suggestion, at, file, first, last, characters, whole, told_by, model, prompt, traced, *rest = row
    decision, verdict, matches, sketch = rest
    try:
        return Acceptance(
            suggestion=suggestion,
            accepted_at=at,
            path=file,
            lines=Span(first, last),
            characters=characters,
            is_whole=bool(whole),
            told_by=ToldBy(told_by),
            model=model,
            prompt_hash=prompt,
            traced=bool(traced),
            decision=Decision(decision),
            verdict=Verdict(verdict),
            matches=tuple(match_of_json(match) for match in json.loads(matches)),
            sketch=Sketch.of_text(sketch),
        )
    except ValueError as error:
        raise LedgerUnusableError(
            path, f"a row of it cannot be read ({error})", remedy="restore it from a backup"
        ) from error
