"""The Stack v2: parquet files that say which contents there are, and their bytes from Software Heritage.

Both published forms are read: a row a file, and a row a repository with its ``files``. The trap in them:
``blob_id`` is the plain SHA-1 under which the object store keeps a content, ``content_id`` is git's SHA-1,
from which the SWHID is made. Bytes must hash to both before they are believed.

A file's content is its bytes as they were archived, so that its SWHID holds. ``src_encoding`` decides only
whether they are text. Files in UTF-16 and UTF-32 are left out as those of every other source are: their SWHID
names bytes full of NULs, in which nothing that anybody checks would be found.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from attribution.licenses.conclude import conclude
from attribution.licenses.dataset import statements_of_dataset
from attribution.licenses.headers import statements_of_file
from attribution.licenses.statement import Statement
from attribution.model import Facts, Origin, SourceFile
from attribution.sources import stack_rows
from attribution.sources.fetching import map_in_order
from attribution.sources.files import (
    CODE,
    MAX_FILE_BYTES,
    Choice,
    SkipReason,
    reason_by_content,
    reason_by_path,
)
from attribution.sources.object_store import ObjectStore
from attribution.sources.parquet import (
    Kind,
    Layout,
    Record,
    check_layout,
    ensure_pyarrow,
    parquet_files,
    read_records,
)
from attribution.sources.store_settings import StoreSettings
from attribution.swhid import Swhid

LAYOUT = Layout(
    dataset="The Stack v2",
    required={
        "blob_id": Kind.TEXT,
        "content_id": Kind.TEXT,
        "path": Kind.TEXT,
        "repo_name": Kind.TEXT,
        "src_encoding": Kind.TEXT,
        "length_bytes": Kind.NUMBER,
        "is_vendor": Kind.FLAG,
        "is_generated": Kind.FLAG,
        "detected_licenses": Kind.TEXTS,
        "license_type": Kind.TEXT,
    },
    optional={
        "revision_id": Kind.TEXT,
        "snapshot_id": Kind.TEXT,
        "revision_date": Kind.TIME,
        "visit_date": Kind.TIME,
        "gha_license_id": Kind.TEXT,
        "star_events_count": Kind.NUMBER,
        "fork_events_count": Kind.NUMBER,
    },
)
_WIDE = ("utf-16", "utf-32")
_NOT_CHARACTER_SETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""What Python calls encodings of text and no file is written in; some take quadratic time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A file whose row is sound: what is to be fetched, and what is known of it already."""

    sha1: str
    git_sha1: str
    encoding: str
    origin: Origin
    """Without a licence yet: the content has a say in it."""
    statements: tuple[Statement, ...]
    facts: Facts

    def source_file(self, content: bytes) -> SourceFile:
        """The file with its content."""
        license = conclude((*statements_of_file(content, self.origin.path), *self.statements))
        origin = replace(self.origin, license=license)
        return SourceFile(content=content, origin=origin, facts=self.facts)


def read_stack_v2(
    paths: Sequence[Path],
    *,
    skipped: Counter[str],
    store: StoreSettings | None = None,
    choice: Choice = CODE,
) -> Iterator[SourceFile]:
    """Yield the code files that parquet files (or folders of them) list, in their order.

    Left-out files are counted in ``skipped`` by reason. Raises :class:`UnreadableInputError` for a file that
    is no such parquet, before anything is fetched, and for damage when it is met; :class:`StoreUnusableError`
    when the object store refuses everything, :class:`CacheUnusableError` when the folder for fetched objects
    cannot be written, and :class:`MissingExtraError` without the extra ``stack``.
    """
    ensure_pyarrow()
    settings = store or StoreSettings()
    files = parquet_files(paths)
    for path in files:
        check_layout(path, LAYOUT)
    objects = ObjectStore(settings)
    wanted = _wanted(files, skipped, choice)
    fetched = map_in_order(
        lambda file: _checked(file, objects.content(file.sha1), choice),
        wanted,
        threads=settings.connections,
        stop=objects.close,
    )
    with closing(fetched):
        for file, content in fetched:
            if isinstance(content, SkipReason):
                skipped[content] += 1
            else:
                yield file.source_file(content)
    objects.ensure_used()


def _wanted(paths: Iterable[Path], skipped: Counter[str], choice: Choice) -> Iterator[_Wanted]:
    """Rows whose content is worth fetching; the others are counted."""
    for path in paths:
        for record in read_records(path, LAYOUT):
            row = _row(record)
            reason = SkipReason.MALFORMED if row is None else _reason_by_row(record, row, choice)
            if reason is not None:
                skipped[reason] += 1
            elif row is not None:
                yield row


def _row(record: Record) -> _Wanted | None:
    """A row in our terms; ``None`` where an id, the repository or the path is none."""
    sha1, git_sha1 = stack_rows.sha1(record, "blob_id"), stack_rows.sha1(record, "content_id")
    url, path = stack_rows.repository_url(record, "repo_name"), stack_rows.relative_path(record, "path")
    if sha1 is None or git_sha1 is None or url is None or path is None:
        return None
    return _Wanted(
        sha1=sha1,
        git_sha1=git_sha1,
        encoding=stack_rows.text(record, "src_encoding") or "utf-8",
        origin=Origin(
            url=url,
            path=path,
            revision=stack_rows.revision(record, "revision_id"),
            snapshot=stack_rows.snapshot(record, "snapshot_id"),
            date=stack_rows.earliest_date(record, "revision_date", "visit_date"),
        ),
        statements=statements_of_dataset(
            detected_licenses=stack_rows.texts(record, "detected_licenses"),
            license_type=stack_rows.text(record, "license_type"),
            hosting_license=stack_rows.text(record, "gha_license_id"),
        ),
        facts=Facts(
            stars=stack_rows.number(record, "star_events_count"),
            forks=stack_rows.number(record, "fork_events_count"),
            is_vendored=stack_rows.flag(record, "is_vendor"),
            is_generated=stack_rows.flag(record, "is_generated"),
        ),
    )


def _reason_by_row(record: Record, row: _Wanted, choice: Choice) -> SkipReason | None:
    """Why a file is left out before it is fetched; ``None`` where it is not."""
    reason = reason_by_path(row.origin.path, choice=choice)
    if reason is not None:
        return reason
    if record.get("is_vendor") and SkipReason.VENDORED in choice.leave_out:
        return SkipReason.VENDORED
    if record.get("is_generated") and SkipReason.GENERATED in choice.leave_out:
        return SkipReason.GENERATED
    length = stack_rows.number(record, "length_bytes")
    if length == 0:
        return SkipReason.EMPTY
    if length is not None and length > MAX_FILE_BYTES:
        return SkipReason.TOO_LARGE
    return None if _codec(row.encoding) else SkipReason.NO_DECODING


def _codec(encoding: str) -> str | None:
    """Python's name of a character set that files are read in; ``None`` where it is not one."""
    try:
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        return None
    return None if name.startswith(_WIDE) or name in _NOT_CHARACTER_SETS else name


def _checked(file: _Wanted, content: bytes | SkipReason, choice: Choice) -> bytes | SkipReason:
    """The content if it is what the row says and to be read, or why not."""
    if isinstance(content, SkipReason):
        return content
    if Swhid.of_content(content).object_id != file.git_sha1:
        return SkipReason.CORRUPT
    reason = reason_by_content(content, choice=choice)
    if reason is None and not _is_text(content, file.encoding):
        reason = SkipReason.NO_DECODING
    return reason or content


def _is_text(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except (LookupError, ValueError):  # a codec of bytes, such as zlib, is a LookupError here
        return False
    return True
