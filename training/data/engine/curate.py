"""The whole way, resumable at any point: sources, filtered shards, decisions, curated shards, the rest."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from attribution.cluster.pool import Pool
from attribution.errors import IndexLockedError, IndexUnusableError
from attribution.index.catalog import writer_lock
from training.data.engine.cleaning import CleaningTask, clean_shard
from training.data.engine.curation import Curation, claim
from training.data.engine.deduplicating import deduplicate
from training.data.engine.finishing import finish
from training.data.engine.held_out import write_held_out_text
from training.data.engine.indexing import index_kept
from training.data.engine.intake import Intake, take_in
from training.data.engine.layout import CurationLayout
from training.data.engine.pool import processes
from training.data.engine.renewing import forget_tokens, install_ready, renew_tokens
from training.data.engine.whole_files import sweep
from training.errors import CurationDamagedError, CurationError, CurationWriteError, EmptyCorpusError


def curate(curation: Curation) -> Path:
    """Curate, or go on where a run was cut short; answer the path of the data card.

    The files are the same, byte by byte, whatever the number of processes and machines and however often a
    run was killed. Where a folder differs only in how tokens are made, its cleaned corpus is kept and tokens
    are made anew. Raises :class:`CurationError` and what sources, stages and indexes raise.
    """
    layout = CurationLayout(root=curation.layout.root.absolute())
    with _named_errors(layout.root):
        layout.work.mkdir(parents=True, exist_ok=True)
        with _only_run(layout):
            _bring_up_to_date(replace(curation, layout=layout))
            shutil.rmtree(layout.work, ignore_errors=True)
    return curation.layout.card


def _bring_up_to_date(curation: Curation) -> None:
    """Do what is left to do."""
    layout, configuration = curation.layout, curation.configuration
    install_ready(layout)
    other_tokens = claim(layout, configuration)
    if layout.card.is_file() and other_tokens is None:
        return
    if other_tokens is not None:
        curation.tell(f"keeps the cleaned corpus, makes tokenizer and rows anew ({other_tokens})")
    with _workers(curation) as pool:
        if layout.card.is_file():
            renew_tokens(curation, configuration, pool)
            return
        if other_tokens is not None:
            forget_tokens(layout, configuration)
        _run(curation, pool)


@contextmanager
def _workers(curation: Curation) -> Iterator[Pool]:
    if curation.ray is None:
        with processes(curation.processes) as pool:
            yield pool
        return
    from attribution.cluster.ray_tasks import ray_cluster

    with ray_cluster(curation.ray, processes=curation.processes) as cluster:
        yield cluster.sharing(curation.layout.configuration)


def _run(curation: Curation, pool: Pool) -> None:
    layout, recipe = curation.layout, curation.recipe
    for folder in (layout.root, layout.work):
        sweep(folder)
    intake = take_in(layout, recipe, curation.sources, pool=pool, tell=curation.tell)
    if not intake.shards:
        raise EmptyCorpusError("curated", intake.skipped)
    filtered = [layout.filtered / name for name in intake.shards]
    _ensure_there(layout, filtered)
    curated = [layout.curated(number) for number in range(len(filtered))]
    _clean(curation, intake, filtered, curated, pool)
    _ensure_kept(curated)
    curation.tell("indexes what is kept")
    index_kept(layout, filtered, curated, curation.profile)
    write_held_out_text(layout, filtered)
    finish(curation, intake, curated, layout.held_out_text, into=layout, pool=pool)


def _ensure_there(layout: CurationLayout, filtered: list[Path]) -> None:
    """Raise :class:`CurationDamagedError` where a file is gone that the rest of the run is made of."""
    for path in filtered:
        if not path.is_file():
            raise CurationDamagedError(layout.root, f"{path.relative_to(layout.root)} is missing")


def _clean(curation: Curation, intake: Intake, filtered: list[Path], curated: list[Path], pool: Pool) -> None:
    """Deduplicate, then finish every shard."""
    import pyarrow.parquet as pq

    decisions = deduplicate(curation.layout, intake.shards, curation.recipe.deduplication, tell=curation.tell)

    def tasks() -> Iterator[CleaningTask]:
        start = 0
        for before, after in zip(filtered, curated, strict=True):
            end = start + pq.read_metadata(before).num_rows
            yield CleaningTask(
                filtered=before,
                curated=after,
                decisions=decisions[start:end],
                stages=curation.recipe.cleaning,
            )
            start = end

    for done, _ in enumerate(pool.map_in_order(clean_shard, tasks()), start=1):
        curation.tell(f"wrote {done:,} of {len(curated):,} curated shards")


def _ensure_kept(curated: list[Path]) -> None:
    """Raise :class:`EmptyCorpusError` where nothing came through, with what was dropped."""
    import pyarrow.parquet as pq

    dropped: Counter[str] = Counter()
    for path in curated:
        reasons = pq.read_table(path, columns=["drop_reason"])["drop_reason"].to_pylist()
        if None in reasons:
            return
        dropped.update(reasons)
    raise EmptyCorpusError("curated", dict(dropped))


@contextmanager
def _only_run(layout: CurationLayout) -> Iterator[None]:
    """Hold the one right to write into the folder."""
    try:
        with writer_lock(layout.work, wait_seconds=0.0):
            yield
    except IndexLockedError as error:
        raise CurationError(
            f"{layout.root}: another process is curating into it; wait until it is done"
        ) from error


@contextmanager
def _named_errors(root: Path) -> Iterator[None]:
    """Turn errors of the file system, and damage to what was written before, into one sentence."""
    import pyarrow as pa

    try:
        yield
    except pa.ArrowException as error:
        raise CurationDamagedError(root, error) from error
    except OSError as error:
        raise CurationWriteError(root, error) from error
    except IndexUnusableError as error:
        raise CurationError(str(error)) from error
