"""Asking every finder every question, and what is printed and written of the answers."""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from attribution.model import SourceFile
from tracing.changes import CHANGES, tokens_of
from tracing.finders import Answer, Finder
from tracing.questions import (
    PASTED,
    SUCCESSOR,
    UNNAMED,
    UNRELATED_FILES,
    UNRELATED_FUNCTIONS,
    Question,
    Truth,
    first_of_each,
)

GOALS = {
    "verbatim": 0.995,
    "reformatted": 0.99,
    "20% of lines edited or dropped": 0.97,
    "a third of the names changed": 0.98,
    "all names changed": 0.98,
    PASTED: 0.98,
    "5 lines of a function": 0.9,
    SUCCESSOR: 0.97,
}
"""Recall@1 that is aimed at; unrelated code is to be flagged in 1%, lines are to be right in 95%."""
_ROWS = (*CHANGES, PASTED, SUCCESSOR)
_LABEL, _WIDTH = 40, 12
_TOKEN_CLASSES = ((0, 23), (23, 40), (40, 10**6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question with its answer and what that is worth."""

    question: Question
    answer: Answer
    ms: float
    hit_at: int | None
    """Place of the first right file in the answer, from 0."""
    lines_right: bool | None
    """``None`` where no lines are asked for, or none named."""
    accused: bool | None
    """Flagged though it is unrelated; code that truly stands in the named file is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """All answers of one finder."""

    name: str
    note: str
    is_own: bool
    """Whether it is sc-attrib, or one lane of it."""
    asked: list[Asked]
    index_bytes: float | None
    """``None`` where it keeps no index."""

    def of(self, kind: str, language: str | None = None) -> list[Asked]:
        """Its answers to the questions of one row."""
        return [a for a in self.asked if a.question.kind == kind and language in (None, a.question.language)]


def measure(
    finder: Finder, questions: list[Question], files: list[SourceFile], truth: Truth, folder: Path
) -> Column:
    """Ask a finder; the answers of peers are kept, question by question, since they do not change."""
    chosen = first_of_each(questions, finder.most)
    kept = folder / "answers" / f"{_slug(finder)}.json" if finder.version else None
    stored = _Stored(note=finder.note, index_bytes=None, answers={})
    if kept is not None and kept.exists():
        stored = _Stored(**json.loads(kept.read_text(encoding="utf-8")))
    missing = [question for question in chosen if question.key not in stored.answers]
    if missing:
        _ask_all(finder, missing, files, folder, stored)
    if missing and kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(".tmp")
        unfinished.write_text(json.dumps(asdict(stored)), encoding="utf-8")
        unfinished.replace(kept)
    asked = [_judge(question, *stored.answers[question.key], truth=truth) for question in chosen]
    return Column(
        name=finder.name,
        note=stored.note,
        is_own=not finder.version,
        asked=asked,
        index_bytes=stored.index_bytes,
    )


@dataclass(slots=True, kw_only=True)
class _Stored:
    """What is kept of a finder."""

    note: str
    index_bytes: float | None
    answers: dict[str, tuple[dict[str, object], float]]
    """Answer and milliseconds by the question's key."""


def _slug(finder: Finder) -> str:
    return f"{finder.name.replace(' ', '-')}-{hashlib.sha1(finder.version.encode()).hexdigest()[:12]}"


def _ask_all(
    finder: Finder, questions: list[Question], files: list[SourceFile], folder: Path, stored: _Stored
) -> None:
    started = time.perf_counter()
    _say(f"{finder.name}: preparing …")
    stored.index_bytes = finder.prepare(files, folder)
    stored.note = finder.note
    ready = time.perf_counter()
    for number, question in enumerate(questions):
        before = time.perf_counter()
        answer = finder.ask(question.text, question.path)
        stored.answers[question.key] = (asdict(answer), (time.perf_counter() - before) * 1e3)
        if number % 500 == 0:
            _say(f"{finder.name}: {number:,} of {len(questions):,}")
    seconds = time.perf_counter() - ready
    _say(
        f"{finder.name}: ready in {ready - started:.1f} s, {len(questions):,} questions in {seconds:.1f} s\n"
    )


def _say(text: str) -> None:
    print(f"\r\033[K[accuracy] {text}", end="", file=sys.stderr, flush=True)


def _answer(stored: dict[str, object]) -> Answer:
    """An answer back from JSON, where tuples have become lists."""
    return Answer(**{k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()})  # type: ignore[arg-type]


def _judge(question: Question, stored: dict[str, object], ms: float, *, truth: Truth) -> Asked:
    answer = _answer(stored)
    right = [truth.holds(name, question) for name in answer.files]
    hit_at = right.index(True) if any(right) else None
    lines_right = accused = None
    if hit_at != 0 and right and truth.is_renaming_of(answer.files[0], question, answer.lines):
        hit_at, lines_right = 0, True
    elif hit_at == 0 and question.original and answer.lines is not None:
        lines_right = truth.lines_agree(answer.files[0], question, answer.lines) and _query_agrees(
            question, answer
        )
    if question.is_unrelated and answer.flagged is not None:
        copied = any(truth.contains(name, question.text) for name in answer.files)
        accused = answer.flagged and not copied
    return Asked(
        question=question, answer=answer, ms=ms, hit_at=hit_at, lines_right=lines_right, accused=accused
    )


def _query_agrees(question: Question, answer: Answer) -> bool:
    """Whether the right lines of a pasted text are named, if any are."""
    if question.query_lines is None or answer.query_lines is None:
        return True
    pairs = zip(question.query_lines, answer.query_lines, strict=True)
    return all(abs(expected - named) <= 2 for expected, named in pairs)


# ------------------------------------------------------------------------------------------------ tables


def print_tables(columns: list[Column], source_bytes: int, *, by_language: bool) -> None:
    """Recall at 1 and 5, lines, accusations, times and sizes."""
    asked = {a.question.kind for a in columns[0].asked if not a.question.is_unrelated}
    related = sorted(
        asked, key=lambda kind: (kind.endswith(UNNAMED), _ROWS.index(kind.removesuffix(UNNAMED)))
    )
    languages = sorted({a.question.language for a in columns[0].asked}) if by_language else []
    unrelated = [UNRELATED_FUNCTIONS, UNRELATED_FILES]
    traced = [kind for kind in related if kind != SUCCESSOR]
    _print_table("recall@1", columns, related, languages, lambda a: a.hit_at == 0, goals=GOALS)
    _print_table("recall@5", columns, related, languages, lambda a: a.hit_at is not None)
    _print_table("lines within ±2, of the hits", columns, traced, languages, lambda a: a.lines_right)
    _print_table("flagged, though unrelated", columns, unrelated, languages, lambda a: a.accused)
    _print_table(
        "judged common, of the hits",
        columns[:1],
        related,
        languages,
        lambda a: a.answer.is_common if a.hit_at == 0 else None,
    )
    _print_snippets(columns)
    _print_costs(columns, source_bytes)
    print()
    for column in columns:
        print(f"{column.name}: {column.note} ({len(column.asked):,} questions)")


def _print_table(
    title: str,
    columns: list[Column],
    kinds: Iterable[str],
    languages: list[str],
    worth: Callable[[Asked], bool | None],
    *,
    goals: dict[str, float] | None = None,
) -> None:
    _print_head(title, columns, "goal" if goals else "")
    for kind in kinds:
        for language in [None, *languages]:
            label = kind if language is None else f"    {language}"
            goal = goals.get(kind) if goals and language is None else None
            shown = "" if goal is None else f"{goal:.3f}"
            cells = "".join(_cell(map(worth, column.of(kind, language))) for column in columns)
            print(f"{label:{_LABEL}}{len(columns[0].of(kind, language)):6}{shown:>8}{cells}")
    print()


def _print_head(title: str, columns: list[Column], goal: str = "") -> None:
    heads = "".join(f"{column.name:>{_WIDTH}}" for column in columns)
    print(f"{title:{_LABEL}}{'n':>6}{goal:>8}{heads}")


def _cell(worths: Iterable[bool | None]) -> str:
    """The share of those that are worth something, of those that can be judged."""
    known = [worth for worth in worths if worth is not None]
    return f"{sum(known) / len(known):{_WIDTH}.3f}" if known else f"{'–':>{_WIDTH}}"


def _print_snippets(columns: list[Column]) -> None:
    """Short questions by their size, as the smallest are the hardest."""
    _print_head("recall@1 of 5 lines by their tokens", columns)
    for low, high in _TOKEN_CLASSES:
        chosen = [
            [a for a in column.of("5 lines of a function") if low <= tokens_of(a.question.text) < high]
            for column in columns
        ]
        label = f"    {low} and more" if high == _TOKEN_CLASSES[-1][1] else f"    {low} to {high - 1}"
        cells = "".join(_cell(a.hit_at == 0 for a in asked) for asked in chosen)
        print(f"{label:{_LABEL}}{len(chosen[0]):6}{'':8}{cells}")
    print()


def _print_costs(columns: list[Column], source_bytes: int) -> None:
    small = [[a.ms for a in column.asked if not _is_file(a.question)] for column in columns]
    large = [[a.ms for a in column.asked if _is_file(a.question)] for column in columns]
    print(f"{'cost':{_LABEL + 14}}" + "".join(f"{column.name:>{_WIDTH}}" for column in columns))
    for label, times, part in (
        ("a function: p50 ms", small, 0.5),
        ("a function: p99 ms", small, 0.99),
        ("a file: p50 ms", large, 0.5),
        ("a file: p99 ms", large, 0.99),
    ):
        print(f"{label:{_LABEL + 14}}" + "".join(f"{_quantile(t, part):{_WIDTH}.2f}" for t in times))
    sizes = (None if c.index_bytes is None else c.index_bytes / source_bytes for c in columns)
    cells = (f"{'–':>{_WIDTH}}" if size is None else f"{size:{_WIDTH}.2f}" for size in sizes)
    print(f"{'index bytes a source byte':{_LABEL + 14}}{''.join(cells)}")


def _is_file(question: Question) -> bool:
    return question.kind in (SUCCESSOR, UNRELATED_FILES) or question.query_lines is not None


def _quantile(times: list[float], part: float) -> float:
    return statistics.quantiles(times, n=100)[round(part * 100) - 1] if len(times) > 1 else float("nan")


# ------------------------------------------------------------------------------------------------ report


def write_report(path: Path, columns: list[Column]) -> None:
    """Write what went wrong with sc-attrib: one JSON object a line, the question's text with it."""
    with path.open("w", encoding="utf-8") as stream:
        for column in (column for column in columns if column.is_own):
            for asked in column.asked:
                wrong = _wrong(asked)
                if wrong:
                    stream.write(json.dumps(_report(column, asked, wrong), ensure_ascii=False) + "\n")


def _wrong(asked: Asked) -> str:
    """What is wrong with an answer; nothing if it is right."""
    if asked.accused:
        return "accused"
    if asked.question.is_unrelated:
        return ""
    if asked.hit_at != 0:
        return "missed" if asked.hit_at is None else f"second to another file (at {asked.hit_at + 1})"
    return "other lines" if asked.lines_right is False else ""


def _report(column: Column, asked: Asked, wrong: str) -> dict[str, object]:
    question = asked.question
    return {
        "column": column.name,
        "wrong": wrong,
        "kind": question.kind,
        "language": question.language,
        "place": question.place,
        "query_lines": question.query_lines,
        "tokens": question.tokens,
        "path": question.path,
        "why": asked.answer.why or "nothing found",
        "ms": round(asked.ms, 2),
        "text": question.text.decode("utf-8", "replace"),
    }
