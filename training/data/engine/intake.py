"""From a stream of source files to numbered shards: always the same ones, wherever a run was cut short."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from attribution.cluster.pool import Pool
from attribution.model import SourceFile
from training.data.engine.filtering import FilterTask, filter_shard
from training.data.engine.layout import CurationLayout
from training.data.engine.rows import read_counts, read_notices
from training.data.engine.whole_files import sweep, write_whole_text
from training.errors import CurationDamagedError
from training.recipes.curation.recipe import CurationRecipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What the sources gave."""

    shards: tuple[str, ...]
    """Names of the files in :attr:`CurationLayout.filtered`, by number."""
    files: int
    bytes: int
    skipped: dict[str, int]
    """Files that the sources left out, by reason."""
    notices: tuple[str, ...]
    counts: dict[str, int]
    """What stages counted besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A shard; a task where it is not filtered yet."""

    path: Path
    files: int
    bytes: int
    task: FilterTask | None


def take_in(
    layout: CurationLayout,
    recipe: CurationRecipe,
    sources: Callable[[Counter[str]], Iterable[SourceFile]],
    *,
    pool: Pool,
    tell: Callable[[str], None],
) -> Intake:
    """Read the sources to their end and filter them shard by shard; what was done before is not done again.

    A shard's name holds a digest of its files, so a shard of an earlier run counts only if its files are the
    same. Once everything is filtered the sources are not read again.
    """
    known = read_intake(layout)
    if known is not None:
        return known
    layout.filtered.mkdir(parents=True, exist_ok=True)
    sweep(layout.filtered)
    skipped: Counter[str] = Counter()
    jobs = _jobs(layout, recipe, sources(skipped))
    names: list[str] = []
    files = size = 0
    for job in pool.map_in_order(_do, jobs):
        names.append(job.path.name)
        files, size = files + job.files, size + job.bytes
        tell(f"filtered {files:,} files, {size / 1e6:,.0f} MB, {len(names):,} shards")
    paths = [layout.filtered / name for name in names]
    intake = Intake(
        shards=tuple(names),
        files=files,
        bytes=size,
        skipped=dict(skipped),
        notices=tuple(sorted(frozenset().union(*map(read_notices, paths)))),
        counts=dict(sum(map(read_counts, paths), Counter())),
    )
    _keep_only(layout.filtered, intake.shards)
    write_whole_text(layout.intake, json.dumps(asdict(intake), indent=1, sort_keys=True))
    return intake


def read_intake(layout: CurationLayout) -> Intake | None:
    """What an earlier run took in, if it came to the end of the sources; raise CurationDamagedError."""
    if not layout.intake.is_file():
        return None
    try:
        values = json.loads(layout.intake.read_text("utf-8"))
        values |= {"shards": tuple(values["shards"]), "notices": tuple(values["notices"])}
        return Intake(**values)
    except (ValueError, KeyError, TypeError) as error:
        raise CurationDamagedError(layout.root, f"{layout.intake.name}: {error}") from error


def _do(job: _Job) -> _Job:
    """Filter a shard, unless that is done; the answer leaves the files behind."""
    if job.task is not None:
        filter_shard(job.task)
    return _Job(path=job.path, files=job.files, bytes=job.bytes, task=None)


def _jobs(layout: CurationLayout, recipe: CurationRecipe, files: Iterable[SourceFile]) -> Iterator[_Job]:
    """Number the shards, name them by their files, and look which are there."""
    for number, shard in enumerate(cut(files, documents=recipe.shard_documents, bytes=recipe.shard_bytes)):
        path = layout.filtered / f"{number:05d}-{digest_of(shard)}.parquet"
        task = FilterTask(path=path, files=shard, stages=recipe.filters, opening=recipe.opening)
        yield _Job(
            path=path,
            files=len(shard),
            bytes=sum(len(file.content) for file in shard),
            task=None if path.is_file() else task,
        )


def cut(files: Iterable[SourceFile], *, documents: int, bytes: int) -> Iterator[tuple[SourceFile, ...]]:
    """Cut a stream into shards; one is closed by the file with which it holds so many documents or bytes."""
    shard: list[SourceFile] = []
    size = 0
    for file in files:
        shard.append(file)
        size += len(file.content)
        if len(shard) >= documents or size >= bytes:
            yield tuple(shard)
            shard, size = [], 0
    if shard:
        yield tuple(shard)


def digest_of(files: Iterable[SourceFile]) -> str:
    """Sixteen hexadecimal digits that name files by their contents and all that is known of them."""
    hashed = hashlib.sha256()
    for file in files:
        hashed.update(hashlib.sha256(file.content).digest())
        hashed.update(repr((file.origin, file.facts)).encode())
    return hashed.hexdigest()[:16]


def _keep_only(folder: Path, names: Iterable[str]) -> None:
    """Delete shards of an earlier reading whose files were others."""
    kept = {*names}
    for path in folder.iterdir():
        if path.name not in kept:
            path.unlink()
