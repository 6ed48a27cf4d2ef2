"""What the parts of a training run cost beside the arithmetic of the model."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch

from speed.jobs import Job, device, open_rows, recipe_of
from speed.workers import start
from training.checkpoint import TrainingState, save_checkpoint
from training.data.pieces import DocumentMaker
from training.distributed import World
from training.loop import rows_of_update, take_step
from training.model import NextTokenLoss, make_model
from training.optimizer import make_optimizers
from training.recipes.recipe import DataRecipe
from training.tokenizer import control_ids, train_tokenizer

SHAPE, ROWS = "20m", 2
CHECKPOINT_EVERY = 100
"""Updates, as the recipes have it."""


def print_costs(shards: Path, updates: int, threads: int) -> None:
    """Print a line for each part."""
    job = Job(label="ours, Muon", kind="ours", shape=SHAPE, shards=shards, rows=ROWS, matrices="muon")
    print(f"\nWhat parts cost: {SHAPE}, {ROWS} rows of an update\n")
    print("| part | seconds | of an update |")
    print("| --- | --- | --- |")
    update = _variants(job, updates, threads)
    _line("reading rows", _reading(shards), update)
    _line(f"saving a checkpoint every {CHECKPOINT_EVERY} updates", _saving(job) / CHECKPOINT_EVERY, update)
    plain, rearranged = _tokenizing(0.0), _tokenizing(0.5)
    print(
        f"\nTokenising one megabyte once, before training: {plain:.2f} s; with half of the pieces "
        f"rearranged for filling in the middle {rearranged:.2f} s ({rearranged / plain - 1:+.0%})"
    )


def _variants(job: Job, updates: int, threads: int) -> float:
    """Whole updates in turns: as they are, without masks, with activations computed twice, and compiled."""
    jobs = [
        job,
        replace(job, label="without the mask between documents", masked=False),
        replace(job, label="activations computed twice", recompute=True),
        replace(job, label="AdamW on all", matrices="adamw"),
    ]
    workers = [start(j, threads) for j in jobs]
    for _ in range(updates + 1):
        for worker in workers:
            worker.step()
    seconds = [statistics.median(u.seconds for u in islice(w.updates, 1, None)) for w in workers]
    for worker, took in zip(workers, seconds, strict=True):
        worker.stop()
        _line(f"an update: {worker.job.label}", took, seconds[0])
    return seconds[0]


def _line(part: str, seconds: float, update: float) -> None:
    print(f"| {part} | {seconds:.4f} | {seconds / update:.2%} |")


def _reading(shards: Path) -> float:
    """Processor seconds to gather the rows of an update: ids, positions, documents and targets."""
    rows = open_rows(shards)
    started = time.process_time()
    for update in range(50):
        rows.batch(rows_of_update(update, len(rows), batch_rows=ROWS, seed=0))
    return (time.process_time() - started) / 50


def _saving(job: Job) -> float:
    """Seconds that pass until a checkpoint, optimiser and all, is on the disk."""
    recipe, rows = recipe_of(job), open_rows(job.shards)
    world = World(rank=0, size=1, device=device())
    model = make_model(recipe.model, seed=0)
    objective = NextTokenLoss(model).to(world.device)
    optimizers = make_optimizers(model, recipe.optimizer)
    take_step(objective, optimizers, rows, recipe, world, update=0)
    state = TrainingState(update=1, tokens=0, seconds=0.0, model="", data="", tokenizer="")
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = Path(folder, "tokenizer.json")
        tokenizer.write_text("{}")
        started = time.perf_counter()
        save_checkpoint(Path(folder), model, optimizers, state, tokenizer=tokenizer, world=world)
        return time.perf_counter() - started


def _tokenizing(fim_rate: float) -> float:
    """Processor seconds to make a megabyte of this interpreter's own source into documents."""
    texts, size = [], 0
    for path in sorted(Path(torch.__file__).parent.rglob("*.py")):
        text = path.read_text("utf-8", errors="replace")
        texts.append(text)
        size += len(text)
        if size > 1_000_000:
            break
    tokenizer = train_tokenizer(texts[:20], vocabulary=4096)
    recipe = DataRecipe(row_tokens=1024)
    maker = DocumentMaker(tokenizer, control_ids(tokenizer), recipe, fim_rate=fim_rate, stream=0)
    started = time.process_time()
    for text in texts:
        for _ in maker.documents(text):
            pass
    return (time.process_time() - started) / (size / 1_000_000)
