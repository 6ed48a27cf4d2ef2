"""How often the product's own path writes what the authors wrote, with and without the rest of the workspace.

    python benchmarks/completion.py --held-out RUN/held_out.jsonl --tasks 1000
    python benchmarks/completion.py MODEL OTHER --held-out RUN/held_out.jsonl --gaps line lines span

Each gap is filled by the same model in every way of the table, greedily, from the prompt that the assistant
builds and through a back end of the assistant. Every way is compared with the prompt of the document alone
(SPM) and with the longest match in all files, which needs no model, task by task: points of exact match, 95%
intervals by paired bootstrap. ``--packages`` names projects that the model never saw.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile, zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.backends.protocol import GREEDY, CompletionBackend, Token, TokenShaping
from assistant.completion import CompletionRequest
from assistant.config import (
    CompletionSettings,
    ContextUse,
    Lines,
    ModelSettings,
    Precision,
    Settings,
    TraceSettings,
)
from assistant.context.selection import PromptContext, context_room
from assistant.fim import FimIds, FimOrder
from assistant.models import DEFAULT_MODEL, open_model
from assistant.ngrams.matches import SortedTexts, TokenTexts
from assistant.ngrams.nearby import NearbyFiles
from assistant.prompt import Budget, build_prompt, split_last_token
from assistant.service import CompletionService
from training.evaluation.bootstrap import interval
from training.evaluation.held_out import HeldOutFile, neighbours, read_held_out
from training.evaluation.infill import Gap, InfillAnswer, InfillTask, draw_tasks, room_for

TEST_FOLDERS = frozenset({"tests", "test", "testing"})
MOST_UNOPENED = 56
"""Files of the workspace beside the eight nearest."""
CONTEXT_TOKENS = 1024
SUFFIX_TOKENS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to fill a gap."""

    key: str
    """On the command line."""
    label: str
    order: FimOrder = FimOrder.SPM
    context: ContextUse = ContextUse.OFF
    mixed: int | None = None
    """Other files that are mixed in beside the document itself; ``None`` mixes nothing."""
    min_confidence: float | None = None
    """How sure the model must be, where the assistant's own service answers, which also trims."""


ALONE = Way(key="spm", label="document alone, SPM")
NGRAMS = "longest match alone, no model"
WAYS = (
    ALONE,
    Way(key="psm", label="document alone, PSM", order=FimOrder.PSM),
    Way(key="pieces", label="pieces of other files in the prompt", context=ContextUse.ON),
    Way(key="mixed-0", label="mixed with the document", mixed=0),
    Way(key="mixed-8", label="mixed with it and the eight nearest files", mixed=8),
    Way(key="mixed-64", label="mixed with it and 64 files", mixed=8 + MOST_UNOPENED),
    Way(
        key="both",
        label="pieces in the prompt, mixed with 64 files",
        context=ContextUse.ON,
        mixed=8 + MOST_UNOPENED,
    ),
    Way(key="asked", label="as an editor gets it: mixed with 64 files, trimmed", min_confidence=0.0),
    Way(
        key="typed",
        label="the same while typing: up to the first unlikely token",
        min_confidence=CompletionSettings().min_confidence,
    ),
)
LINES = {Gap.LINE: Lines.SINGLE, Gap.LINES: Lines.MULTIPLE, Gap.SPAN: Lines.AUTO}
"""What the service is told of each kind of gap."""


class Served:
    """A back end as tasks are drawn with it."""

    def __init__(self, backend: CompletionBackend) -> None:
        self._backend = backend
        self.fim: FimIds = backend.fim_ids
        self.context_tokens = backend.context_tokens

    def encode(self, text: bytes) -> list[int]:
        """Tokenise user text."""
        return self._backend.tokenize(text.decode("utf-8", "replace"))

    def decode(self, ids: Sequence[int]) -> bytes:
        """Spell tokens out."""
        return self._backend.detokenize(ids)

    def greedy(self, prompt: list[int]) -> Iterator[int]:
        """Not needed to draw tasks."""
        raise NotImplementedError

    def sample(self, prompt: list[int], *, temperature: float, top_p: float, seed: int) -> Iterator[int]:
        """Not needed to draw tasks."""
        raise NotImplementedError


