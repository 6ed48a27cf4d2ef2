"""Requests whose document changes before they have begun; the server's own code, without a wire."""

from __future__ import annotations

import asyncio

import pytest
from lsprotocol import types

from assistant.completion import CompletionRequest
from lsp.completion import inline_completion
from lsp.documents import DocumentWorkspace
from lsp.server import Server, create_server
from lsp.surroundings import Surroundings

pytestmark = pytest.mark.asyncio
URI = "file:///w/a.py"


class Gathering:
    """Other files that take their time, as where git is slow."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.begun = 0

    async def gather(self, request, _document):
        self.begun += 1
        if self.begun == 1:
            await self.goes_on.wait()
        return request


class Ready:
    """A model that is loaded, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def service(self):
        return self

    async def complete(self, request):
        self.asked.append(request.prefix)
        await asyncio.sleep(0.02)


@pytest.fixture
def server() -> Server:
    made = create_server()
    made.protocol._workspace = DocumentWorkspace(None)
    made.surroundings = Gathering()
    ready = Ready()
    made.engine.service = ready.service
    made.ready = ready
    item = types.TextDocumentItem(uri=URI, language_id="python", version=1, text="x = ")
    made.workspace.put_text_document(item)
    return made


def edit(server: Server, text: str, version: int) -> None:
    identifier = types.VersionedTextDocumentIdentifier(uri=URI, version=version)
    change = types.TextDocumentContentChangeWholeDocument(text=text)
    server.workspace.update_text_document(identifier, change)
    server.document(URI).version = version
    server.latest.drop(URI)  # as didChange does


def asked(server: Server, column: int) -> asyncio.Task[types.InlineCompletionList]:
    params = types.InlineCompletionParams(
        text_document=types.TextDocumentIdentifier(uri=URI),
        position=types.Position(line=0, character=column),
        context=types.InlineCompletionContext(trigger_kind=types.InlineCompletionTriggerKind.Automatic),
    )
    return asyncio.create_task(inline_completion(server, params))


async def test_all_cells_of_a_notebook_are_other_texts_though_they_share_a_path(server, tmp_path):
    notebook = (tmp_path / "book.ipynb").as_posix()
    for cell in ("one = 1", "two = 2"):
        uri = f"vscode-notebook-cell:{notebook}#{cell[:3]}"
        server.workspace.put_text_document(types.TextDocumentItem(uri, "python", 1, cell))
    document = server.document(URI)
    request = CompletionRequest(text="x = ", offset=4, path=document.path)
    gathered = await Surroundings(server).gather(request, document)
    [text] = gathered.others.values()
    assert sorted(text.split("\n")) == ["one = 1", "two = 2"]


async def test_an_edit_ends_a_request_that_still_gathers_other_files_and_spares_the_next_one(server):
    older = asked(server, 4)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    edit(server, "x = y", 2)
    newer = asked(server, 5)
    await asyncio.sleep(0.01)
    server.surroundings.goes_on.set()
    assert (await older).items == []
    await newer
    assert server.ready.asked == ["x = y"]
