"""The whole pipeline at several sizes, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from attribution.cluster.pool import Here
from attribution.model import SourceFile
from curation.sources import Source, verdict
from training.data.engine.cleaning import CleaningTask, clean_shard
from training.data.engine.deduplicating import deduplicate
from training.data.engine.intake import take_in
from training.data.engine.layout import CurationLayout
from training.recipes.curation.recipe import CurationRecipe

_GOAL_SPEED, _GOAL_MEMORY = 8.0, 1.5 * (1 << 30)
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """Seconds of processor time, without reading the sources."""

    megabytes: float
    filtering: float
    deduplication: float
    cleaning: float
    peak_bytes: int


def print_whole(source: Source, sizes: Sequence[float], recipe: CurationRecipe) -> None:
    """A row a size in megabytes: filters, deduplication, cleaning, and parquet between and after them."""
    print("\n| all but tokens and index | MB/s a core | filters | copies | cleaning | peak memory |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for size in sizes:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            answer = process.submit(_whole, size, source, recipe).result()
        read, seconds = answer.megabytes, answer.filtering + answer.deduplication + answer.cleaning
        speeds = " | ".join(
            f"{read / took:,.0f}" for took in (answer.filtering, answer.deduplication, answer.cleaning)
        )
        whole = read / seconds
        memory = f"{answer.peak_bytes / (1 << 20):,.0f} MiB {verdict(answer.peak_bytes <= _GOAL_MEMORY)}"
        told = f"{whole:.1f} {verdict(whole >= _GOAL_SPEED)} | {speeds} | {memory}"
        print(f"| {read:,.0f} MB | {told} |", flush=True)


def _whole(size: float, source: Source, recipe: CurationRecipe) -> _Answer:
    with tempfile.TemporaryDirectory() as folder:
        layout = CurationLayout(root=Path(folder))
        layout.work.mkdir()
        files, clock = _Unclocked(source.first(size)), _Clock()
        intake = take_in(layout, recipe, lambda _: files, pool=Here(), tell=lambda _: None)
        filtering = clock.lap() - files.seconds
        decisions = deduplicate(layout, intake.shards, recipe.deduplication, tell=lambda _: None)
        deduplication = clock.lap()
        filtered = [layout.filtered / name for name in intake.shards]
        curated = [layout.curated(number) for number in range(len(filtered))]
        begin = 0
        for before, after in zip(filtered, curated, strict=True):
            end = begin + _rows_in(before)
            share = decisions[begin:end]
            clean_shard(CleaningTask(filtered=before, curated=after, decisions=share, stages=recipe.cleaning))
            begin = end
        return _Answer(
            megabytes=intake.bytes / 1e6,
            filtering=filtering,
            deduplication=deduplication,
            cleaning=clock.lap(),
            peak_bytes=_peak_bytes(),
        )


class _Clock:
    """Processor time between calls."""

    def __init__(self) -> None:
        self._last = time.process_time()

    def lap(self) -> float:
        """Seconds since the last call."""
        now = time.process_time()
        seconds, self._last = now - self._last, now
        return seconds


class _Unclocked:
    """Files, and the processor time that it took to read them, to be left out."""

    def __init__(self, files: Iterable[SourceFile]) -> None:
        self._files = files
        self.seconds = 0.0

    def __iter__(self) -> Iterator[SourceFile]:
        clock = _Clock()
        for file in self._files:
            self.seconds += clock.lap()
            yield file
            clock.lap()
        self.seconds += clock.lap()


def _peak_bytes() -> int:
    """Largest resident memory of this process; ``ru_maxrss`` would begin with that of the parent."""
    found = _PEAK.search(Path("/proc/self/status").read_text("ascii"))
    return int(found[1]) * 1024 if found else 0


def _rows_in(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)