class Project:
    """One project's files, as an editor and the reader of the workspace would have them."""

    def __init__(self, files: Sequence[HeldOutFile], backend: CompletionBackend) -> None:
        self.name = files[0].repository
        self._files = files
        self._backend = backend
        self._nearby = {
            way.mixed: NearbyFiles(backend, longest_wait_s=None) for way in WAYS if way.mixed is not None
        }
        self.context = PromptContext(backend, longest_wait_s=None)
        self._service_nearby = NearbyFiles(backend, longest_wait_s=None)
        self._ids: dict[str, list[int]] = {}

    def matches(self, request: CompletionRequest) -> TokenTexts:
        """The document without its gap, and all other files."""
        texts = {**request.others, **request.unopened}
        for path in texts.keys() - self._ids.keys():
            self._ids[path] = self._backend.tokenize(texts[path])
        here = map(self._backend.tokenize, (request.suffix, request.prefix))
        return SortedTexts([*(self._ids[path] for path in texts), *here])

    def request(self, task: InfillTask) -> CompletionRequest:
        """The eight nearest files are open, others of the project are on disk."""
        near = {file.path: file.text.decode() for file in neighbours(self._files, task.path, self.name)}
        others = (file for file in self._files if file.path != task.path and file.path not in near)
        rest = sorted(others, key=lambda file: (-shared(file.path, task.path), file.path))[:MOST_UNOPENED]
        prefix = task.prefix.decode()
        return CompletionRequest(
            text=prefix + task.suffix.decode(),
            offset=len(prefix),
            path=task.path,
            others=near,
            unopened={file.path: file.text.decode() for file in rest},
        )

    async def served(self, task: InfillTask, min_confidence: float) -> InfillAnswer:
        """What the assistant answers, untraced and with as much time as it needs."""
        settings = Settings(trace=TraceSettings(required=False))
        completion = replace(
            settings.completion,
            lines=LINES[task.gap],
            min_confidence=min_confidence,
            timeout_ms=60_000,
        )
        service = CompletionService(
            self._backend,
            tracer=None,
            settings=replace(settings, completion=completion),
            nearby=self._service_nearby,
        )
        answer = await service.complete(self.request(task))
        return InfillAnswer(task=task, completion=answer.text.encode() if answer else b"")

    async def shaping(self, way: Way, before: str, request: CompletionRequest) -> TokenShaping:
        """What the product mixes in, once it has read all files."""
        if way.mixed is None:
            return TokenShaping()
        files = dict(list({**request.others, **request.unopened}.items())[: way.mixed])
        return await self._nearby[way.mixed].shaping(before, replace(request, others=files, unopened={}))


def shared(one: str, other: str) -> int:
    """Folders that two paths have in common."""
    count = 0
    for mine, theirs in zip(one.split("/")[:-1], other.split("/")[:-1], strict=False):
        if mine != theirs:
            break
        count += 1
    return count


async def fill(task: InfillTask, project: Project, way: Way, backend: CompletionBackend) -> InfillAnswer:
    """Fill a gap in one way; as many lines as the author's are taken where the service does not decide."""
    if way.min_confidence is not None:
        return await project.served(task, way.min_confidence)
    request = project.request(task)
    before, required = split_last_token(request.prefix)
    most = room_for(task.gap, Served(backend))
    room = context_room(way.context, backend, CONTEXT_TOKENS)
    context = await project.context.of(request, room=room)
    budget = Budget.within(
        backend.context_tokens - (context.tokens if context else 0),
        max_tokens=most,
        prefix_tokens=backend.context_tokens,
        suffix_tokens=SUFFIX_TOKENS,
    )
    prompt = build_prompt(backend, before, request.suffix, budget=budget, order=way.order, context=context)
    tokens = backend.generate(
        prompt,
        max_tokens=most,
        sampling=GREEDY,
        required=required.encode(),
        shaping=await project.shaping(way, before, request),
    )
    async with contextlib.aclosing(tokens):
        return InfillAnswer(task=task, completion=await taken(tokens, task, required.encode()))


