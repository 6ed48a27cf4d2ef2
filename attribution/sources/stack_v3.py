"""The Stack v3: parquet files with a row a repository and the contents of its files inside.

Its ``content_id`` is the plain SHA-1 of a file's content as it was crawled. The published training set has
personal data replaced in some files; those do not hash to their id any more, so no SWHID could be given for
what was in the repository, and they are left out and counted. There is no snapshot: the commit anchors a
file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from attribution.licenses.conclude import conclude
from attribution.licenses.dataset import statements_of_dataset
from attribution.licenses.headers import statements_of_file
from attribution.model import Facts, License, Origin, SourceFile
from attribution.sources import stack_rows
from attribution.sources.files import (
    CODE,
    MAX_FILE_BYTES,
    Choice,
    SkipReason,
    reason_by_content,
    reason_by_path,
)
from attribution.sources.parquet import (
    Kind,
    Layout,
    Record,
    check_layout,
    ensure_pyarrow,
    parquet_files,
    read_records,
)

LAYOUT = Layout(
    dataset="The Stack v3",
    required={
        "repo_path": Kind.TEXT,
        "commit_id": Kind.TEXT,
        "content_id": Kind.TEXT,
        "content": Kind.DATA,
        "file_path": Kind.TEXT,
        "detected_licenses": Kind.TEXTS,
        "license_type": Kind.TEXT,
        "is_vendor": Kind.FLAG,
    },
    optional={"file_timestamp": Kind.TIME},
)


def read_stack_v3(
    paths: Sequence[Path], *, skipped: Counter[str], choice: Choice = CODE
) -> Iterator[SourceFile]:
    """Yield the code files in parquet files (or folders of them), in their order.

    Left-out files are counted in ``skipped`` by reason. Raises :class:`UnreadableInputError` for a file that
    is no such parquet, before anything is read, and for damage when it is met, and :class:`MissingExtraError`
    without the extra ``stack``.
    """
    ensure_pyarrow()
    files = parquet_files(paths)
    for path in files:
        check_layout(path, LAYOUT)
    for path in files:
        for record in read_records(path, LAYOUT):
            file = _source_file(record, choice)
            if isinstance(file, SkipReason):
                skipped[file] += 1
            else:
                yield file


def _source_file(record: Record, choice: Choice) -> SourceFile | SkipReason:
    """The file of a record, or why it is left out."""
    url, path = stack_rows.repository_url(record, "repo_path"), stack_rows.relative_path(record, "file_path")
    sha1, content = stack_rows.sha1(record, "content_id"), record.get("content")
    if url is None or path is None or sha1 is None or not isinstance(content, bytes):
        return SkipReason.MALFORMED
    reason = _reason(record, path, sha1, content, choice)
    if reason is not None:
        return reason
    return SourceFile(
        content=content,
        origin=Origin(
            url=url,
            path=path,
            revision=stack_rows.revision(record, "commit_id"),
            date=stack_rows.earliest_date(record, "file_timestamp"),
            license=_license(record, path, content),
        ),
        facts=Facts(is_vendored=stack_rows.flag(record, "is_vendor")),
    )


def _reason(record: Record, path: str, sha1: str, content: bytes, choice: Choice) -> SkipReason | None:
    """Why a file is left out; ``None`` where it is not."""
    reason = reason_by_path(path, choice=choice)
    if reason is not None:
        return reason
    if record.get("is_vendor") and SkipReason.VENDORED in choice.leave_out:
        return SkipReason.VENDORED
    if len(content) > MAX_FILE_BYTES:
        return SkipReason.TOO_LARGE
    if hashlib.sha1(content, usedforsecurity=False).hexdigest() != sha1:
        return SkipReason.ALTERED
    return reason_by_content(content, choice=choice)


def _license(record: Record, path: str, content: bytes) -> License:
    stated = statements_of_dataset(
        detected_licenses=stack_rows.texts(record, "detected_licenses"),
        license_type=stack_rows.text(record, "license_type"),
    )
    return conclude((*statements_of_file(content, path), *stated))
