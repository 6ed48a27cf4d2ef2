"""An editor at work: it types, asks at each key as VS Code does, and takes what it was about to type."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from benchmarks.replaying.keystrokes import Keystroke, next_keystrokes

URI = "file:///typed.py"
TAKES = 0.7
"""How often a right suggestion is taken rather than typed."""
LEAST_TAKEN = 4
LOOK_S = 0.35
"""How long somebody looks at a suggestion before taking it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A suggestion that came before the next key."""

    waited_ms: float
    timing: dict[str, float]
    """Of the server's own: ``promptMs``, ``decodeMs``, ``traceMs``."""
    from_cache: bool


@dataclass(slots=True, kw_only=True)
class Record:
    """What happened."""

    shown: list[Shown] = field(default_factory=list)
    accepted: int = 0
    moments: list[tuple[str, str]] = field(default_factory=list)
    """Code before and after the cursor, after each key."""


class TypingEditor:
    """Types a text into the middle of a document, through a language server on stdio."""

    def __init__(self, head: str, wanted: str, tail: str, *, seed: int) -> None:
        self._prefix, self._wanted, self._tail = head, wanted, tail
        self._random = Random(seed)
        self._version = 0
        self._client = LanguageClient("replay", "1")
        self.record = Record()

    async def run(self, report: Path, settings: dict[str, Any]) -> Record:
        """Type to the end; the server leaves its report there."""
        await self._client.start_io(sys.executable, "-m", "benchmarks.replaying.server", str(report))
        await self._greet(settings)
        try:
            await self._type()
        finally:
            await self._client.shutdown_async(None)
            self._client.exit(None)
            await self._client.stop()  # type: ignore[no-untyped-call]
        return self.record

    async def _greet(self, settings: dict[str, Any]) -> None:
        params = types.InitializeParams(
            capabilities=types.ClientCapabilities(), initialization_options=settings, process_id=None
        )
        await self._client.initialize_async(params)
        self._client.initialized(types.InitializedParams())
        text = self._prefix + self._tail
        item = types.TextDocumentItem(uri=URI, language_id="python", version=0, text=text)
        self._client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))
        await self._client.text_document_inline_completion_async(self._question())  # the model is loaded

    async def _type(self) -> None:
        suggestion: types.InlineCompletionItem | None = None
        while self._wanted:
            if suggestion is not None and self._is_wanted(suggestion.insert_text):
                suggestion = await self._accept(suggestion)
                continue
            for key in next_keystrokes(self._wanted, self._random):
                self._put(key)
                suggestion = await self._ask(key.pause_s)

    def _is_wanted(self, text: Any) -> bool:
        is_right = len(str(text)) >= LEAST_TAKEN and self._wanted.startswith(str(text))
        return is_right and self._random.random() < TAKES

    async def _accept(self, item: types.InlineCompletionItem) -> types.InlineCompletionItem | None:
        await asyncio.sleep(LOOK_S)
        self.record.accepted += 1
        self._put(Keystroke(pause_s=0, text=str(item.insert_text)))
        if item.command is not None:
            params = types.ExecuteCommandParams(item.command.command, item.command.arguments)
            await self._client.workspace_execute_command_async(params)
        return await self._ask(LOOK_S)

    def _put(self, key: Keystroke) -> None:
        """Edit the document, and tell the server."""
        end = _position(self._prefix)
        if key.deleted:
            self._prefix = self._prefix[: -key.deleted]
        span = types.Range(_position(self._prefix), end)
        self._prefix += key.text
        if key.is_right:
            self._wanted = self._wanted[len(key.text) :]
        self._version += 1
        change = types.TextDocumentContentChangePartial(range=span, text=key.text)
        identifier = types.VersionedTextDocumentIdentifier(uri=URI, version=self._version)
        self._client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))
        self.record.moments.append((self._prefix, self._tail))

    async def _ask(self, pause_s: float) -> types.InlineCompletionItem | None:
        """Ask, and wait for the answer no longer than for the next key."""
        started = time.perf_counter()
        number = f"key-{len(self.record.moments)}-{self._version}"
        method = types.TEXT_DOCUMENT_INLINE_COMPLETION
        asking = asyncio.ensure_future(
            self._client.protocol.send_request_async(method, self._question(), msg_id=number)
        )
        done, _ = await asyncio.wait([asking], timeout=pause_s)
        waited = time.perf_counter() - started
        if not done:
            self._client.cancel_request(types.CancelParams(number))
            asking.add_done_callback(lambda late: late.exception())
            return None
        answer = asking.result()
        await asyncio.sleep(max(0.0, pause_s - waited))
        items = answer.items if isinstance(answer, types.InlineCompletionList) else []
        return self._see(items[0], waited * 1e3) if items else None

    def _see(self, item: types.InlineCompletionItem, waited_ms: float) -> types.InlineCompletionItem:
        if item.command is None or not item.command.arguments:
            sys.exit("the server sent a suggestion without its provenance")
        timing: dict[str, Any] = item.command.arguments[0]["timing"]
        from_cache = timing["generatedTokens"] == 0
        self.record.shown.append(Shown(waited_ms=waited_ms, timing=timing, from_cache=from_cache))
        return item

    def _question(self) -> types.InlineCompletionParams:
        return types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri=URI),
            position=_position(self._prefix),
            context=types.InlineCompletionContext(trigger_kind=types.InlineCompletionTriggerKind.Automatic),
        )


def _position(text: str) -> types.Position:
    return types.Position(line=text.count("\n"), character=len(text) - text.rfind("\n") - 1)