async def taken(tokens: AsyncIterator[Token], task: InfillTask, required: bytes) -> bytes:
    """What is written behind ``required``, up to as many line breaks as the author wrote."""
    most_breaks = None if task.gap is Gap.SPAN else task.middle.count(b"\n")
    text = b""
    async for token in tokens:
        text += token.text
        if not token.text or (most_breaks is not None and text.count(b"\n") > most_breaks):
            break
    text = text.removeprefix(required)
    if most_breaks is None:
        return text
    return b"\n".join(text.split(b"\n")[: most_breaks + 1]).rstrip(b"\r")


def fill_by_matches(task: InfillTask, project: Project, backend: CompletionBackend) -> InfillAnswer:
    """What followed most often behind the longest match in the document and 64 files: a model of n-grams."""
    request = project.request(task)
    ids, texts = backend.tokenize(request.prefix), project.matches(request)
    most_breaks = task.middle.count(b"\n")
    written: list[int] = []
    while len(written) < task.gap.new_tokens:
        found = texts.followers([*ids[-32:], *written])
        if found is None:
            break
        written.append(int(found.tokens[found.counts.argmax()]))
        if task.gap is not Gap.SPAN and backend.detokenize(written).count(b"\n") > most_breaks:
            break
    lines = backend.detokenize(written).split(b"\n")[: most_breaks + 1]
    return InfillAnswer(task=task, completion=b"\n".join(lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Of one way, task by task."""

    exact: NDArray[np.float64]
    similarity: NDArray[np.float64]
    shown: float
    """Share of the answers that are not empty."""
    right: float
    """Share of those that the author's text begins with."""
    wrong_lines: float
    """Lines of an answer from the first on that differs, for each gap."""
    valid: float | None
    """Share of the files that parse with the answer in them, of those that did with the author's."""

    @classmethod
    def of(cls, answers: Sequence[InfillAnswer]) -> Score:
        """Score answers."""
        valid = [answer.is_valid for answer in answers if answer.is_valid is not None]
        shown = [answer for answer in answers if answer.completion.strip()]
        return cls(
            shown=len(shown) / len(answers),
            right=float(np.mean([is_right(answer) for answer in shown])),
            wrong_lines=sum(map(wrong_lines, shown)) / len(answers),
            valid=float(np.mean(valid)) if valid else None,
            exact=np.array([answer.is_exact for answer in answers], dtype=float),
            similarity=np.array([answer.similarity for answer in answers]),
        )


def row(label: str, score: Score, bases: Sequence[Score]) -> str:
    """A line of the table."""
    low, high = interval(score.exact.tolist())
    rates = f"{score.exact.mean():.1%} ({low:.1%} to {high:.1%})"
    gains = " | ".join("" if base is score else ahead(score.exact - base.exact) for base in bases)
    valid = "–" if score.valid is None else f"{score.valid:.1%}"
    shown = f"{score.shown:.1%} | {score.right:.1%} | {score.wrong_lines:.2f}"
    return f"| {label} | {rates} | {gains} | {score.similarity.mean():.3f} | {valid} | {shown} |"


def is_right(answer: InfillAnswer) -> bool:
    """Whether the author wrote this, and perhaps went on."""
    return answer.task.middle.startswith(answer.completion.rstrip())


def wrong_lines(answer: InfillAnswer) -> int:
    """How many lines would have to be deleted or mended."""
    written, wanted = (text.splitlines() for text in (answer.completion.rstrip(), answer.task.middle))
    right = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(written, wanted, strict=False)))
    is_head = right < len(wanted) and right == len(written) - 1 and wanted[right].startswith(written[right])
    return 0 if is_head else len(written) - right


