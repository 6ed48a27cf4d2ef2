"""What mixing with nearby code brings to a model, and the weights that suit it.

    python benchmarks/nearby.py assistant/default/model.gguf --held-out RUN/held_out.jsonl

Fits the weights of assistant/ngrams/mixing.py on lines of half of the held-out projects and scores them on
lines of the other half, along the author's tokens: a line counts where each of them is the likeliest. The
model runs once for each line; everything else is arithmetic on what it said.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.fim import FimOrder
from assistant.ngrams.matches import MOST_TOKENS, Followers, SortedTexts, TokenTexts
from assistant.ngrams.mixing import Weights, mix
from training.evaluation.bootstrap import interval
from training.evaluation.held_out import HeldOutFile, neighbours, read_held_out
from training.evaluation.infill import Gap, InfillTask, draw_tasks, prompt_of, room_for
from training.served import LlamaModel

TEST_FOLDERS = frozenset({"tests", "test", "testing"})
LEAST = 1e-9
START = np.array([-2.0, 0.8, 0.5])
"""Of a fit, which a few lines cannot draw far away."""
PLACES = ("the file itself", "and the eight nearest others")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One token of the author's, and what is said of it."""

    logits: NDArray[np.float32]
    wanted: NDArray[np.int64]
    """Ids that are right: one, or all that end a line."""
    found: tuple[Followers | None, ...]
    """The longest match, by place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The rest of a line."""

    project: str
    bytes: int
    steps: tuple[Step, ...]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--lines", type=int, default=200, help="of each project")
    args = parser.parse_args()
    model = LlamaModel(args.model, threads=1)
    projects = read_projects(args.held_out)
    lines = [line for files in projects.values() for line in read_lines(files, model, args.lines)]
    line_ends = ends_of_lines(model)
    tuning = set(sorted(projects)[::2])
    print(f"fitted on {', '.join(sorted(tuning))}; scored on {', '.join(sorted(projects.keys() - tuning))}")
    print("| where is looked | n | alone | mixed | ahead | bits a byte, alone | mixed |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    scored = [line for line in lines if line.project not in tuning]
    for place, label in enumerate(PLACES):
        fitted = fit([line for line in lines if line.project in tuning], place, line_ends)
        print(row(label, scored, place, fitted, line_ends))
        print(f"<!-- UNANIMOUS = {fitted[0]}, CONTESTED = {fitted[1]} -->")


def read_projects(path: Path) -> dict[str, list[HeldOutFile]]:
    """Python files outside tests, by project."""
    projects = defaultdict(list)
    for file in read_held_out(path):
        if file.path.endswith(".py") and not TEST_FOLDERS & set(file.path.split("/")) and file.text.strip():
            projects[file.repository].append(file)
    return dict(projects)


def read_lines(files: Sequence[HeldOutFile], model: LlamaModel, count: int) -> Iterator[Line]:
    """Draw lines of a project and let the model say what it thinks of them."""
    started = time.perf_counter()
    ids = {file.path: np.array(model.encode(file.text), dtype=np.int32) for file in files}
    line_ends = ends_of_lines(model)
    for task in draw_tasks(files, model, count=count, seed=7):
        near = SortedTexts(ids[file.path] for file in neighbours(files, task.path, task.repository))
        yield Line(
            project=task.repository,
            bytes=len(task.middle.rstrip()) + 1,
            steps=tuple(read_steps(task, model, near, line_ends)),
        )
    print(f"<!-- {files[0].repository}: {time.perf_counter() - started:.0f} s -->", flush=True)


def ends_of_lines(model: LlamaModel) -> NDArray[np.bool_]:
    """As :class:`assistant.ngrams.nearby.NearbyFiles` finds them, shape (vocabulary,)."""
    pieces = [model.decode([token]) for token in range(model.vocabulary)]
    ends = np.array([piece.lstrip(b" \t\r").startswith(b"\n") for piece in pieces])
    ends[list(model.fim.stops)] = True
    return ends


def read_steps(
    task: InfillTask, model: LlamaModel, near: TokenTexts, line_ends: NDArray[np.bool_]
) -> Iterator[Step]:
    """What the model and the matches say of each token up to the end of the line."""
    prefix = model.encode(task.prefix)
    here = TokenTexts([model.encode(task.suffix), prefix])
    written = model.encode(task.middle.rstrip())[: room_for(Gap.LINE, model)]
    prompt = prompt_of(task, model, order=FimOrder.SPM)
    for place, logits in enumerate(model.logits_along(prompt, written)):
        context = [*prefix, *written[:place]][-MOST_TOKENS:]
        one, other = here.followers(context), near.followers(context)
        is_farther = one is None or (other is not None and other.length > one.length)
        is_end = place == len(written) or line_ends[written[place]]
        wanted = np.flatnonzero(line_ends) if is_end else np.array([written[place]])
        yield Step(logits=logits, wanted=wanted, found=(one, other if is_farther else one))
        if is_end:
            return


def fit(lines: Sequence[Line], place: int, line_ends: NDArray[np.bool_]) -> tuple[Weights, Weights]:
    """Weights of unanimous and of contested matches that take the fewest bits."""
    from scipy.optimize import minimize

    fitted = []
    for is_unanimous in (True, False):
        rows = np.array(
            [
                (*said(step, found, line_ends), math.log2(found.length), math.log2(found.counts.sum()))
                for line in lines
                for step in line.steps
                if (found := step.found[place]) is not None and (len(found.tokens) == 1) is is_unanimous
            ]
        )

        def bits(at: NDArray[np.float64], rows: NDArray[np.float64] = rows) -> float:
            weights = 1.0 / (1.0 + np.exp(-(at[0] + rows[:, 2:] @ at[1:])))
            taken = -np.log2((1 - weights) * rows[:, 0] + weights * rows[:, 1] + LEAST).sum()
            return float(taken + ((at - START) ** 2).sum())

        best = minimize(bits, START, method="Nelder-Mead", options={"maxiter": 2000}).x
        fitted.append(Weights(**dict(zip(("at", "length", "times"), best.round(2).tolist(), strict=True))))
    return fitted[0], fitted[1]


def said(step: Step, found: Followers, line_ends: NDArray[np.bool_]) -> tuple[float, float]:
    """Chances of what is right by the model and by the match."""
    shares = found.counts / found.counts.sum()
    is_right = line_ends[found.tokens] if len(step.wanted) > 1 else found.tokens == step.wanted[0]
    return chance(step.logits, step.wanted), float(shares[is_right].sum())


def chance(logits: NDArray[np.float32], wanted: NDArray[np.int64]) -> float:
    """Of any of the ids that are right."""
    chances = np.exp(logits - logits.max())
    return float(chances[wanted].sum() / chances.sum())


def row(
    label: str, lines: Sequence[Line], place: int, fitted: tuple[Weights, Weights], ends: NDArray[np.bool_]
) -> str:
    """Exact match and bits of the model alone and mixed, with the interval of the difference."""
    exact: list[tuple[bool, bool]] = []
    bits = np.zeros(2)
    for line in lines:
        right = [True, True]
        for step in line.steps:
            for number, logits in enumerate((step.logits, mixed(step, place, fitted, ends))):
                right[number] &= bool(logits.argmax() in step.wanted)
                bits[number] -= math.log2(chance(logits, step.wanted) + LEAST)
        exact.append((right[0], right[1]))
    alone, both = np.array(exact, dtype=float).T
    low, high = interval((both - alone).tolist())
    per_byte = bits / sum(line.bytes for line in lines)
    ahead = f"{both.mean() - alone.mean():+.1%} ({low:+.1%} to {high:+.1%})"
    rates = f"{alone.mean():.1%} | {both.mean():.1%} | {ahead}"
    return f"| {label} | {len(lines)} | {rates} | {per_byte[0]:.3f} | {per_byte[1]:.3f} |"


def mixed(
    step: Step, place: int, fitted: tuple[Weights, Weights], ends: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """What the product makes of a step under these weights."""
    found = step.found[place]
    if found is None:
        return step.logits
    weight = fitted[0 if len(found.tokens) == 1 else 1].of(found)
    return mix(step.logits, found, ends, weight=weight)


if __name__ == "__main__":
    main()
