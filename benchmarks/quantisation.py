"""What narrower weights cost and gain: size, perplexity and speed of a checkpoint in each GGUF type.

    python benchmarks/quantisation.py RUN/checkpoint-… --held-out RUN/held_out.jsonl [--tokens N]

Exports the checkpoint in every type, and measures all of them, and transformers with the checkpoint itself,
on the same held-out text: perplexity a token and bits a byte over rows as long as the context, whose first
token is given. Then the time to the first token after a prompt of three quarters of the context (prefill),
and of up to 64 tokens after it (decode), llama.cpp as it is served, with keys and values in f16; the median
over prompts of different files, each put to all types in turn. Where other work wants the same cores, one
thread (``--threads 1``) measures more truly than two that wait for each other.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from assistant.quantize import GgufType
from training.evaluation.held_out import read_held_out
from training.export import export_gguf
from training.served import LlamaModel
from training.tokenizer import byte_lengths, load_tokenizer

PEER = "transformers, f32"
_LONGEST_ROW = 1024
_MOST_DECODED = 64


@dataclass(slots=True, kw_only=True)
class Measured:
    """One line of the table."""

    size_bytes: int
    nats: float = 0.0
    """Summed over all tokens but the first of each row."""
    prefill: list[float] = field(default_factory=list)
    """Tokens a second, for each prompt."""
    decode: list[float] = field(default_factory=list)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--prompts", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    tokenizer = load_tokenizer(args.checkpoint / "tokenizer.json")
    peer = AutoModelForCausalLM.from_pretrained(args.checkpoint, dtype=torch.float32).eval()
    context = min(peer.config.max_position_embeddings, _LONGEST_ROW)
    rows = _rows(args.held_out, tokenizer, context, count=args.tokens // context + 1)
    prompts = [row[: context * 3 // 4] for row in rows[: args.prompts]]
    table = {PEER: _measure_peer(peer, rows)}
    with tempfile.TemporaryDirectory() as folder:
        paths = {gguf_type: Path(folder, f"{gguf_type}.gguf") for gguf_type in GgufType}
        for gguf_type, path in paths.items():
            export_gguf(args.checkpoint, path, gguf_type=gguf_type)
            table[gguf_type] = _measure_loss(path, rows, context, args.threads)
        for prompt in prompts:
            _time_peer(peer, prompt, context, table[PEER])
            for gguf_type, path in paths.items():
                _time(path, prompt, args.threads, table[gguf_type])
    _print(table, rows, byte_lengths(tokenizer), args.threads)


def _rows(held_out: Path, tokenizer: Tokenizer, context: int, *, count: int) -> list[list[int]]:
    """Rows of held-out files, whole ones only, in random order."""
    files = [tokenizer.encode(file.text.decode()).ids for file in read_held_out(held_out)]
    whole = [ids[at : at + context] for ids in files for at in range(0, len(ids) - context + 1, context)]
    order = np.random.default_rng(0).permutation(len(whole))
    return [whole[i] for i in order[:count]]


def _nats(logits: NDArray[np.float32], row: Sequence[int]) -> float:
    """Negative log-likelihood of a row after its first token; logits have shape (tokens, vocabulary)."""
    loss = torch.nn.functional.cross_entropy(
        torch.from_numpy(logits[:-1]), torch.tensor(row[1:]), reduction="sum"
    )
    return float(loss)


def _measure_loss(path: Path, rows: Sequence[list[int]], context: int, threads: int) -> Measured:
    llama = LlamaModel(path, threads=threads, all_logits=True, context_tokens=context)
    nats = sum(_nats(llama.logits(row), row) for row in rows)
    llama.close()
    return Measured(size_bytes=path.stat().st_size, nats=nats)


def _measure_peer(peer: torch.nn.Module, rows: Sequence[list[int]]) -> Measured:
    with torch.inference_mode():
        nats = sum(_nats(peer(torch.tensor([row])).logits[0].numpy(), row) for row in rows)
    return Measured(size_bytes=sum(p.numel() * p.element_size() for p in peer.parameters()), nats=nats)


def _time(path: Path, prompt: list[int], threads: int, into: Measured) -> None:
    """Time one prompt in a fresh context; the file was read before."""
    llama = LlamaModel(path, threads=threads)
    tokens = llama.greedy(prompt)
    started = time.perf_counter()
    next(tokens)
    first = time.perf_counter()
    written = sum(1 for _ in islice(tokens, _MOST_DECODED))
    into.prefill.append(len(prompt) / (first - started))
    into.decode.append(written / (time.perf_counter() - first))
    llama.close()


def _time_peer(peer: torch.nn.Module, prompt: list[int], context: int, into: Measured) -> None:
    with torch.inference_mode():
        started = time.perf_counter()
        answer = peer(torch.tensor([prompt]), use_cache=True, logits_to_keep=1)
        first = time.perf_counter()
        written = min(context - len(prompt) - 1, _MOST_DECODED)
        for _ in range(written):
            token = answer.logits[:, -1:].argmax(dim=-1)
            answer = peer(token, past_key_values=answer.past_key_values, use_cache=True)
        ended = time.perf_counter()
    into.prefill.append(len(prompt) / (first - started))
    into.decode.append(written / (ended - first))


def _print(
    table: dict[str, Measured], rows: Sequence[list[int]], lengths: NDArray[np.int64], threads: int
) -> None:
    """Print Markdown; ratios are to transformers in the same run."""
    tokens = sum(len(row) - 1 for row in rows)
    size = sum(int(lengths[row[1:]].sum()) for row in rows)
    peer = table[PEER]
    print(f"{tokens:,} held-out tokens in rows of {len(rows[0])}, {len(peer.decode)} prompts,", end=" ")
    print(f"{threads} threads\n")
    print("| type | MB | perplexity | bits a byte | prefill, tokens/s | decode, tokens/s | decode, ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, line in table.items():
        prefill, decode = statistics.median(line.prefill), statistics.median(line.decode)
        print(
            f"| {name} | {line.size_bytes / 1e6:.1f} | {np.exp(line.nats / tokens):.3f} "
            f"| {line.nats / np.log(2) / size:.4f} | {prefill:,.0f} | {decode:,.0f} "
            f"| {decode / statistics.median(peer.decode):.1f} |"
        )


if __name__ == "__main__":
    main()
