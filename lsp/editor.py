"""An editor without a screen: starts the language server and asks it for suggestions, as editors do."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

_URI = "file:///{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Ghost text, and what the server says about where it comes from."""

    text: str
    headline: str
    """Title of the accept command, in one line."""
    provenance: dict[str, Any]
    """Argument of the accept command; see ``docs/lsp.md``."""

    @property
    def matches(self) -> Sequence[dict[str, Any]]:
        """Known files that the suggestion is like, best first."""
        found: list[dict[str, Any]] = self.provenance["matches"]
        return found


class Editor:
    """One connection to a language server, with files open in it."""

    def __init__(self, client: LanguageClient) -> None:
        self._client = client
        self._versions: dict[str, int] = {}

    def show(self, name: str, text: str) -> None:
        """Open a file, or replace what it holds."""
        uri = _URI.format(name=name)
        version = self._versions[name] = self._versions.get(name, 0) + 1
        if version == 1:
            item = types.TextDocumentItem(uri=uri, language_id="python", version=version, text=text)
            self._client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))
            return
        identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=version)
        change = types.TextDocumentContentChangeWholeDocument(text=text)
        self._client.text_document_did_change(
            types.DidChangeTextDocumentParams(text_document=identifier, content_changes=[change])
        )

    async def suggest(self, name: str, line: int, character: int) -> Suggestion | None:
        """Ask for ghost text at a position, both counted from 0."""
        params = types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri=_URI.format(name=name)),
            position=types.Position(line=line, character=character),
            context=types.InlineCompletionContext(trigger_kind=types.InlineCompletionTriggerKind.Automatic),
        )
        answer = await self._client.text_document_inline_completion_async(params)
        items = answer.items if isinstance(answer, types.InlineCompletionList) else answer or []
        for item in items:
            if item.command is not None and item.command.arguments:
                provenance: dict[str, Any] = dict(item.command.arguments[0] or {})
                return Suggestion(
                    text=str(item.insert_text), headline=item.command.title, provenance=provenance
                )
        return None


@asynccontextmanager
async def start_editor(server: Sequence[str | Path], settings: dict[str, Any]) -> AsyncIterator[Editor]:
    """Start a server as a subprocess on stdio, greet it with these settings, and end it afterwards."""
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    client = LanguageClient("sc-attrib-demo", "1")
    await client.start_io(*map(str, server))
    try:
        inline = types.TextDocumentClientCapabilities(
            inline_completion=types.InlineCompletionClientCapabilities()
        )
        await client.initialize_async(
            types.InitializeParams(
                capabilities=types.ClientCapabilities(text_document=inline),
                initialization_options=settings,
                process_id=None,
            )
        )
        client.initialized(types.InitializedParams())
        yield Editor(client)
    finally:
        await client.shutdown_async(None)
        client.exit(None)
        await client.stop()  # type: ignore[no-untyped-call]
