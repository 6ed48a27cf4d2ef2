"""How often a served model completes a line exactly as its author did, on code it was not trained on.

The task: the rest of a random line, cut at a token boundary after at least three characters, given what
stands before and after it. Everything goes through llama.cpp and the GGUF file, as in the product.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from assistant.fim import FimIds, FimOrder, infill
from attribution.errors import UnreadableInputError

MAX_NEW_TOKENS = 48
SUFFIX_TOKENS = 128
_LEAST_CHARACTERS = 3
_CONTROL_TOKENS = 5


class ServedModel(Protocol):
    """What this module asks of a model: token ids in and out, text as bytes."""

    fim: FimIds
    context_tokens: int

    def encode(self, text: bytes) -> list[int]:
        """Tokenise user text, special tokens off."""

    def decode(self, ids: Sequence[int]) -> bytes:
        """Spell tokens out."""

    def greedy(self, prompt: list[int]) -> Iterator[int]:
        """Yield the likeliest token after the prompt, then the next, without end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InfillTask:
    """A line to complete."""

    path: str
    prefix: bytes
    middle: bytes
    """What the author wrote: the rest of the line, without its line break."""
    suffix: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class InfillAnswer:
    """What a model made of a task."""

    task: InfillTask
    completion: bytes

    @property
    def is_exact(self) -> bool:
        """Whether it is the author's line, white space at its end aside."""
        return self.completion.rstrip() == self.task.middle.rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class InfillScore:
    """Exact matches over all answers."""

    answers: tuple[InfillAnswer, ...]
    seed: int = 0

    @property
    def rate(self) -> float:
        """Share of exact answers, 0 to 1."""
        return float(np.mean([a.is_exact for a in self.answers]))

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of the rate, by 2,000 bootstrap samples."""
        exact = np.array([a.is_exact for a in self.answers])
        draws = np.random.default_rng(self.seed).integers(0, len(exact), size=(2000, len(exact)))
        low, high = np.quantile(exact[draws].mean(axis=1), (0.025, 0.975))
        return float(low), float(high)


def read_texts(path: Path) -> list[tuple[str, bytes]]:
    """Read ``held_out.jsonl``: path and text of every held-out file; raise UnreadableInputError."""
    try:
        entries = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return [(str(e["path"]), _as_text(e["text"]).encode()) for e in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableInputError(
            path, f"is not a list of held-out files ({error})", remedy="name the held_out.jsonl of a run"
        ) from error


def _as_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def draw_tasks(
    texts: Sequence[tuple[str, bytes]], model: ServedModel, *, count: int, seed: int = 0
) -> list[InfillTask]:
    """Draw files by their length, in each a line with something to complete; fewer where there are none."""
    if not texts:
        return []
    random = np.random.default_rng(seed)
    weights = np.array([len(text) + 1 for _, text in texts], dtype=float)
    tasks: list[InfillTask] = []
    for _ in range(count * 20):
        path, text = texts[random.choice(len(texts), p=weights / weights.sum())]
        task = _draw_task(path, text, model, random)
        if task is not None:
            tasks.append(task)
        if len(tasks) == count:
            break
    return tasks


def _draw_task(path: str, text: bytes, model: ServedModel, random: np.random.Generator) -> InfillTask | None:
    lines = text.splitlines(keepends=True)
    if not lines:
        return None
    number = int(random.integers(len(lines)))
    line = lines[number].rstrip(b"\r\n")
    indent = len(line) - len(line.lstrip())
    ends = np.cumsum([len(model.decode([i])) for i in model.encode(line)])
    cuts = [int(end) for end in ends if indent + _LEAST_CHARACTERS <= end < len(line.rstrip())]
    if not cuts:
        return None
    before, cut = sum(map(len, lines[:number])), cuts[random.integers(len(cuts))]
    return InfillTask(
        path=path,
        prefix=text[: before + cut],
        middle=line[cut:],
        suffix=text[before + len(line) :],
    )


def prompt_of(task: InfillTask, model: ServedModel, *, order: FimOrder) -> list[int]:
    """Build a prompt that leaves room for the answer: the head of the suffix, the tail of the prefix."""
    room = model.context_tokens - MAX_NEW_TOKENS - _CONTROL_TOKENS
    suffix = model.encode(task.suffix[: SUFFIX_TOKENS * 8])[: min(SUFFIX_TOKENS, room // 3)]
    room -= len(suffix)
    prefix = model.encode(_last_lines(task.prefix, room * 8))[-room:]
    return infill(model.fim, prefix=prefix, suffix=suffix, order=order)


def _last_lines(text: bytes, at_most: int) -> bytes:
    """Cut the head off at a line break, so that no word is halved."""
    tail = text[-at_most:]
    return tail if len(tail) == len(text) else tail[tail.find(b"\n") + 1 :]


def complete_line(task: InfillTask, model: ServedModel, *, order: FimOrder = FimOrder.PSM) -> InfillAnswer:
    """Let the model write up to the end of the line, a control token, or 48 tokens."""
    written: list[int] = []
    text = b""
    for token in model.greedy(prompt_of(task, model, order=order)):
        if token in model.fim.stops or len(written) == MAX_NEW_TOKENS:
            break
        written.append(token)
        text = model.decode(written)
        if b"\n" in text:
            break
    return InfillAnswer(task=task, completion=text.split(b"\n")[0].rstrip(b"\r"))