def ahead(gain: NDArray[np.float64]) -> str:
    """Points of exact match, with their interval."""
    low, high = interval(gain.tolist())
    return f"{100 * gain.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


async def measure(
    backend: CompletionBackend,
    projects: Mapping[str, Sequence[HeldOutFile]],
    ways: Sequence[Way],
    gap: Gap,
    count: int,
) -> None:
    """Fill the gaps of one kind in all ways, the projects in turn; print the table, on stderr as it grows."""
    each = -(-count // len(projects))
    opened = [Project(files, backend) for files in projects.values()]
    drawn = [draw_tasks(files, Served(backend), count=each, gap=gap, seed=11) for files in projects.values()]
    answers: dict[str, list[InfillAnswer]] = {way.label: [] for way in ways} | {NGRAMS: []}
    for number, tasks in enumerate(zip_longest(*drawn)):
        for project, task in zip(opened, tasks, strict=True):
            if task is None or not is_text(task):
                continue
            answers[NGRAMS].append(fill_by_matches(task, project, backend))
            for way in ways:
                answers[way.label].append(await fill(task, project, way, backend))
        if number % 10 == 0:
            print(table(answers, backend, gap), file=sys.stderr, flush=True)
    print(table(answers, backend, gap), flush=True)


def table(answers: Mapping[str, Sequence[InfillAnswer]], backend: CompletionBackend, gap: Gap) -> str:
    """All ways, with their intervals."""
    scores = {label: Score.of(found) for label, found in answers.items()}
    head = [
        f"\n{backend.description}, {gap}, n = {len(answers[NGRAMS])}\n",
        "| way | exact match | ahead of the document alone | of the match | edit similarity | valid syntax "
        "| shown | right, of these | wrong lines a gap |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    bases = (scores[ALONE.label], scores[NGRAMS])
    return "\n".join([*head, *(row(label, score, bases) for label, score in scores.items())])


def is_text(task: InfillTask) -> bool:
    """Whether the gap begins and ends between characters, as a cursor does."""
    try:
        return bool(task.prefix.decode() + task.suffix.decode())
    except UnicodeDecodeError:
        return False


def read_projects(path: Path, packages: Sequence[str]) -> dict[str, list[HeldOutFile]]:
    """Files outside tests, by project."""
    projects: dict[str, list[HeldOutFile]] = {}
    for file in read_held_out(path):
        is_wanted = not packages or file.repository in packages
        if is_wanted and not TEST_FOLDERS & set(file.path.split("/")) and file.text.strip():
            projects.setdefault(file.repository, []).append(file)
    return projects


async def main() -> None:
    """Measure each model on each kind of gap."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "models", nargs="*", default=[str(DEFAULT_MODEL)], help="GGUF files, checkpoint folders"
    )
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--packages", nargs="*", default=[], help="only these of the list")
    parser.add_argument("--gaps", nargs="*", type=Gap, default=[Gap.LINE], choices=list(Gap))
    parser.add_argument(
        "--ways", nargs="*", default=[], choices=[way.key for way in WAYS], help="default: all"
    )
    parser.add_argument("--tasks", type=int, default=1000, help="gaps of each kind, over all projects")
    parser.add_argument("--precision", type=Precision, default=Precision.AUTO, choices=list(Precision))
    args = parser.parse_args()
    projects = read_projects(args.held_out, args.packages)
    ways = [way for way in WAYS if not args.ways or way is ALONE or way.key in args.ways]
    for path in args.models:
        backend = open_model(ModelSettings(path=path, precision=args.precision, threads=1))
        for gap in args.gaps:
            await measure(backend, projects, ways, gap, args.tasks)
        await backend.close()


if __name__ == "__main__":
    asyncio.run(main())
