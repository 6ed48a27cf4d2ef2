"""What keeping a prompt's keys and values saves at each key, with a model of StarCoder2-3B's shape.

    python -m benchmarks.prefix_reuse [--keys N] [--prefix-tokens N] [--suffix-tokens N] [--model FILE]

Somebody types into the middle of a real file, and after each key the model is asked for a few tokens: with
nothing kept from one key to the next, with the code before the cursor first (PSM), where what follows the
cursor is read anew, and with the code after it first (SPM), where only what was typed is. The model has 3.0G
random weights in Q4_0, unless another one is named; it is written for the run and takes 1.7 GB of disk.
"""

from __future__ import annotations

import argparse
import asyncio
import shelve
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.fim import FimOrder
from assistant.models import DEFAULT_MODEL, ModelOptions
from assistant.prompt import Budget, build_prompt
from benchmarks.replaying.shapes import write_starcoder2_3b
from benchmarks.replaying.tally import Tally, tally_inference

ANSWER_TOKENS = 4
LINE = "            return self.writeback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the model is asked."""

    label: str
    order: FimOrder
    is_kept: bool = True


WAYS = (
    Way(label="nothing kept", order=FimOrder.PSM, is_kept=False),
    Way(label="prefix first (PSM), kept", order=FimOrder.PSM),
    Way(label="suffix first (SPM), kept", order=FimOrder.SPM),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of all keys but the first, which every way pays in full."""

    tokens: int
    processor_s: float


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keys", type=int, default=6)
    parser.add_argument("--prefix-tokens", type=int, default=128)
    parser.add_argument("--suffix-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", type=Path, help="a GGUF file instead of the random one")
    args = parser.parse_args()
    tally = tally_inference()
    with tempfile.TemporaryDirectory() as folder:
        path = args.model or write_starcoder2_3b(Path(folder) / "3b.gguf", tokenizer=DEFAULT_MODEL)
        costs = {way: asyncio.run(measure(path, way, args, tally)) for way in WAYS}
    print_table(costs, args.keys)


async def measure(path: Path, way: Way, args: argparse.Namespace, tally: Tally) -> Cost:
    """Type, and count what is evaluated after each key."""
    backend = LlamaCppBackend.open(path, ModelOptions(threads=args.threads, context_tokens=1024))
    text = Path(shelve.__file__).read_text()
    place = len(text) // 2
    place = text.rindex("\n", 0, place) + 1
    budget = Budget(prefix_tokens=args.prefix_tokens, suffix_tokens=args.suffix_tokens)
    tokens, processor_s = 0, 0.0
    for typed in range(args.keys + 1):
        if not way.is_kept:
            await answered(backend, [backend.fim_ids.end_of_text])  # begins as no prompt does
        before = text[:place] + LINE[: len(LINE) - args.keys + typed]
        prompt = build_prompt(backend, before, "\n" + text[place:], budget=budget, order=way.order)
        tally.reset()
        started = time.process_time()
        await answered(backend, prompt)
        if typed:
            tokens, processor_s = tokens + tally.tokens, processor_s + time.process_time() - started
    print(f"<!-- {backend.description}: {way.label} -->", flush=True)
    await backend.close()
    return Cost(tokens=tokens, processor_s=processor_s)


async def answered(backend: LlamaCppBackend, prompt: list[int]) -> None:
    """Let the model write a few tokens."""
    async for _ in backend.generate(prompt, max_tokens=ANSWER_TOKENS):
        pass


def print_table(costs: dict[Way, Cost], keys: int) -> None:
    """All ways beside the first one."""
    base = costs[WAYS[0]]
    print("| | tokens evaluated a key | seconds of processor time a key | against nothing kept |")
    print("| --- | --- | --- | --- |")
    for way, cost in costs.items():
        ratio = base.processor_s / cost.processor_s
        print(f"| {way.label} | {cost.tokens / keys:.1f} | {cost.processor_s / keys:.2f} | {ratio:.1f}× |")


if __name__ == "__main__":
    main()
