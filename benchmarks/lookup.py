"""What guessing tokens from the prompt saves: the same answers, with and without prompt-lookup speculation.

    python benchmarks/lookup.py [--model FILE] [--files DIR] [--places N] [--tokens N]

At places drawn from real files the model writes what comes next, with each number of guessed tokens in turn.
The answers must be the same; evaluations and processor time are compared. Prompts are read beforehand.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sysconfig
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.backends.llama_model import LlamaModel
from assistant.fim import FimOrder
from assistant.models import DEFAULT_MODEL, ModelOptions
from assistant.prompt import Budget, build_prompt

GUESSES = (0, 2, 4, 8, 16)
BUDGET = Budget(prefix_tokens=440, suffix_tokens=0)


@dataclass(slots=True)
class Sums:
    """Over all places."""

    tokens: int = 0
    evaluations: int = 0
    seconds: float = 0.0
    answers: list[list[int]] = field(default_factory=list)


class Counter:
    """Counts the evaluations of every model."""

    evaluations = 0

    @classmethod
    def begin(cls) -> None:
        """From now on."""
        decode = LlamaModel._decode

        def counted(model: LlamaModel, tokens: Sequence[int], outputs: int) -> int:
            cls.evaluations += 1
            return decode(model, tokens, outputs)

        LlamaModel._decode = counted  # type: ignore[method-assign]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--files", type=Path, default=Path(sysconfig.get_paths()["stdlib"]) / "email")
    parser.add_argument("--places", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=48)
    args = parser.parse_args()
    Counter.begin()
    prefixes = list(_prefixes(args.files, args.places))
    results = {guesses: asyncio.run(_measure(args, prefixes, guesses)) for guesses in GUESSES}
    _print_table(results)


def _prefixes(folder: Path, places: int) -> Iterator[str]:
    """Real code, cut in the middle of a line."""
    chosen = random.Random(0)
    files = sorted(folder.rglob("*.py"))
    while places:
        text = chosen.choice(files).read_text("utf-8", "replace")
        starts = [at for at, character in enumerate(text) if character == "("]
        if len(starts) > 20:
            places -= 1
            yield text[: chosen.choice(starts[10:]) + 1]


async def _measure(args: argparse.Namespace, prefixes: list[str], guesses: int) -> Sums:
    backend = LlamaCppBackend.open(args.model, ModelOptions(threads=1, lookup_tokens=guesses))
    sums = Sums()
    for prefix in prefixes:
        prompt = build_prompt(backend, prefix, "", budget=BUDGET, order=FimOrder.SPM)
        _ = [token async for token in backend.generate(prompt, max_tokens=1)]
        before, started = Counter.evaluations, time.process_time()
        ids = [token.id async for token in backend.generate(prompt, max_tokens=args.tokens)]
        sums.seconds += time.process_time() - started
        sums.evaluations += Counter.evaluations - before
        sums.tokens += len(ids)
        sums.answers.append(ids)
    await backend.close()
    return sums


def _print_table(results: dict[int, Sums]) -> None:
    plain = results[0]
    print("| guessed | tokens | evaluations | tokens/s of processor time | against none | same answers |")
    print("| --- | --- | --- | --- | --- | --- |")
    for guesses, sums in results.items():
        same = sum(a == b for a, b in zip(sums.answers, plain.answers, strict=True))
        speed, ratio = sums.tokens / sums.seconds, plain.seconds / plain.tokens * sums.tokens / sums.seconds
        print(
            f"| {guesses} | {sums.tokens} | {sums.evaluations} | {speed:.0f} | {ratio:.2f}× "
            f"| {same} of {len(sums.answers)} |"
        )


if __name__ == "__main__":
    main()
