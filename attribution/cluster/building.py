"""An index built by a pool: every task writes segments of its own, and the catalog is committed once.

A task that is lost is done again and gives the same segments; what nobody lists is swept up.
"""

from __future__ import annotations

import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from attribution.cluster.pool import Pool
from attribution.index.builder import (
    BuildOptions,
    BuildSummary,
    ensure_indexed,
    replaceable_catalog,
    write_segments,
)
from attribution.index.catalog import SEGMENTS, SegmentRow, write_catalog
from attribution.index.draft import temporary_folder
from attribution.index.writer import disk_errors_named, erase_replaced, making, sweep
from attribution.model import SourceFile

S = TypeVar("S")
Read = Callable[[S, Counter[str]], Iterator[SourceFile]]
"""Reads one part of the sources and counts what it leaves out; of a module, so that it travels by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltPart:
    """What one task wrote."""

    rows: tuple[SegmentRow, ...]
    summary: BuildSummary
    skipped: Counter[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task(Generic[S]):
    """Builds the segments of a part of the sources."""

    directory: Path
    read: Read[S]
    options: BuildOptions
    opt_outs: frozenset[str]

    def __call__(self, source: S) -> BuiltPart:
        skipped: Counter[str] = Counter()
        with disk_errors_named(self.directory):
            summary, rows = write_segments(
                self.directory,
                self.read(source, skipped),
                options=self.options,
                opt_outs=self.opt_outs,
                threads=1,
            )
        return BuiltPart(rows=rows, summary=summary, skipped=skipped)


def build_of_parts(
    directory: Path,
    sources: Sequence[S],
    read: Read[S],
    *,
    pool: Callable[[Path], Pool],
    options: BuildOptions,
    opt_outs: frozenset[str] = frozenset(),
    tell: Callable[[BuiltPart], None] = lambda built: None,
) -> tuple[BuildSummary, Counter[str]]:
    """Build an index of sources that tasks read for themselves; answers also what they left out unread.

    ``pool`` opens workers, each of which must see the file it is given; ``tell`` hears of every part when it
    and those before it are there. The index holds what :func:`attribution.index.builder.build_index` would
    put in, in at least as many segments as there are parts with files, and raises likewise: what was there
    before stays until all is done.
    """
    options.ensure_possible()
    with making(directory):
        before, is_known = replaceable_catalog(directory)
        if is_known:
            sweep(directory, before)
        base = replace(before, segments=(), opt_outs=before.opt_outs.union(opt_outs))
        task = _Task(directory=directory, read=read, options=options, opt_outs=base.opt_outs)
        built = []
        with _probe(directory) as probe:
            for part in pool(probe).map_in_order(task, sources):
                tell(part)
                built.append(part)
        summary = _total([part.summary for part in built])
        ensure_indexed(directory, summary)
        catalog = base
        for row in (row for part in built for row in part.rows):
            catalog = catalog.with_segment(row)
        write_catalog(directory, catalog)
        erase_replaced(directory, catalog)
    return replace(summary, segments=len(catalog.segments)), sum((p.skipped for p in built), Counter())


@contextmanager
def _probe(directory: Path) -> Iterator[Path]:
    """A file by which other machines tell that they see the folder."""
    folder = temporary_folder(directory / SEGMENTS)
    try:
        (folder / "probe").write_text(secrets.token_hex(16))
        yield folder / "probe"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _total(summaries: Sequence[BuildSummary]) -> BuildSummary:
    return BuildSummary(
        files=sum(one.files for one in summaries),
        documents=sum(one.documents for one in summaries),
        source_bytes=sum(one.source_bytes for one in summaries),
        segments=sum(one.segments for one in summaries),
        left_out=sum((one.left_out for one in summaries), Counter()),
    )
