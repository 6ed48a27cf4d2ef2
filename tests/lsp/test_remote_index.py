"""The language server traces against a service as it does against a folder."""

from __future__ import annotations

import socket

import pytest

from tests.lsp.conftest import KNOWN_BODY, KNOWN_FUNCTION, KNOWN_HEAD, OTHER_HEAD, until
from tests.service.serving import served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_suggestion_is_traced_by_a_service(start, workspace, index):
    with served(index) as service:
        settings = {"trace": {"indexes": [service.url], "guard": False}}
        async with start(settings=settings) as editor:
            uri = await editor.open(workspace / "a.py", KNOWN_HEAD + "    ")
            [item] = await editor.inline(uri, 1, 4)
            assert item.insert_text == KNOWN_BODY.strip()
            [match] = item.command.arguments[0]["matches"]
            assert match["source"]["path"] == "free.py"
            uri = await editor.open(workspace / "b.py", OTHER_HEAD + "    ")
            assert await editor.inline(uri, 1, 4) == []


async def test_an_open_file_is_checked_by_a_service(start, workspace, index):
    with served(index) as service:
        async with start(settings={"trace": {"indexes": [service.url]}}) as editor:
            uri = await editor.open(workspace / "a.py", f"import os\n\n\n{KNOWN_FUNCTION}")
            [mark] = await until(lambda: editor.diagnostics.get(uri))
            assert "free.py" in mark.message


async def test_a_service_that_is_not_there_is_told_and_nothing_is_suggested(start, workspace):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        async with start(settings={"trace": {"indexes": [url]}}) as editor:
            uri = await editor.open(workspace / "a.py", KNOWN_HEAD + "    ")
            assert await editor.inline(uri, 1, 4) == []
            await until(lambda: any(url in message.message for message in editor.messages))


async def test_an_address_with_a_token_in_it_is_told(start, workspace):
    async with start(settings={"trace": {"indexes": ["http://me:secret@127.0.0.1:1"]}}) as editor:
        uri = await editor.open(workspace / "a.py", KNOWN_HEAD + "    ")
        assert await editor.inline(uri, 1, 4) == []
        await until(lambda: any("SC_ATTRIB_TOKEN" in message.message for message in editor.messages))
        assert not any("secret" in message.message for message in editor.messages)
