"""The catalog of an index: which segments are live, what was removed from them, and what must stay out.

``catalog.sqlite`` is an SQLite database, so that anyone can read it, followed by a seal: 16 fixed bytes and
the BLAKE2 digest of everything before them. A change writes a new file, forces it to disk and renames it over
the old one. So a reader sees one state or the next and needs no lock, a crash changes nothing, an index on
read-only media stays readable, no flipped byte is believed, and nothing of an earlier state stays behind.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attribution.errors import (
    IndexCorruptError,
    IndexLockedError,
    IndexNotFoundError,
    IndexUnusableError,
    IndexVersionError,
)
from attribution.index.disk import replace_file
from attribution.index.profile import Profile

FORMAT = 2
CATALOG = "catalog.sqlite"
LOCK = "writer.lock"
SEGMENTS = "segments"
NO_STAMP = (0, 0, 0, 0)
WAIT_SECONDS = 5.0
"""How long a writer waits for another one to end."""
_SEAL = b"sc-attrib sealed"
_DIGEST_BYTES = 16
_SQLITE_MAGIC = b"SQLite format 3\0"
_VERSION_AT = 60
"""Where SQLite keeps ``user_version``, a big-endian u32."""
_PRIMARY_CODE = 0xFF
_NOT_ALLOWED = (
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_IOERR,
)
_SCHEMA = """
CREATE TABLE segment (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    profile TEXT NOT NULL,
    documents INTEGER NOT NULL,
    source_bytes INTEGER NOT NULL,
    created TEXT NOT NULL,
    hidden_occurrences BLOB NOT NULL
) STRICT;
CREATE TABLE opt_out (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
"""


def _nothing() -> NDArray[np.uint32]:
    return np.empty(0, dtype="<u4")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """What the catalog knows of a live segment."""

    id: str
    profile: Profile
    documents: int
    """Distinct contents that it holds, without removed ones."""
    source_bytes: int
    """Bytes of these contents."""
    created: str = field(default_factory=_now)
    """UTC, ISO 8601."""
    hidden: NDArray[np.uint32] = field(default_factory=_nothing, compare=False)
    """Occurrences removed since it was written, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """One state of an index."""

    segments: tuple[SegmentRow, ...] = ()
    """Oldest first."""
    opt_outs: frozenset[str] = frozenset()
    """Ids of what must stay out: core SWHIDs and URLs of origins."""

    @property
    def generation(self) -> str:
        """Digest of what is asked: the segments and what was removed from them; opt-outs hide nothing."""
        return generation_of(self.segments)

    def with_segment(self, row: SegmentRow) -> Catalog:
        """The state with one segment more, or with this row in the place of a live one of equal id.

        Equal ids are equal content, so what the row does not hide is what a writer has just let in.
        """
        if all(row.id != live.id for live in self.segments):
            return replace(self, segments=(*self.segments, row))
        return replace(self, segments=tuple(row if row.id == live.id else live for live in self.segments))


def generation_of(*indexes: Iterable[SegmentRow]) -> str:
    """Names a state of one or several indexes: another one whenever their answers may be others."""
    digest = hashlib.blake2b(digest_size=8)
    for rows in indexes:
        for row in rows:
            digest.update(row.id.encode() + row.hidden.tobytes() + b"\0")
        digest.update(b"\1")
    return digest.hexdigest()


def stamp_of(index: Path) -> tuple[int, int, int, int]:
    """What changes whenever the catalog is replaced; :data:`NO_STAMP` for one that is not there."""
    try:
        found = (index / CATALOG).stat()
    except OSError:
        return NO_STAMP
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def read_catalog(index: Path) -> Catalog:
    """The state of an index.

    Raises :class:`IndexNotFoundError`, :class:`IndexVersionError`, :class:`IndexCorruptError`, and another
    :class:`IndexUnusableError` where the catalog cannot be opened.
    """
    with _reading(index) as connection:
        opt_outs = frozenset(name for (name,) in connection.execute("SELECT id FROM opt_out"))
        return Catalog(segments=_segments(connection), opt_outs=opt_outs)


def read_segments(index: Path) -> list[SegmentRow]:
    """List the live segments of an index, oldest first; raises as :func:`read_catalog` does."""
    with _reading(index) as connection:
        return [*_segments(connection)]


def salvaged_opt_outs(index: Path) -> frozenset[str]:
    """The opt-outs of a damaged catalog, as far as SQLite finds their table whole.

    Raises :class:`IndexUnusableError` where it does not: nobody is to forget them without knowing.
    """
    data = _read(index)
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(data.rpartition(_SEAL)[0] or data or _SQLITE_MAGIC)
            ((answer,),) = connection.execute("PRAGMA integrity_check(opt_out)")
            if answer == "ok":
                return frozenset(name for (name,) in connection.execute("SELECT id FROM opt_out"))
    except (sqlite3.Error, ValueError):
        pass
    raise IndexUnusableError(
        index / CATALOG,
        "is damaged, and what the index keeps out cannot be read from it",
        remedy=f"to build anew without these opt-outs delete the folder {index} yourself",
    )


def remembered_opt_outs(index: Path) -> frozenset[str]:
    """What an index keeps out, also a damaged one; nothing where there is none.

    Raises :class:`IndexVersionError`, and :class:`IndexUnusableError` where it cannot be told.
    """
    try:
        return read_catalog(index).opt_outs
    except IndexNotFoundError:
        return frozenset()
    except IndexCorruptError:
        return salvaged_opt_outs(index)


def write_catalog(index: Path, catalog: Catalog) -> None:
    """Put a state in place in one step; it is on disk when this returns. Raises :class:`OSError`."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.executemany(
            "INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    at,
                    row.id,
                    row.profile.value,
                    row.documents,
                    row.source_bytes,
                    row.created,
                    _pack(row.hidden),
                )
                for at, row in enumerate(catalog.segments)
            ],
        )
        connection.executemany(
            "INSERT INTO opt_out VALUES (?)", [(name,) for name in sorted(catalog.opt_outs)]
        )
        connection.commit()
        replace_file(index / CATALOG, sealed(connection.serialize()))


def sealed(data: bytes) -> bytes:
    """``data`` with the seal by which readers know that it is whole."""
    return data + _SEAL + hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


@contextmanager
def _reading(index: Path) -> Iterator[sqlite3.Connection]:
    """The catalog as a database in memory, all of it checked."""
    data = _unsealed(index, _read(index))
    with _errors_named(index), closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        yield connection


def _read(index: Path) -> bytes:
    try:
        return (index / CATALOG).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        ensure_no_file(index)
        raise IndexNotFoundError(index) from error
    except OSError as error:
        reason = f"its catalog cannot be read ({error.strerror or error})"
        raise IndexUnusableError(index, reason, remedy="check the permissions of the folder") from error


def ensure_no_file(index: Path) -> None:
    """Raise :class:`IndexUnusableError` for a file in the place of an index's folder."""
    if index.is_file():
        raise IndexUnusableError(index, "is a file, not a folder", remedy="name the folder of an index")


def _unsealed(index: Path, raw: bytes) -> bytes:
    """The database without its seal; raises where the seal is missing or broken."""
    data, seal = raw[: -len(_SEAL) - _DIGEST_BYTES], raw[-len(_SEAL) - _DIGEST_BYTES :]
    version = int.from_bytes(raw[_VERSION_AT : _VERSION_AT + 4], "big")
    if sealed(data)[-len(seal) :] != seal:
        if raw.startswith(_SQLITE_MAGIC) and version == 1 and _SEAL not in seal:
            raise IndexVersionError(index, found=version, known=FORMAT)
        raise IndexCorruptError(index / CATALOG, "is damaged")
    if version != FORMAT:
        raise IndexVersionError(index, found=version, known=FORMAT)
    return data


def _segments(connection: sqlite3.Connection) -> tuple[SegmentRow, ...]:
    rows = connection.execute(
        "SELECT id, profile, documents, source_bytes, created, hidden_occurrences"
        " FROM segment ORDER BY position"
    )
    return tuple(
        SegmentRow(
            id=name,
            profile=Profile(profile),
            documents=documents,
            source_bytes=source_bytes,
            created=created,
            hidden=np.frombuffer(hidden, dtype="<u4"),
        )
        for name, profile, documents, source_bytes, created, hidden in rows
    )


def _pack(numbers: NDArray[np.uint32]) -> bytes:
    return numbers.astype("<u4").tobytes()


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
            reason = f"its files cannot be used ({error})"
            raise IndexUnusableError(
                index, reason, remedy="check the folder's permissions and free space"
            ) from error
        raise IndexCorruptError(index / CATALOG, f"is damaged ({error})") from error


@contextmanager
def writer_lock(index: Path, *, wait_seconds: float | None = None) -> Iterator[None]:
    """Hold the one right to write; raise :class:`IndexLockedError` if another process keeps it.

    An exclusive SQLite transaction on a file of its own: works on every platform and ends with its process.
    """
    wait = WAIT_SECONDS if wait_seconds is None else wait_seconds
    with _errors_named(index):
        connection = sqlite3.connect(index / LOCK, timeout=wait, isolation_level=None)
    with closing(connection):
        with _errors_named(index):
            connection.execute("BEGIN EXCLUSIVE")
        yield
