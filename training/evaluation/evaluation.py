"""Evaluation of an exported model on files that it has not seen, as values that cards and tables print."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import numpy as np

from assistant.fim import FimOrder
from attribution.errors import UnreadableInputError
from attribution.trace import Tracer
from training.data.corpus_layout import CorpusLayout
from training.evaluation.baseline import Corpus, measure_ngrams, read_corpus
from training.evaluation.bootstrap import interval
from training.evaluation.functional import Sampling, pass_rates, solve
from training.evaluation.generated import generate, leaks, traced_share
from training.evaluation.held_out import HeldOutFile, neighbours, read_held_out
from training.evaluation.infill import Gap, InfillAnswer, InfillTask, draw_tasks, fill
from training.evaluation.likelihood import draw_windows, model_bits, scored_bytes, window_tokens
from training.evaluation.problems import Problem, read_problems
from training.evaluation.results import (
    Evaluation,
    GapResult,
    GeneratedResult,
    OrderResult,
    ProblemsResult,
    Rate,
)
from training.evaluation.sandbox import Sandbox
from training.served import LlamaModel

_log = logging.getLogger(__name__)
_KS = (1, 10, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured."""

    held_out: Path
    """``held_out.jsonl`` of a run."""
    tasks: int
    """Gaps of each kind; an eighth as many texts are written freely and windows scored."""
    corpus: CorpusLayout | None = None
    """What the model learned from: its shards teach the n-gram model."""
    index: Path | None = None
    """Index of the training files, to trace what is written freely."""
    problems: tuple[Path, ...] = ()
    samples: int = 20
    """Completions of each problem."""
    temperature: float = 0.2
    """At which they are drawn."""
    seed: int = 0


def evaluate(model_path: Path, plan: Plan) -> tuple[Evaluation, list[InfillAnswer]]:
    """Measure everything that the plan has the material for.

    Answers the figures, and the answers to lines in the better order. Raises
    :class:`attribution.errors.UnreadableInputError`, :class:`training.errors.ExportError`,
    :class:`training.errors.SandboxUnusableError`, and what opening a run or an index raises.
    """
    material = _open(model_path, plan)
    try:
        return _measure(material, model_path, plan)
    finally:
        material.model.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """Everything that can be refused, opened before anything is measured."""

    files: list[HeldOutFile]
    lines: list[InfillTask]
    problems: dict[str, list[Problem]]
    sandbox: Sandbox | None
    tracer: Tracer | None
    corpus: Corpus | None
    model: LlamaModel


def _open(model_path: Path, plan: Plan) -> _Material:
    files = read_held_out(plan.held_out)
    problems = {path.name.partition(".")[0]: read_problems(path) for path in plan.problems}
    sandbox = Sandbox.open() if problems else None
    tracer = Tracer.open([plan.index]) if plan.index is not None else None
    model = LlamaModel(model_path)
    lines = draw_tasks(files, model, count=plan.tasks, seed=plan.seed)
    if not lines:
        model.close()
        raise UnreadableInputError(
            plan.held_out,
            "holds no line that could be completed",
            remedy="name the held_out.jsonl of another run",
        )
    corpus = read_corpus(plan.corpus, model, sample=lines[0].prefix[-2000:]) if plan.corpus else None
    return _Material(
        files=files,
        lines=lines,
        problems=problems,
        sandbox=sandbox,
        tracer=tracer,
        corpus=corpus,
        model=model,
    )


def _measure(material: _Material, model_path: Path, plan: Plan) -> tuple[Evaluation, list[InfillAnswer]]:
    model = material.model
    orders, answers = _compare_orders(material.lines, model, plan.seed)
    best = max(FimOrder, key=lambda order: orders[order]["exact_match"])
    filled = {str(Gap.LINE): answers[best]} | _fill_gaps(material, plan, best)
    evaluation = Evaluation(
        schema=1,
        model=model_path.name,
        bytes=model_path.stat().st_size,
        tasks=len(material.lines),
        orders=orders,
        order=best,
        gaps={name: summarise(some, seed=plan.seed) for name, some in filled.items()},
    )
    windows = draw_windows(material.files, model, count=2 * _an_eighth(plan), seed=plan.seed)
    scored, tuning = windows[::2], windows[1::2]
    if scored:
        _log.info("scoring %d stretches of held-out text", len(scored))
        bits = model_bits(model_path, scored, width=window_tokens(model))
        evaluation["bits_per_byte"] = bits / max(1, scored_bytes(scored, model))
    if material.corpus is not None and tuning:
        compared = {str(gap): filled[gap] for gap in (Gap.LINE, Gap.LINES) if gap in filled}
        evaluation["ngrams"] = measure_ngrams(
            material.corpus, model, compared, tuning=tuning, scored=scored, seed=plan.seed
        )
    if material.sandbox is not None:
        evaluation["problems"] = _solve_all(material, material.sandbox, plan, best)
    evaluation["generated"] = _measure_generated(material, plan)
    return evaluation, answers[best]


