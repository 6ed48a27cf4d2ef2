"""How fast training is beside transformers.Trainer, what each part of it costs, and how fast models write.

    python benchmarks/train.py [--shards DIR] [--only NAME …] [--updates N] [--threads N]

Every line is a process of its own; the processes of a table take turns, one update each, so neighbours on the
machine slow all of them alike. On a CPU, seconds are processor time of one thread, MFU is measured against
products of matrices on that thread, and all is float32; on a GPU, seconds are those that passed, and
products are bfloat16. Without a GPU its lines say 'not measured'. ``--shards`` is the ``shards/train`` of a
run or of a curated folder; otherwise rows are made of the standard library's files.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import torch
from speed.costs import print_costs
from speed.generation import print_generation
from speed.jobs import Job, device
from speed.workers import Worker, start

from training.flops import peak_flops

TABLES = ("20m", "160m", "3b-layer", "gpu", "costs", "generation")
_ROWS = {"20m": 2, "160m": 1, "3b-layer": 1}


def main() -> None:
    """Measure what is asked for, and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shards", type=Path)
    parser.add_argument("--only", nargs="+", choices=TABLES, default=TABLES)
    parser.add_argument("--updates", type=int, default=5)
    parser.add_argument("--rows", type=int, help="of each update on a CPU (default: by shape)")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        shards = args.shards or _standard_library(Path(folder))
        tables: dict[str, Callable[[], None]] = {
            **{name: lambda name=name: _print_cpu(name, shards, args) for name in _ROWS},  # type: ignore[misc]
            "gpu": lambda: _print_gpu(shards, args),
            "costs": lambda: print_costs(shards, args.updates, args.threads),
            "generation": print_generation,
        }
        for name in args.only:
            tables[name]()


def _standard_library(folder: Path) -> Path:
    """Rows of 1,024 tokens from the files of this interpreter, vocabulary 16,384."""
    from attribution.sources.packages import read_packages
    from training.data.prepare import RunLayout, prepare
    from training.recipes.presets import find_preset
    from training.recipes.recipe import Budget, DataRecipe, OptimizerRecipe, Recipe

    recipe = Recipe(
        name="benchmark",
        summary="",
        model=find_preset("20m").shape,
        data=DataRecipe(packages=("cpython", "click"), held_out_packages=("click",), row_tokens=1024),
        optimizer=OptimizerRecipe(),
        budget=Budget(tokens=1),
    )
    layout = RunLayout(root=folder)
    prepare(recipe, layout, read_packages(None, skipped={}))
    return layout.train


def _print_cpu(shape: str, shards: Path, args: argparse.Namespace) -> None:
    """Ours beside ``Trainer``, with and without the allocator's help."""
    rows = args.rows or _ROWS[shape]
    common = {"shape": shape, "shards": shards, "rows": rows}
    jobs = [
        Job(label="Trainer", kind="trainer", **common),
        Job(label="Trainer, glibc as it comes", kind="trainer", keeps_memory=False, **common),
        Job(label="ours, AdamW", kind="ours", **common),
    ]
    if shape == "20m":
        jobs += [
            Job(label="ours, AdamW, glibc as it comes", kind="ours", keeps_memory=False, **common),
            Job(label="Trainer, a padded document each row", kind="trainer, padded", **common),
            Job(label="ours, Muon", kind="ours", matrices="muon", **common),
        ]
    print(f"\n{shape} on a CPU, {rows} rows of an update, {args.threads} thread, float32\n")
    _print_table(_take_turns(jobs, args), peak_flops(torch.device("cpu")))


def _print_gpu(shards: Path, args: argparse.Namespace) -> None:
    """The same on a GPU, compiled on both sides, and with flex attention."""
    for shape, rows in (("20m", 64), ("160m", 32), ("3b", 2)):
        print(f"\n{shape} on a GPU\n")
        if device().type == "cpu":
            print("not measured: there is no GPU here")
            continue
        common = {"shape": shape, "shards": shards, "rows": rows, "compiled": True}
        jobs = [
            Job(label="Trainer", kind="trainer", **common),
            Job(label="ours, AdamW", kind="ours", **common),
            Job(label="ours, AdamW, flex attention", kind="ours", attention="flex", **common),
            Job(label="ours, Muon, flex attention", kind="ours", attention="flex", matrices="muon", **common),
        ]
        for job in jobs:  # one after the other: they would not fit into memory together
            _print_table(_take_turns([job], args), peak_flops(device()))


def _take_turns(jobs: Sequence[Job], args: argparse.Namespace) -> list[Worker]:
    """Let each make a first update, which is not counted, and then one after the other."""
    workers = [start(job, args.threads) for job in jobs]
    for _ in range(args.updates + 1):
        for worker in workers:
            worker.step()
    for worker in workers:
        worker.stop()
    return workers


def _print_table(workers: Sequence[Worker], peak: float | None) -> None:
    base = next((_speed(w) for w in workers if w.job.label == "Trainer"), None)
    print("| | text tokens/s | positions/s | MFU | against Trainer | first loss |")
    print("| --- | --- | --- | --- | --- | --- |")
    for worker in workers:
        positions = statistics.median(u.positions / u.seconds for u in islice(worker.updates, 1, None))
        mfu = f"{positions * worker.flops_per_token / peak:.0%}" if peak else "unknown peak"
        ratio = f"{_speed(worker) / base:.2f}" if base else ""
        print(
            f"| {worker.job.label} | {_speed(worker):,.0f} | {positions:,.0f} | {mfu} | {ratio} "
            f"| {worker.updates[0].loss:.4f} |"
        )


def _speed(worker: Worker) -> float:
    """Tokens of text a second, the median of all updates but the first."""
    return statistics.median(u.tokens / u.seconds for u in islice(worker.updates, 1, None))


if __name__ == "__main__":
    main()
