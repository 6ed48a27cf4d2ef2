"""The catalog of an index: which segments are live. SQLite, changed in transactions only.

A rollback journal is used rather than a write-ahead log: transactions are tiny, readers open the catalog
only to list the segments, and an index on read-only media stays readable.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from attribution.errors import (
    IndexCorruptError,
    IndexLockedError,
    IndexNotFoundError,
    IndexUnusableError,
    IndexVersionError,
)
from attribution.index.profile import Profile

FORMAT = 1
_FILE = "catalog.sqlite"
_LOCK = "writer.lock"
_WAIT_SECONDS = 10
_PRIMARY_CODE = 0xFF
_NOT_ALLOWED = (
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_IOERR,
)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS segment (
    id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    profile TEXT NOT NULL,
    documents INTEGER NOT NULL,
    source_bytes INTEGER NOT NULL,
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) STRICT
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """What the catalog knows of a live segment."""

    id: str
    profile: Profile
    documents: int
    source_bytes: int
    """Bytes of the distinct contents it was made from."""
    created: str = ""
    """UTC, ISO 8601; set by the catalog."""


def read_segments(index: Path) -> list[SegmentRow]:
    """List the live segments of an index, oldest first.

    Raises :class:`IndexNotFoundError`, :class:`IndexVersionError`, :class:`IndexCorruptError`, and another
    :class:`IndexUnusableError` where the catalog cannot be opened.
    """
    if not os.access(index / _FILE, os.F_OK):
        raise IndexNotFoundError(index)
    with _errors_named(index), closing(_open_to_read(index)) as connection:
        _check_format(connection, index)
        rows = connection.execute(
            "SELECT id, profile, documents, source_bytes, created FROM segment ORDER BY position"
        ).fetchall()
    try:
        return [
            SegmentRow(id=i, profile=Profile(p), documents=d, source_bytes=b, created=c)
            for i, p, d, b, c in rows
        ]
    except ValueError as error:
        raise IndexCorruptError(index / _FILE, f"is damaged ({error})") from error


def replace_segments(index: Path, *, remove: Sequence[str], add: Sequence[SegmentRow]) -> None:
    """Take segments out and put others in, in one transaction; creates the catalog if need be.

    The transaction is on disk when this returns. Raises :class:`IndexUnusableError` and its subclasses.
    """
    with (
        _errors_named(index),
        closing(sqlite3.connect(index / _FILE, timeout=_WAIT_SECONDS, isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.executemany("DELETE FROM segment WHERE id = ?", [(i,) for i in remove])
        connection.executemany(
            "INSERT OR REPLACE INTO segment (id, position, profile, documents, source_bytes) "
            "VALUES (?, (SELECT coalesce(max(position), 0) + 1 FROM segment), ?, ?, ?)",
            [(row.id, row.profile.value, row.documents, row.source_bytes) for row in add],
        )
        connection.execute("COMMIT")


def set_catalog_aside(index: Path) -> None:
    """Make room for a new catalog where the old one cannot be read; segments are left alone."""
    (index / f"{_FILE}-journal").unlink(missing_ok=True)
    (index / _FILE).unlink()


@contextmanager
def _errors_named(index: Path) -> Iterator[None]:
    """Give SQLite's errors their right names and a way out."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY_CODE
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise IndexLockedError(index) from error
        if code in _NOT_ALLOWED:
            reason = f"its catalog cannot be used ({error})"
            raise IndexUnusableError(
                index, reason, remedy="check the folder's permissions and free space"
            ) from error
        raise IndexCorruptError(index / _FILE, f"is damaged ({error})") from error


def _open_to_read(index: Path) -> sqlite3.Connection:
    """Open the catalog so that the journal of a killed writer can be rolled back, if this user may."""
    may_write = os.access(index, os.W_OK) and os.access(index / _FILE, os.W_OK)
    uri = f"file:{quote(str((index / _FILE).resolve()))}?mode={'rw' if may_write else 'ro'}"
    return sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS)


def _check_format(connection: sqlite3.Connection, index: Path) -> None:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found == 0:  # created, and its writer killed before the first commit
        raise IndexNotFoundError(index)
    if found > FORMAT:
        raise IndexVersionError(index, found=found, known=FORMAT)


@contextmanager
def writer_lock(index: Path, *, wait_seconds: float = 5.0) -> Iterator[None]:
    """Hold the one right to write; raise :class:`IndexLockedError` if another process keeps it.

    An exclusive SQLite transaction on a file of its own: works on every platform and ends with its process.
    """
    with (
        _errors_named(index),
        closing(sqlite3.connect(index / _LOCK, timeout=wait_seconds, isolation_level=None)) as connection,
    ):
        connection.execute("BEGIN EXCLUSIVE")
        yield
