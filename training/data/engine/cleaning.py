"""The second half: what deduplication left of a shard goes through the last stages, and is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.documents import open_document
from training.data.engine.deduplicating import NAME as DEDUPLICATION
from training.data.engine.deduplicating import Decision
from training.data.engine.rows import (
    Row,
    curated_schema,
    document_of,
    file_of,
    marks_of,
    redactions_of,
    refusal_of,
    write_rows,
)
from training.data.engine.whole_files import write_whole
from training.data.stage import Document, Judged, Stage, run_stages


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningTask:
    """A filtered shard, what was decided about its rows, and where they go."""

    filtered: Path
    curated: Path
    decisions: NDArray[np.void]
    stages: tuple[Stage, ...]


def clean_shard(task: CleaningTask) -> None:
    """Finish a shard and write it with the stages' notices and counts, unless that is done."""
    if task.curated.is_file():
        return
    import pyarrow.parquet as pq

    rows: list[Row] = pq.read_table(task.filtered).to_pylist()
    for row, (decision, kept) in zip(rows, task.decisions.tolist(), strict=True):
        if decision != Decision.AS_IT_WAS:
            row.update(_copy_columns(Decision(decision), kept.hex()))
    judged, numbers = _judge(rows, task.stages)
    _enter(rows, judged, numbers)
    write_whole(task.curated, lambda path: write_rows(path, rows, curated_schema(), judged))


def _copy_columns(decision: Decision, kept: str) -> Row:
    """Why a copy is dropped, and the content that stays instead."""
    return {
        "drop_reason": str(decision.reason),
        "drop_stage": DEDUPLICATION,
        "drop_detail": None,
        "duplicate_of": None if decision is Decision.LICENSE_OF_COPY else kept,
    }


def _judge(rows: list[Row], stages: tuple[Stage, ...]) -> tuple[Judged, dict[int, int]]:
    """Send what is not dropped yet through the stages; also the rows' numbers by their files' identities."""
    numbers: dict[int, int] = {}
    documents: list[Document] = []
    for number, row in enumerate(rows):
        if row["drop_reason"] is None:
            documents.append(restored(row))
            numbers[id(documents[-1].file)] = number
    return run_stages(stages, documents), numbers


def restored(row: dict[str, Any]) -> Document:
    """The document that a filtered row was made from."""
    if row["content"] is not None:
        return document_of(row, row["language"])
    opened = open_document(file_of(row))
    if not isinstance(opened, Document):
        raise ValueError(f"{row['origin']} {row['path']} was kept, and is no text")
    return opened


def _enter(rows: list[Row], judged: Judged, numbers: dict[int, int]) -> None:
    """Write texts and reasons into the rows; what is dropped keeps no text."""
    for row in rows:
        row.update(content=None, redactions=None, marks=None)
    for document in judged.kept:
        row = rows[numbers[id(document.file)]]
        row.update(content=document.text, redactions=redactions_of(document), marks=marks_of(document))
    for dropped in judged.dropped:
        rows[numbers[id(dropped.document.file)]].update(refusal_of(dropped))
