"""How long somebody who types waits for suggestions, and what that costs: a typing session, replayed.

    python -m benchmarks.replay [--file FILE] [--lines FIRST-LAST] [--model FILE] [--seed N]
        [--llama-server FILE]

Lines of a real file (of the standard library unless told otherwise) are typed anew through ``sc-attrib``'s
language server over stdio, in real time and with its usual settings: bursts, pauses, wrong keys that are
deleted, right suggestions that are accepted. Beside it the naive client: for every key of that session one
completion of llama-cpp-python, for the same model, with the same limits. Goals: cached answers within 5 ms at
the 95th percentile, 5 ms beside the model at the median, a third of the tokens of the naive client.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import shelve
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.config import CompletionSettings
from assistant.models import DEFAULT_MODEL
from benchmarks.replaying.editor import Record, TypingEditor
from benchmarks.replaying.infill import Infilled, infill
from benchmarks.replaying.tally import Tally, tally_inference

GOAL_MS, GOAL_TOKENS = 5.0, 3.0
WANTED = CompletionSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Naive:
    """The naive client's session."""

    waited_ms: list[float]
    shown: int
    processor_s: float
    tally: Tally


def main() -> None:
    """Type, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--file", type=Path, default=Path(shelve.__file__))
    parser.add_argument("--lines", default="81-95", help="lines that are typed")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--context", type=int, default=0, help="tokens; 0 takes the model's own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--llama-server", type=Path, help="llama.cpp's own server, to ask its /infill too")
    args = parser.parse_args()
    logging.getLogger("pygls").setLevel(logging.ERROR)
    head, wanted, tail = _cut(args.file.read_text(), args.lines)
    model = {"path": str(args.model), "threads": args.threads, "contextTokens": args.context}
    if args.model == DEFAULT_MODEL:
        model["path"] = ""
    print(f"{args.file.name}, lines {args.lines}: {len(wanted)} characters; model {args.model.name}")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    record, report = _serve(head, wanted, tail, model, args.seed, completion={})
    at_once, _ = _serve(head, wanted[: len(wanted) // 3], tail, model, args.seed, completion={"maxWaitMs": 0})
    naive = _type_naively(record.moments, args.model, args.threads, args.context)
    _print_tables(record, report, at_once, naive)
    if args.llama_server is not None:
        found = infill(
            args.llama_server, args.model, record.moments, threads=args.threads, context=args.context
        )
        _print_peer(found, report)


def _cut(text: str, lines: str) -> tuple[str, str, str]:
    first, last = (int(number) for number in lines.split("-"))
    whole = text.splitlines(keepends=True)
    return "".join(whole[: first - 1]), "".join(whole[first - 1 : last]), "".join(whole[last:])


def _serve(
    head: str, wanted: str, tail: str, model: dict[str, Any], seed: int, *, completion: dict[str, Any]
) -> tuple[Record, dict[str, Any]]:
    settings = {"model": model, "completion": completion, "ledger": {"enabled": False}}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        record = asyncio.run(TypingEditor(head, wanted, tail, seed=seed).run(report, settings))
        return record, json.loads(report.read_text())


def _type_naively(moments: Sequence[tuple[str, str]], model: Path, threads: int, context: int) -> Naive:
    """Complete after each key, to the end, as a client does that knows nothing of the keys before."""
    import llama_cpp

    tally = tally_inference()
    llama = llama_cpp.Llama(str(model), n_ctx=context, n_threads=threads, verbose=False)
    tally.reset()
    waited: list[float] = []
    shown, began = 0, time.process_time()
    for prefix, suffix in moments:
        started = time.perf_counter()
        shown += bool(_complete_naively(llama, prefix, suffix).strip())
        waited.append((time.perf_counter() - started) * 1e3)
    spent = time.process_time() - began
    llama.close()
    return Naive(waited_ms=waited, shown=shown, processor_s=spent, tally=tally)


def _complete_naively(llama: Any, prefix: str, suffix: str) -> str:
    """Prefix, suffix, middle; the ids are put in by hand, since ``suffix=`` is wrong for this family."""
    before = llama.tokenize(prefix.encode(), add_bos=False)[-WANTED.prefix_tokens :]
    after = llama.tokenize(suffix.encode(), add_bos=False)[: WANTED.suffix_tokens]
    room = llama.n_ctx() - WANTED.max_tokens - len(after) - 3
    is_blank = not prefix.rsplit("\n", 1)[-1].strip()
    answer = llama.create_completion(
        [1, *before[-room:], 3, *after, 2],
        max_tokens=WANTED.max_tokens,
        temperature=0.0,
        stop=["\n\n" if is_blank else "\n"],
    )
    return str(answer["choices"][0]["text"])


def _print_tables(record: Record, report: dict[str, Any], at_once: Record, naive: Naive) -> None:
    counts, keys, shown = report["counts"], len(record.moments), len(record.shown)
    cached = [answer.waited_ms for answer in record.shown if answer.from_cache]
    asked = [answer.waited_ms for answer in record.shown if not answer.from_cache]
    computed = [answer for answer in at_once.shown if not answer.from_cache]
    beside = [answer.waited_ms - answer.timing["decodeMs"] for answer in computed]
    print(f"\n{'milliseconds from key to suggestion':44}{'n':>6}{'p50':>9}{'p95':>9}")
    for name, values in (
        ("language server, all", [*cached, *asked]),
        ("  from cache", cached),
        ("  from the model, debounce included", asked),
        ("  beside the model, no debounce", beside),
        ("    of it: prompt", [answer.timing["promptMs"] for answer in computed]),
        ("    of it: tracing", [answer.timing["traceMs"] for answer in computed]),
        ("naive client", naive.waited_ms),
    ):
        print(f"{name:44}{len(values):6}{_at(values, 0.5):9.1f}{_at(values, 0.95):9.1f}")
    print(f"\n{'':44}{'server':>10}{'naive':>10}{'ratio':>8}")
    for name, ours, theirs in (
        ("keys and accepts", keys, keys),
        ("suggestions; of the server, before the next key", shown, naive.shown),
        ("computations of the model", counts["computed"], keys),
        ("  for each suggestion shown", counts["computed"] / max(1, shown), keys / max(1, naive.shown)),
        ("tokens inferred", report["tokens"], naive.tally.tokens),
        ("seconds of processor time", report["processor_s"], naive.processor_s),
    ):
        print(f"{name:44}{ours:10.6g}{theirs:10.6g}{theirs / ours:8.2f}")
    share = len(cached) / max(1, shown)
    print(f"\naccepted {record.accepted}; from cache {share:.0%} of what was shown; {counts}")
    _print_goals(_at(cached, 0.95), _at(beside, 0.5), naive.tally.tokens / report["tokens"])


def _print_peer(peer: Infilled, report: dict[str, Any]) -> None:
    """llama.cpp's server beside ours."""
    waited = f"{_at(peer.waited_ms, 0.5):.1f} ms at p50, {_at(peer.waited_ms, 0.95):.1f} at p95"
    print(f"\nllama.cpp's own server, /infill at each key: {waited}; {peer.shown} suggestions")
    for name, ours, theirs in (
        ("tokens inferred", report["tokens"], peer.tokens),
        ("seconds of processor time", report["processor_s"], peer.processor_s),
    ):
        print(f"{name:44}{ours:10.6g}{theirs:10.6g}{theirs / ours:8.2f}")


def _print_goals(cached_ms: float, beside_ms: float, saved: float) -> None:
    for goal, is_reached in (
        (f"cached answers within {GOAL_MS:g} ms at p95: {cached_ms:.1f}", cached_ms <= GOAL_MS),
        (f"at most {GOAL_MS:g} ms beside the model at p50: {beside_ms:.1f}", beside_ms <= GOAL_MS),
        (f"{GOAL_TOKENS:g} times fewer tokens than the naive client: {saved:.1f}", saved >= GOAL_TOKENS),
    ):
        print(f"{'reached' if is_reached else 'missed '}  {goal}")


def _at(values: Sequence[float], share: float) -> float:
    if len(values) < 2:
        return values[0] if values else float("nan")
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]


if __name__ == "__main__":
    main()
