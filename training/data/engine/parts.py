"""Kept documents, repository by repository: a shuffle on disk, a part of some megabytes at a time.

Shards hold files in the order of their sources; to be packed, those of one repository must come together, and
repositories in random order. So every shard is written once more, sorted by part, and a part is read from all
of them. What is in memory is one shard, or one part, and some bytes a document for the plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.engine.whole_files import write_whole

GROUP_BYTES = 8 << 20
"""A repository larger than this is packed as several."""
PART_BYTES = 16 << 20
_COLUMNS = (
    "origin",
    "repo_name",
    "path",
    "content_id",
    "language",
    "license_expression",
    "content",
    "marks",
)
_NOT_KEPT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where the rows of all shards go."""

    parts: tuple[NDArray[np.int32], ...]
    """For each shard the part of each row; -1 where it is not kept."""
    groups: tuple[NDArray[np.int64], ...]
    """For each shard the group of each row: a repository, or a stretch of a large one."""
    count: int
    """Parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SortTask:
    """A shard to be sorted by part."""

    curated: Path
    sorted: Path
    parts: NDArray[np.int32]
    groups: NDArray[np.int64]


def plan_parts(shards: Sequence[Path], *, seed: int) -> Plan:
    """Put files of one repository into one group, groups in random order, and neighbours into one part."""
    import pyarrow.parquet as pq

    numbers: dict[tuple[str, int], int] = {}
    sizes: list[int] = []
    filled: dict[str, int] = {}
    groups: list[NDArray[np.int64]] = []
    for path in shards:
        table = pq.read_table(path, columns=["origin", "length_bytes", "drop_reason"])
        rows = zip(*(table[name].to_pylist() for name in table.column_names), strict=True)
        found = np.full(len(table), _NOT_KEPT, dtype=np.int64)
        for at, (origin, size, reason) in enumerate(rows):
            if reason is None:
                key = (origin, filled.get(origin, 0) // GROUP_BYTES)
                filled[origin] = filled.get(origin, 0) + size
                found[at] = numbers.setdefault(key, len(numbers))
                sizes += [0] * (len(numbers) - len(sizes))
                sizes[found[at]] += size
        groups.append(found)
    order = sorted(numbers, key=lambda key: hashlib.sha256(repr((seed, key)).encode()).digest())
    return _cut(groups, [numbers[key] for key in order], sizes)


def _cut(groups: list[NDArray[np.int64]], order: list[int], sizes: list[int]) -> Plan:
    """Number groups by their random order, and fill parts with them."""
    ranks = np.full(len(order) + 1, _NOT_KEPT, dtype=np.int64)
    ranks[order] = np.arange(len(order))
    ends = np.cumsum([sizes[number] for number in order], dtype=np.int64)
    part_of_rank = np.append((np.maximum(ends - 1, 0) // PART_BYTES).astype(np.int32), np.int32(_NOT_KEPT))
    _, part_of_rank[:-1] = np.unique(part_of_rank[:-1], return_inverse=True)
    ranked = [ranks[found] for found in groups]  # -1 is the last of ranks, and -1 again
    return Plan(
        parts=tuple(part_of_rank[found] for found in ranked),
        groups=tuple(ranked),
        count=int(part_of_rank[:-1].max(initial=-1)) + 1,
    )


def sort_shard(task: SortTask) -> None:
    """Write what is kept of a shard with a row group a part, unless that is done."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if task.sorted.is_file():
        return
    rows = np.flatnonzero(task.parts != _NOT_KEPT)
    rows = rows[np.argsort(task.groups[rows], kind="stable")]
    present = [name for name in _COLUMNS if name in pq.read_schema(task.curated).names]
    table = pq.read_table(task.curated, columns=present).take(rows)
    table = table.append_column("group", pa.array(task.groups[rows]))
    edges = np.flatnonzero(np.diff(task.parts[rows], prepend=_NOT_KEPT, append=_NOT_KEPT))

    def write(path: Path) -> None:
        with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
            for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
                writer.write_table(table.slice(start, end - start), row_group_size=end - start)

    write_whole(task.sorted, write)


def read_part(shards: Sequence[tuple[Path, int]]) -> list[dict[str, Any]]:
    """The rows of a part by group, from sorted shards and the numbers of their row groups."""
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = []
    for path, number in shards:
        rows += pq.ParquetFile(path).read_row_group(number).to_pylist()
    return sorted(rows, key=lambda row: (row["group"], row["path"], row["content_id"]))


def row_groups(plan: Plan) -> Iterator[list[tuple[int, int]]]:
    """For each part the shards that hold rows of it, ascending, and which of their row groups these are."""
    present = [np.unique(parts[parts != _NOT_KEPT]) for parts in plan.parts]
    parts = np.concatenate(present)
    shards = np.repeat(np.arange(len(present)), [len(found) for found in present])
    groups = np.concatenate([np.arange(len(found)) for found in present])
    order = np.argsort(parts, kind="stable")
    for of_part in np.split(order, np.searchsorted(parts[order], np.arange(1, plan.count))):
        yield list(zip(shards[of_part].tolist(), groups[of_part].tolist(), strict=True))