def _an_eighth(plan: Plan) -> int:
    return max(2, plan.tasks // 8)


def _solve_all(
    material: _Material, sandbox: Sandbox, plan: Plan, order: FimOrder
) -> dict[str, ProblemsResult]:
    sampling = Sampling(samples=plan.samples, temperature=plan.temperature, seed=plan.seed, order=order)
    results: dict[str, ProblemsResult] = {}
    for name, problems in material.problems.items():
        _log.info("%s: %d problems, %d samples each", name, len(problems), plan.samples)
        rates = pass_rates(solve(problems, material.model, sandbox, sampling), _KS)
        results[name] = ProblemsResult(
            problems=len(problems),
            samples=plan.samples,
            temperature=plan.temperature,
            pass_at={k: Rate(rate=rate, interval=around) for k, (rate, around) in rates.items()},
        )
    return results


def _compare_orders(
    tasks: Sequence[InfillTask], model: LlamaModel, seed: int
) -> tuple[dict[str, OrderResult], dict[str, list[InfillAnswer]]]:
    results: dict[str, OrderResult] = {}
    answers: dict[str, list[InfillAnswer]] = {}
    for order in FimOrder:
        _log.info("completing %d lines, %s", len(tasks), order)
        started = time.perf_counter()
        answers[order] = [fill(task, model, order=order) for task in tasks]
        seconds = time.perf_counter() - started
        exact = [answer.is_exact for answer in answers[order]]
        results[order] = OrderResult(
            exact_match=float(np.mean(exact)),
            interval=interval(exact, seed=seed),
            seconds_per_task=seconds / len(tasks),
        )
    return results, answers


def _fill_gaps(material: _Material, plan: Plan, order: FimOrder) -> dict[str, list[InfillAnswer]]:
    """Answers to the other gaps, and to the same lines with other files of the repository in sight."""
    files, model = material.files, material.model
    tasks: dict[str, list[InfillTask]] = {
        gap: draw_tasks(files, model, count=plan.tasks, gap=gap, seed=plan.seed)
        for gap in (Gap.LINES, Gap.SPAN)
    }
    if model.fim.repo_name is not None:
        seen = [replace(t, neighbours=neighbours(files, t.path, t.repository)) for t in material.lines]
        tasks["repository"] = [task for task in seen if task.neighbours]
    answers: dict[str, list[InfillAnswer]] = {}
    for name, some in tasks.items():
        if some:
            _log.info("filling %d gaps: %s", len(some), name)
            answers[name] = [fill(task, model, order=order) for task in some]
    return answers


def summarise(answers: Sequence[InfillAnswer], *, seed: int = 0) -> GapResult:
    """The figures of at least one answer."""
    exact = [answer.is_exact for answer in answers]
    valid = [is_valid for answer in answers if (is_valid := answer.is_valid) is not None]
    return GapResult(
        tasks=len(answers),
        exact_match=float(np.mean(exact)),
        interval=interval(exact, seed=seed),
        edit_similarity=float(np.mean([answer.similarity for answer in answers])),
        valid_syntax=float(np.mean(valid)) if valid else None,
    )


def _measure_generated(material: _Material, plan: Plan) -> GeneratedResult:
    count = _an_eighth(plan)
    _log.info("writing %d texts freely", count)
    texts = generate(material.files, material.model, count=count, seed=plan.seed)
    result = GeneratedResult(
        texts=len(texts), leaking=_rate([bool(leaks(text.written)) for text in texts], plan.seed)
    )
    tracer = material.tracer
    if tracer is not None and texts:
        ours = [traced_share(text.written, tracer, path=text.path) for text in texts]
        theirs = [traced_share(text.author, tracer, path=text.path) for text in texts]
        result["traced"] = _share(ours)
        result["traced_of_author"] = _share(theirs)
        result["texts_traced"] = _rate([found > 0 for found, _ in ours], plan.seed)
    return result


def _share(parts: Sequence[tuple[int, int]]) -> float:
    return sum(part for part, _ in parts) / max(1, sum(whole for _, whole in parts))


def _rate(values: Sequence[bool], seed: int) -> Rate:
    if not values:
        return Rate(rate=0.0, interval=(0.0, 1.0))
    return Rate(rate=float(np.mean(values)), interval=interval(values, seed=seed))


def show_examples(answers: Sequence[InfillAnswer], stream: TextIO) -> None:
    """Print the line up to the cursor, what the model wrote, and what the author wrote."""
    for answer in answers:
        typed = answer.task.prefix.rpartition(b"\n")[2].decode("utf-8", "replace")
        mark = "=" if answer.is_exact else " "
        stream.write(f"{mark} {typed}⟦{answer.completion.decode('utf-8', 'replace')}⟧\n")
        if not answer.is_exact:
            stream.write(f"  {' ' * len(typed)}⟦{answer.task.middle.decode('utf-8', 'replace')}⟧\n")
