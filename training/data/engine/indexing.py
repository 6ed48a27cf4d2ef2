"""The fingerprint index of exactly what is kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from attribution.index.builder import build_index
from attribution.index.disk import sync_directory
from attribution.index.profile import Profile
from attribution.model import SourceFile
from training.data.engine.layout import CurationLayout
from training.data.engine.rows import file_of


def index_kept(
    layout: CurationLayout, filtered: Sequence[Path], curated: Sequence[Path], profile: Profile
) -> None:
    """Build the index under another name and rename it, unless that is done; raises as building does."""
    if layout.index.is_dir():
        return
    unfinished = layout.work / "index"
    shutil.rmtree(unfinished, ignore_errors=True)
    build_index(unfinished, _kept_files(filtered, curated), profile=profile)
    unfinished.rename(layout.index)
    sync_directory(layout.root)


def _kept_files(filtered: Sequence[Path], curated: Sequence[Path]) -> Iterator[SourceFile]:
    """The files as their sources gave them, before anything was redacted."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    for before, after in zip(filtered, curated, strict=True):
        is_kept = pc.is_null(pq.read_table(after, columns=["drop_reason"])["drop_reason"])
        for row in pq.read_table(before).filter(is_kept).to_pylist():
            yield file_of(row)
