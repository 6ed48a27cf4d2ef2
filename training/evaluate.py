"""Evaluation of an exported model on held-out files, as values that a card can print."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO, TypedDict

from assistant.fim import FimOrder
from attribution.errors import UnreadableInputError
from training.infill import InfillAnswer, InfillScore, complete_line, draw_tasks, read_texts
from training.served import LlamaModel


class OrderResult(TypedDict):
    """Single-line infill with one prompt order."""

    exact_match: float
    """0 to 1."""
    interval: tuple[float, float]
    """95%, bootstrap."""
    seconds_per_task: float


class Evaluation(TypedDict):
    """What was measured; the JSON of ``sc-attrib train evaluate``."""

    model: str
    bytes: int
    tasks: int
    orders: dict[str, OrderResult]


def evaluate(
    model_path: Path, held_out: Path, *, tasks: int, seed: int = 0
) -> tuple[Evaluation, list[InfillAnswer]]:
    """Complete the same random held-out lines with either prompt order.

    Answers the figures, and the answers of the better order. Raises
    :class:`attribution.errors.UnreadableInputError` and :class:`training.errors.ExportError`.
    """
    texts = read_texts(held_out)
    model = LlamaModel(model_path)
    drawn = draw_tasks(texts, model, count=tasks, seed=seed)
    if not drawn:
        raise UnreadableInputError(
            held_out, "holds no line that could be completed", remedy="name the held_out.jsonl of another run"
        )
    orders: dict[str, OrderResult] = {}
    scores: list[InfillScore] = []
    for order in FimOrder:
        started = time.perf_counter()
        answers = [complete_line(task, model, order=order) for task in drawn]
        score = InfillScore(answers=tuple(answers), seed=seed)
        orders[order] = OrderResult(
            exact_match=score.rate,
            interval=score.interval,
            seconds_per_task=(time.perf_counter() - started) / len(drawn),
        )
        scores.append(score)
    model.close()
    evaluation = Evaluation(
        model=model_path.name, bytes=model_path.stat().st_size, tasks=len(drawn), orders=orders
    )
    return evaluation, list(max(scores, key=lambda score: score.rate).answers)


def show_examples(answers: Sequence[InfillAnswer], stream: TextIO) -> None:
    """Print the line up to the cursor, what the model wrote, and what the author wrote."""
    for answer in answers:
        typed = answer.task.prefix.rpartition(b"\n")[2].decode("utf-8", "replace")
        mark = "=" if answer.is_exact else " "
        stream.write(f"{mark} {typed}⟦{answer.completion.decode('utf-8', 'replace')}⟧\n")
        if not answer.is_exact:
            stream.write(f"  {' ' * len(typed)}⟦{answer.task.middle.decode('utf-8', 'replace')}⟧\n")
