"""What the language server adds to a completion: typing through it, beside calling the model directly.

    python benchmarks/lsp_overhead.py [--model FILE] [--index DIR] [--keystrokes N]

For each keystroke the same prompt is completed twice: by a direct call of the back end in this process, and
by ``textDocument/inlineCompletion`` over stdio, where prompt building, trimming, tracing, JSON and two pipes
come on top. Both have one thread and keep their own KV cache. The goal is an overhead of at most 10 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.backends.protocol import CompletionBackend
from assistant.config import CompletionSettings
from assistant.models import DEFAULT_MODEL, ModelOptions
from assistant.prompt import Budget, build_prompt, split_last_token
from assistant.trim import Gap, begins_block, is_complete

SC_ATTRIB = Path(sys.executable).with_name("sc-attrib")
GOAL_MS = 10.0
WARM_UP = 5
HEAD = "import csv\nfrom pathlib import Path\n\n\ndef read_rows(path: Path, delimiter: str):\n"
TYPED = (
    '    with path.open(newline="") as file:\n        reader = csv.DictReader(file, delimiter=delimiter)\n'
)
TAIL = "\n\ndef count_rows(path: Path) -> int:\n    return len(read_rows(path, ','))\n"
SETTINGS = CompletionSettings(max_tokens=24, timeout_ms=60_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One keystroke, measured both ways, in milliseconds."""

    direct_ms: float
    served_ms: float
    suggested: bool
    trace_ms: float | None


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument(
        "--index", type=Path, help="default: the standard library's asyncio, built for the run"
    )
    parser.add_argument("--keystrokes", type=int, default=len(TYPED))
    args = parser.parse_args()
    logging.getLogger("pygls").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        index = args.index or _build_index(Path(folder) / "index")
        steps = asyncio.run(_measure(args.model, index, TYPED[: args.keystrokes + WARM_UP]))
    _print_table(steps[WARM_UP:], args.model)


def _build_index(index: Path) -> Path:
    from attribution import cli

    tree = Path(asyncio.__file__).parent
    with contextlib.redirect_stdout(sys.stderr):
        code = cli.main(["index", "build", "--index", str(index), "--tree", str(tree)])
    if code != 0:
        sys.exit("the index could not be built")
    return index


async def _measure(model: Path, index: Path, typed: str) -> list[Step]:
    backend = LlamaCppBackend.open(model, ModelOptions(threads=1))
    client = LanguageClient("lsp-overhead", "1")
    await client.start_io(str(SC_ATTRIB), "lsp")
    uri = "file:///typed.py"
    try:
        await _greet(
            client, uri, {"model": {"path": str(model), "threads": 1}, "trace": {"indexes": [str(index)]}}
        )
        return [await _step(backend, client, uri, typed[: n + 1]) for n in range(len(typed))]
    finally:
        await client.shutdown_async(None)
        client.exit(None)
        await client.stop()  # type: ignore[no-untyped-call]
        await backend.close()


async def _greet(client: LanguageClient, uri: str, settings: dict[str, Any]) -> None:
    settings["completion"] = {"maxTokens": SETTINGS.max_tokens, "timeoutMs": SETTINGS.timeout_ms}
    params = types.InitializeParams(
        capabilities=types.ClientCapabilities(), initialization_options=settings, process_id=None
    )
    await client.initialize_async(params)
    client.initialized(types.InitializedParams())
    item = types.TextDocumentItem(uri=uri, language_id="python", version=0, text=HEAD + TAIL)
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))


async def _step(backend: CompletionBackend, client: LanguageClient, uri: str, typed: str) -> Step:
    prefix = HEAD + typed
    direct_ms = await _call_directly(backend, prefix)
    served_ms, items = await _type_one(client, uri, prefix)
    trace_ms = next((_provenance(item)["timing"]["traceMs"] for item in items), None)
    return Step(direct_ms=direct_ms, served_ms=served_ms, suggested=bool(items), trace_ms=trace_ms)


def _provenance(item: types.InlineCompletionItem) -> dict[str, Any]:
    if item.command is None or not item.command.arguments:
        sys.exit("the server sent a suggestion without its provenance")
    return cast("dict[str, Any]", item.command.arguments[0])


async def _call_directly(backend: CompletionBackend, prefix: str) -> float:
    """Run the back end until the answer is complete; the prompt is built before the clock starts."""
    budget = Budget.within(
        backend.context_tokens,
        max_tokens=SETTINGS.max_tokens,
        prefix_tokens=SETTINGS.prefix_tokens,
        suffix_tokens=SETTINGS.suffix_tokens,
    )
    before, required = split_last_token(prefix)
    prompt = build_prompt(backend, before, TAIL, budget=budget, order=SETTINGS.order)
    gap = Gap(prefix=prefix, suffix=TAIL, multiline=begins_block(prefix, TAIL), max_lines=SETTINGS.max_lines)
    stream = backend.generate(prompt, max_tokens=SETTINGS.max_tokens, required=required.encode())
    started, text = time.perf_counter(), b""
    async with contextlib.aclosing(stream):
        async for token in stream:
            text += token.text
            if not token.text or is_complete(text.decode("utf-8", "ignore").removeprefix(required), gap):
                break
    return (time.perf_counter() - started) * 1e3


async def _type_one(
    client: LanguageClient, uri: str, prefix: str
) -> tuple[float, list[types.InlineCompletionItem]]:
    """Send the last character of ``prefix`` as an edit, and ask for a suggestion behind it."""
    before, after = _position(prefix[:-1]), _position(prefix)
    change = types.TextDocumentContentChangePartial(
        range=types.Range(start=before, end=before), text=prefix[-1]
    )
    identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=len(prefix))
    params = types.InlineCompletionParams(
        text_document=types.TextDocumentIdentifier(uri=uri),
        position=after,
        context=types.InlineCompletionContext(trigger_kind=types.InlineCompletionTriggerKind.Automatic),
    )
    started = time.perf_counter()
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(text_document=identifier, content_changes=[change])
    )
    answer = await client.text_document_inline_completion_async(params)
    elapsed_ms = (time.perf_counter() - started) * 1e3
    return elapsed_ms, list(answer.items) if isinstance(answer, types.InlineCompletionList) else []


def _position(text: str) -> types.Position:
    return types.Position(line=text.count("\n"), character=len(text) - text.rfind("\n") - 1)


def _print_table(steps: list[Step], model: Path) -> None:
    direct, served = [s.direct_ms for s in steps], [s.served_ms for s in steps]
    overhead = [s.served_ms - s.direct_ms for s in steps]
    traces = [s.trace_ms for s in steps if s.trace_ms is not None]
    print(
        f"{len(steps)} keystrokes, {sum(s.suggested for s in steps)} suggestions, "
        f"model {model.name}, 1 thread\n"
    )
    print(f"{'':44}{'p50 ms':>9}{'p95 ms':>9}{'ratio':>8}")
    base = statistics.median(direct)
    for name, values in (
        ("direct call of the back end", direct),
        ("textDocument/inlineCompletion over stdio", served),
        ("overhead, keystroke by keystroke", overhead),
        ("of it: tracing the suggestion", traces),
    ):
        if len(values) > 1:
            p50, p95 = statistics.median(values), statistics.quantiles(values, n=20)[-1]
            print(f"{name:44}{p50:9.2f}{p95:9.2f}{p50 / base:8.2f}")
    verdict = "reached" if statistics.median(overhead) <= GOAL_MS else "missed"
    print(f"\ngoal: overhead at most {GOAL_MS:g} ms at the median: {verdict}")


if __name__ == "__main__":
    main()
