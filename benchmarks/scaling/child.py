"""One step of a measurement in a process of its own: build an index, or ask it; figures go to a file.

python -m scaling.child build|search|cold TASK RESULT
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import resource
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scaling.engines import ENGINES, Search
from scaling.pack import Pack
from scaling.queries import Query, QuerySet

_NOT_SEEDS = frozenset({"blob", "minhash", "lexical", "bm25", "words", "semantic"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a child is to do."""

    engine: str
    pack: Path
    documents: int
    directory: Path
    queries: QuerySet | None
    budget_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Milliseconds of each query of a kind, and how many of them named the right file first or among five."""

    milliseconds: list[float] = field(default_factory=list)
    processor_ms: list[float] = field(default_factory=list)
    """The same as time of the processor, which a busy machine lengthens less."""
    kinds: list[str] = field(default_factory=list)
    first: list[bool] = field(default_factory=list)
    among: list[bool] = field(default_factory=list)

    def quantile(self, share: float, kind: str | None = None, *, of_processor: bool = False) -> float | None:
        """A quantile of the milliseconds."""
        times = self.processor_ms if of_processor else self.milliseconds
        chosen = sorted(t for t, k in zip(times, self.kinds, strict=True) if kind is None or k == kind)
        return chosen[min(len(chosen) - 1, int(share * len(chosen)))] if chosen else None

    def found(self, kind: str) -> float | None:
        """Share of the queries of a kind whose file came first."""
        chosen = [hit for hit, k in zip(self.first, self.kinds, strict=True) if k == kind]
        return sum(chosen) / len(chosen) if chosen else None


def main() -> None:
    """Read the task, do it, write what came of it."""
    step, task_path, result_path = sys.argv[1:]
    with Path(task_path).open("rb") as file:
        task: Task = pickle.load(file)
    result = {"build": _build, "search": _search, "cold": _cold}[step](task)
    Path(result_path).write_text(json.dumps(result), encoding="utf-8")


def _build(task: Task) -> dict[str, Any]:
    pack, engine = Pack(task.pack), ENGINES[task.engine]
    started = time.perf_counter()
    engine.build(pack, task.documents, task.directory)
    wall_s = time.perf_counter() - started
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "wall_s": wall_s,
        "cpu_s": sum(u.ru_utime + u.ru_stime for u in usage),
        "peak_bytes": max(_status("VmHWM"), usage[1].ru_maxrss << 10),
    }


def _search(task: Task) -> dict[str, Any]:
    """Open, warm up, ask; then each lane by itself."""
    engine, queries = ENGINES[task.engine], task.queries
    assert queries is not None
    engine.load()
    before = _status("VmRSS")
    started = time.perf_counter()
    search = engine.open(task.directory, "")
    open_ms = (time.perf_counter() - started) * 1e3
    result: dict[str, Any] = {
        "open_ms": open_ms,
        "open_resident_bytes": _status("VmRSS"),
        "open_added_bytes": _status("VmRSS") - before,
    }
    _ask(search, queries.warm_up, task.budget_s / 6)
    result["snippets"] = asdict(_ask(search, queries.measured, task.budget_s / 3))
    result["files"] = asdict(_ask(search, queries.files, task.budget_s / 6))
    result["resident_bytes"], result["anonymous_bytes"] = _status("VmRSS"), _status("RssAnon")
    result["lanes"] = {lane: _lane(task, queries, lane) for lane in _lane_sets(engine.lanes())}
    return result


def _lane_sets(lanes: list[str]) -> list[str]:
    """Each lane by itself, and the lanes that are seeds together."""
    seeds = [lane for lane in lanes if lane not in _NOT_SEEDS]
    return lanes + (["+".join(seeds)] if len(seeds) > 1 else [])


def _lane(task: Task, queries: QuerySet, lane: str) -> dict[str, Any]:
    search = ENGINES[task.engine].open(task.directory, lane)
    _ask(search, queries.warm_up[: len(queries.warm_up) // 2], task.budget_s / 12)
    return {
        "snippets": asdict(_ask(search, queries.measured, task.budget_s / 6)),
        "files": asdict(_ask(search, queries.files, task.budget_s / 12)),
    }


def _ask(search: Search, queries: tuple[Query, ...], budget_s: float) -> Times:
    """Ask one query after the other, until all are asked or the time is up."""
    times, deadline = Times(), time.perf_counter() + budget_s
    for query in queries:
        started, processor_s = time.perf_counter(), time.process_time()
        answers = search(query.text, query.name)
        ended = time.perf_counter()
        times.milliseconds.append((ended - started) * 1e3)
        times.processor_ms.append((time.process_time() - processor_s) * 1e3)
        times.kinds.append(query.kind)
        times.first.append(query.source in answers[:1])
        times.among.append(query.source in answers)
        if ended > deadline:
            break
    return times


def _cold(task: Task) -> dict[str, Any]:
    """Ask single queries with nothing of the index in memory: it is dropped from the page cache each time."""
    engine, queries = ENGINES[task.engine], task.queries
    assert queries is not None
    engine.load()
    engine.open(task.directory, "")(queries.warm_up[0].text, queries.warm_up[0].name)
    milliseconds, deadline = [], time.perf_counter() + task.budget_s / 6
    for query in queries.cold:
        gc.collect()
        forget(task.directory)
        started = time.perf_counter()
        engine.open(task.directory, "")(query.text, query.name)
        milliseconds.append((time.perf_counter() - started) * 1e3)
        if time.perf_counter() > deadline:
            break
    return {"cold_ms": statistics.median(milliseconds), "cold_worst_ms": max(milliseconds)}


def forget(directory: Path) -> None:
    """Drop the files of a folder from the page cache."""
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _status(name: str) -> int:
    """A figure of this process in bytes, as Linux counts it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) << 10
    return 0


if __name__ == "__main__":
    main()
