"""What one keystroke costs beside the model, in processor time, which a busy machine does not change.

    python -m benchmarks.keystroke [--file FILE]…

In the middle of each file a line is typed along a suggestion, through ``sc-attrib lsp`` over stdio: all of
the server's processor time for each cached answer (Linux: proc(5)). Then it is typed again, and for each key
the prompt is built and what is mixed in is prepared, as the service does before it asks the bundled model.
Goal: 5 ms for either.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import shelve
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.completion import CompletionRequest
from assistant.config import Settings
from assistant.models import DEFAULT_MODEL, ModelOptions
from assistant.ngrams.nearby import NearbyFiles
from assistant.service import CompletionService

SC_ATTRIB = Path(sys.executable).with_name("sc-attrib")
URI = "file:///typed/here.py"
INDENT = "        "
LINE = "self.tariff = compute_tariff(first_argument, second_argument, third_argument=None)"
GOAL_MS = 5.0
WARM_UP = 5


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--file", type=Path, action="append", help="default: shelve.py and argparse.py")
    files = parser.parse_args().file or [Path(shelve.__file__), Path(argparse.__file__)]
    logging.getLogger("pygls").setLevel(logging.ERROR)
    print("| document | characters | a cached answer | prompt and mixture, p50 | p95 |")
    print("| --- | --- | --- | --- | --- |")
    for file in files:
        text = file.read_text()
        before, after = _parts(text)
        cached = asyncio.run(_type_along(before, after))
        prepared = asyncio.run(_prepare(before, after))
        p50, p95 = statistics.median(prepared), statistics.quantiles(prepared, n=20)[-1]
        print(f"| {file.name} | {len(text):,} | {cached:.2f} ms | {p50:.2f} ms | {p95:.2f} ms |")
        for name, value in (("a cached answer", cached), ("prompt and mixture", p95)):
            print(f"<!-- {name}: goal {'reached' if value <= GOAL_MS else 'missed'} -->")


def _parts(text: str) -> tuple[str, str]:
    """The document on both sides of a new line in its middle."""
    at = text.index("\n    def ", len(text) // 2) + 1
    return text[:at] + INDENT, "\n" + text[at:]


async def _type_along(before: str, after: str) -> float:
    """Milliseconds of the server's processor time for each key that a cached answer follows."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "line.script.json"
        script.write_text(json.dumps({"replies": [{"after": INDENT, "text": LINE}]}))
        client = LanguageClient("keystroke", "1")
        await client.start_io(str(SC_ATTRIB), "lsp")
        try:
            options = {"model": {"path": str(script)}, "completion": {"maxTokens": len(LINE) + 1}}
            capabilities = types.ClientCapabilities()
            await client.initialize_async(
                types.InitializeParams(capabilities, initialization_options=options)
            )
            client.initialized(types.InitializedParams())
            item = types.TextDocumentItem(URI, "python", 0, before + after)
            client.text_document_did_open(types.DidOpenTextDocumentParams(item))
            return await _keys(client, before)
        finally:
            await client.shutdown_async(None)
            client.exit(None)
            await client.stop()  # type: ignore[no-untyped-call]


async def _keys(client: LanguageClient, before: str) -> float:
    place = types.Position(before.count("\n"), len(INDENT))
    await _answer(client, place, is_cached=False)
    started = 0.0
    for typed, key in enumerate(LINE[:-1]):
        if typed == WARM_UP:
            started = _processor_s(client)
        change = types.TextDocumentContentChangePartial(types.Range(place, place), key)
        identifier = types.VersionedTextDocumentIdentifier(typed + 1, URI)
        client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))
        place = types.Position(place.line, place.character + 1)
        await _answer(client, place, is_cached=True)
    return (_processor_s(client) - started) * 1e3 / (len(LINE) - 1 - WARM_UP)


async def _answer(client: LanguageClient, place: types.Position, *, is_cached: bool) -> None:
    params = types.InlineCompletionParams(
        text_document=types.TextDocumentIdentifier(URI),
        position=place,
        context=types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
    )
    answer = await client.text_document_inline_completion_async(params)
    items = answer.items if isinstance(answer, types.InlineCompletionList) else []
    command = items[0].command if items else None
    if command is None or not command.arguments:
        sys.exit("the server has no suggestion; is there an index to trace it with?")
    timing: dict[str, float] = command.arguments[0]["timing"]
    if (timing["generatedTokens"] == 0) is not is_cached:
        sys.exit("the server asked the model where it need not, or did not where it should")


def _processor_s(client: LanguageClient) -> float:
    process = client._server
    assert process is not None
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _prepare(before: str, after: str) -> Sequence[float]:
    """Milliseconds of this thread for each key."""
    backend = LlamaCppBackend.open(DEFAULT_MODEL, ModelOptions(threads=1))
    service = CompletionService(backend, tracer=None, settings=Settings(), nearby=NearbyFiles(backend))
    taken = []
    for typed in range(len(LINE)):
        prefix = before + LINE[:typed]
        request = CompletionRequest(text=prefix + after, offset=len(prefix), path="here.py")
        started = time.thread_time()
        await service._prepare(request)
        taken.append((time.thread_time() - started) * 1e3)
    await backend.close()
    return taken[WARM_UP:]


if __name__ == "__main__":
    main()
