"""The regurgitation guard: what it changes, and what it costs.

    python -m benchmarks.guard [--file FILE] [--index DIR]

Effect: a small model is trained until it knows one file by heart; at each line of the file it is asked to
go on, under a policy that denies the file's licence, with the guard and without. Cost: the shipped model
writes at places of other files, with the guard asked at every token and without; time a token.
"""

from __future__ import annotations

import argparse
import asyncio
import colorsys
import json
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.backends.protocol import TokenShaping
from assistant.completion import CompletionRequest, Trigger
from assistant.config import CompletionSettings, Lines, Settings, TraceSettings
from assistant.fim import FimOrder
from assistant.guard import RegurgitationGuard
from assistant.models import DEFAULT_MODEL, ModelOptions
from assistant.prompt import Budget, build_prompt
from assistant.service import CompletionService
from assistant.tracing import Surroundings
from attribution.index.builder import build_index
from attribution.model import License, Origin, SourceFile
from attribution.policy.projects import ProjectPolicies
from attribution.trace import Tracer
from tests.assistant.overfitted import ANSWER_TOKENS, PREFIX_TOKENS, overfit, places

BUNDLED_INDEX = DEFAULT_MODEL.with_name("index")
COST_TOKENS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The file that is denied, and the model that knows it."""

    text: str
    model: Path
    index: Path
    project: Path


def main() -> None:
    """Measure, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--file", type=Path, default=Path(colorsys.__file__), help="what is known by heart")
    parser.add_argument("--index", type=Path, default=BUNDLED_INDEX, help="what the cost is measured with")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        known = _learn(args.file, Path(folder))
        asyncio.run(_print_effect(known))
    asyncio.run(_print_cost(args.index, Path(json.__file__).parent))


def _learn(file: Path, folder: Path) -> Known:
    text = file.read_text()
    origin = Origin(url="https://example.org/denied", path=file.name, license=License(expression="PSF-2.0"))
    build_index(folder / "index", [SourceFile(content=text.encode(), origin=origin)])
    (folder / ".sc-attrib.toml").write_text('[policy]\ndeny = ["PSF-2.0"]\n')
    return Known(text=text, model=overfit(text, folder / "model"), index=folder / "index", project=folder)


async def _print_effect(known: Known) -> None:
    backend = LlamaCppBackend.open(known.model, ModelOptions(threads=1))
    tracer = Tracer.open([known.index], policy=ProjectPolicies())
    print("| guard | shown | withheld | nothing | p50 ms of what was withheld without it |")
    print("| --- | --- | --- | --- | --- |")
    denied: set[int] = set()
    for guard in (False, True):
        outcomes: Counter[str] = Counter()
        times = {}
        for at in places(known.text):
            started = time.perf_counter()
            completion = await _service(backend, tracer, guard=guard).complete(_request(known, at))
            times[at] = (time.perf_counter() - started) * 1e3
            outcome = "nothing" if completion is None else "withheld" if completion.is_withheld else "shown"
            outcomes[outcome] += 1
            if outcome == "withheld" and not guard:
                denied.add(at)
        p50 = statistics.median(times[at] for at in denied)
        counts = " | ".join(str(outcomes[name]) for name in ("shown", "withheld", "nothing"))
        print(f"| {'on' if guard else 'off'} | {counts} | {p50:.1f} |")
    await backend.close()


def _service(backend: LlamaCppBackend, tracer: Tracer, *, guard: bool) -> CompletionService:
    completion = CompletionSettings(
        timeout_ms=60_000, max_tokens=ANSWER_TOKENS, prefix_tokens=PREFIX_TOKENS, lines=Lines.MULTIPLE
    )
    settings = Settings(completion=completion, trace=TraceSettings(guard=guard))
    return CompletionService(backend, tracer=tracer, settings=settings)


def _request(known: Known, at: int) -> CompletionRequest:
    path = str(known.project / "ours.py")
    return CompletionRequest(text=known.text[:at], offset=at, path=path, trigger=Trigger.INVOKED)


async def _print_cost(index: Path, folder: Path) -> None:
    """Every token is asked about; where none is refused the answers are the same."""
    backend = LlamaCppBackend.open(DEFAULT_MODEL, ModelOptions(threads=1))
    tracer = Tracer.open([index])
    per_token: dict[bool, list[float]] = {False: [], True: []}
    traces = tokens = 0
    for text in [path.read_text() for path in sorted(folder.glob("*.py"))]:
        for at in places(text)[:80:8]:
            budget = Budget(prefix_tokens=256, suffix_tokens=0)
            prompt = build_prompt(backend, text[:at], "", budget=budget, order=FimOrder.SPM)
            await _generate(backend, prompt, 1, None)
            for guarded in (False, True):
                around = Surroundings.of(text[:at], "", TraceSettings())
                guard = RegurgitationGuard(tracer, around, required="", detokenize=backend.detokenize)
                started = time.perf_counter()
                count = await _generate(backend, prompt, COST_TOKENS, guard if guarded else None)
                per_token[guarded].append((time.perf_counter() - started) * 1e3 / max(1, count))
                traces, tokens = traces + guard.traces, tokens + count * guarded
    await backend.close()
    plain, guarded_ms = statistics.median(per_token[False]), statistics.median(per_token[True])
    print()
    print("| | p50 ms a token |\n| --- | --- |")
    print(f"| without the guard | {plain:.2f} |\n| with it | {guarded_ms:.2f} |")
    print(f"| it adds | {guarded_ms - plain:.2f} |")
    print(f"\n{traces} look-ups for {tokens} tokens at {len(per_token[True])} places")


async def _generate(
    backend: LlamaCppBackend, prompt: list[int], limit: int, shaping: TokenShaping | None
) -> int:
    return len([token async for token in backend.generate(prompt, max_tokens=limit, shaping=shaping)])


if __name__ == "__main__":
    main()
