"""A process for each way to train: it makes an update whenever it is told to, and says how long it took."""

from __future__ import annotations

import itertools
import multiprocessing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Dataset

from speed.jobs import Job, clock, device, open_rows, recipe_of
from training.allocator import keep_freed_memory
from training.data.shards import IGNORED, Batch
from training.distributed import World
from training.execution import Execution, set_up
from training.flops import flops_per_token
from training.loop import rows_of_update, take_step
from training.model import NextTokenLoss, make_model
from training.optimizer import make_optimizers

if TYPE_CHECKING:
    from transformers import TrainingArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What one update took."""

    seconds: float
    tokens: int
    """Positions that held text."""
    positions: int
    """All that were computed, padding among them."""
    loss: float


@dataclass(slots=True)
class Worker:
    """A process at work on one job, seen from outside."""

    job: Job
    connection: Connection
    process: Any
    flops_per_token: int = 0
    updates: list[Update] = field(default_factory=list)

    def step(self) -> None:
        """Let it make one update, and wait for it."""
        self.connection.send(True)
        self.updates.append(self.connection.recv())

    def stop(self) -> None:
        """Let it end."""
        self.connection.send(False)
        self.process.join()


def start(job: Job, threads: int) -> Worker:
    """Start a process and wait until its model is made."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, job, threads), daemon=True)
    process.start()
    theirs.close()
    worker = Worker(job, ours, process)
    worker.flops_per_token = ours.recv()
    return worker


def _work(connection: Connection, job: Job, threads: int) -> None:
    torch.set_num_threads(threads)
    if job.keeps_memory:
        keep_freed_memory()
    act = _ours if job.kind == "ours" else _trainer
    act(connection, job)


def _ours(connection: Connection, job: Job) -> None:
    recipe, rows, now = recipe_of(job), open_rows(job.shards), clock()
    world = World(rank=0, size=1, device=device())
    model = make_model(recipe.model, seed=0)
    objective = NextTokenLoss(model).to(world.device).train()
    chosen = Execution(compiled=job.compiled, attention=job.attention, recompute=job.recompute)
    set_up(objective, chosen, on_gpu=world.device.type != "cpu")
    if not job.masked:
        mask_of = objective.mask_of
        objective.mask_of = lambda documents, window: mask_of(documents.zero_(), window)
    optimizers = make_optimizers(model, recipe.optimizer)
    connection.send(flops_per_token(model, recipe.data.row_tokens))
    update = 0
    while connection.recv():
        started = now()
        step = take_step(objective, optimizers, rows, recipe, world, update=update)
        seconds = now() - started
        batch = rows.batch(rows_of_update(update, len(rows), batch_rows=job.rows, seed=recipe.seed))
        connection.send(Update(seconds=seconds, tokens=_text(batch), positions=step.tokens, loss=step.loss))
        update += 1


def _text(batch: Batch) -> int:
    """Positions of a batch that a loss is taken at."""
    return int((batch.targets != IGNORED).sum())


class _Rows(Dataset[dict[str, torch.Tensor]]):
    """Our rows as ``Trainer`` takes them, in our order: packed, or a document each."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._rows = open_rows(job.shards)
        self._cut: list[dict[str, torch.Tensor]] = []

    def __len__(self) -> int:
        return 1 << 20

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        update, place = divmod(number, self._job.rows)
        order = rows_of_update(update, len(self._rows), batch_rows=self._job.rows, seed=0)
        batch = self._rows.batch(order[place : place + 1])
        labels = torch.full((batch.ids.shape[1],), IGNORED)
        labels[1:] = torch.from_numpy(batch.targets[0, :-1])  # Trainer's models shift them back
        return {
            "input_ids": torch.from_numpy(batch.ids[0]),
            "position_ids": torch.from_numpy(batch.positions[0]),
            "labels": labels,
        }


class _Documents(_Rows):
    """The same rows' documents, one to each row of a batch, padded by the collator."""

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        while len(self._cut) <= number:
            self._cut.extend(self._documents(len(self._cut)))
        return self._cut[number]

    def _documents(self, seen: int) -> list[dict[str, torch.Tensor]]:
        row = super().__getitem__(seen)
        starts = [*(row["position_ids"] == 0).nonzero().flatten().tolist(), len(row["input_ids"])]
        found = []
        for first, last in itertools.pairwise(starts):
            labels = row["labels"][first:last]
            if (labels != IGNORED).any():
                found.append({"input_ids": row["input_ids"][first:last], "labels": labels})
        return found


def _padded(documents: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    pad = torch.nn.utils.rnn.pad_sequence
    ids = [document["input_ids"] for document in documents]
    return {
        "input_ids": pad(ids, batch_first=True),
        "attention_mask": pad([torch.ones_like(i) for i in ids], batch_first=True),
        "labels": pad([d["labels"] for d in documents], batch_first=True, padding_value=IGNORED),
    }


def _arguments(job: Job) -> TrainingArguments:
    from transformers import TrainingArguments

    on_gpu = device().type != "cpu"
    return TrainingArguments(
        output_dir="unused",
        per_device_train_batch_size=job.rows,
        max_steps=1 << 20,
        learning_rate=1e-4,
        lr_scheduler_type="constant",
        weight_decay=0.1,
        max_grad_norm=1.0,
        bf16=on_gpu,
        torch_compile=job.compiled,
        use_cpu=not on_gpu,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        train_sampling_strategy="sequential",
    )


def _trainer(connection: Connection, job: Job) -> None:
    """``transformers.Trainer`` as it comes: its own AdamW (fused), clipping, collation and loss."""
    from transformers import PrinterCallback, Trainer, TrainerCallback

    recipe, now = recipe_of(job), clock()
    model = make_model(recipe.model, seed=0)
    sizes: list[tuple[int, int]] = []  # of batches that were made and not yet computed: one is made ahead
    started = 0.0

    def collate(rows: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        batch = (
            _padded(rows)
            if job.kind == "trainer, padded"
            else {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
        )
        sizes.append((int((batch["labels"][:, 1:] != IGNORED).sum()), batch["input_ids"].numel()))
        return batch

    class Turns(TrainerCallback):
        """Waits for its turn after each update."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            nonlocal started
            connection.send(flops_per_token(model, recipe.data.row_tokens))
            connection.recv()
            started = now()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            nonlocal started
            if "loss" not in logs:
                return
            seconds = now() - started
            tokens, positions = sizes.pop(0)
            connection.send(Update(seconds=seconds, tokens=tokens, positions=positions, loss=logs["loss"]))
            control.should_training_stop = not connection.recv()
            started = now()

    data = (_Documents if job.kind == "trainer, padded" else _Rows)(job)
    trainer = Trainer(
        model=model, args=_arguments(job), train_dataset=data, data_collator=collate, callbacks=[Turns()]
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
