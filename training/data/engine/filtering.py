"""The first half: a shard of source files through the filters, with signatures for deduplication."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from attribution.fingerprint.minhash import sign
from attribution.model import SourceFile
from training.data.documents import NAME as READING
from training.data.documents import Opening, open_documents
from training.data.engine.rows import (
    Row,
    filtered_schema,
    marks_of,
    redactions_of,
    refusal_of,
    row_of,
    signature_bytes,
    write_rows,
)
from training.data.engine.whole_files import write_whole
from training.data.stage import Document, Dropped, DropReason, Judged, Stage, run_stages


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterTask:
    """One shard, and where its rows go."""

    path: Path
    files: tuple[SourceFile, ...]
    stages: tuple[Stage, ...]
    opening: Opening = field(default_factory=Opening)


def filter_shard(task: FilterTask) -> None:
    """Filter a shard and write its rows, in the order of its files, with the stages' notices and counts."""
    judged = filter_files(task.files, task.stages, task.opening)
    rows = rows_in_order(task.files, judged)
    write_whole(task.path, lambda path: write_rows(path, rows, filtered_schema(), judged))


def filter_files(
    files: tuple[SourceFile, ...], stages: tuple[Stage, ...], opening: Opening | None = None
) -> Judged:
    """Open files and send them through stages."""
    opened = open_documents(files, opening or Opening())
    judged = run_stages(stages, opened.kept)
    unread = tuple(
        Dropped(document=d.document, reason=d.reason, detail=d.detail, stage=READING) for d in opened.dropped
    )
    return replace(judged, dropped=(*unread, *judged.dropped))


def rows_in_order(files: tuple[SourceFile, ...], judged: Judged) -> list[Row]:
    """A row a file: with bytes and signature where it is kept, or held out and to be compared with."""
    rows = {id(document.file): kept_row(document) for document in judged.kept}
    for dropped in judged.dropped:
        compared = dropped.reason is DropReason.HELD_OUT
        row = kept_row(dropped.document) if compared else row_of(dropped.document)
        rows[id(dropped.document.file)] = {**row, **refusal_of(dropped)}
    return [rows[id(file)] for file in files]


def kept_row(document: Document) -> Row:
    """A document that goes on; its text only where it is not that of the file."""
    text = document.text.encode("utf-8", "surrogatepass")
    return {
        **row_of(document),
        "bytes": document.file.content,
        "signature": signature_bytes(sign(text)),
        "content": document.text if document.redactions or document.marks else None,
        "redactions": redactions_of(document),
        "marks": marks_of(document),
    }
