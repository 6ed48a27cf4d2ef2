"""Between keystrokes, through a real server: what is typed along, what is deleted, what comes next."""

from __future__ import annotations

import pytest
from lsprotocol import types

from tests.lsp.conftest import write_script

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINE = "total = sum(prices)"


@pytest.fixture
def scripted(start, tmp_path):
    """A server whose model says one thing, and then another one."""
    replies = ({"after": "total = ", "text": "sum(prices)"}, {"after": ")", "text": " * rate"})
    script = write_script(tmp_path, *replies)
    return start(settings={"model": {"path": str(script)}, "trace": {"required": False, "indexes": []}})


def change(editor, uri: str, start: int, end: int, text: str, *, version: int) -> None:
    """Edit the first line, as typing and deleting do."""
    span = types.Range(start=types.Position(0, start), end=types.Position(0, end))
    editor.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=uri, version=version),
            content_changes=[types.TextDocumentContentChangePartial(range=span, text=text)],
        )
    )


def tokens_of(item: types.InlineCompletionItem) -> int:
    return item.command.arguments[0]["timing"]["generatedTokens"]


async def test_typing_along_a_suggestion_is_answered_without_the_model(scripted, workspace):
    async with scripted as editor:
        uri = await editor.open(workspace / "a.py", LINE[:8])
        [first] = await editor.inline(uri, 0, 8)
        assert tokens_of(first) > 0
        for column in range(8, len(LINE) - 1):
            change(editor, uri, column, column, LINE[column], version=column)
            [item] = await editor.inline(uri, 0, column + 1)
            assert item.insert_text == LINE[column + 1 :]
            assert tokens_of(item) == 0
            assert item.command.arguments[0]["id"] != first.command.arguments[0]["id"]


async def test_a_deletion_is_not_answered_but_brings_back_what_was_there(scripted, workspace):
    async with scripted as editor:
        uri = await editor.open(workspace / "a.py", "total = x")
        change(editor, uri, 8, 9, "", version=2)
        assert await editor.inline(uri, 0, 8) == []
        change(editor, uri, 8, 8, " ", version=3)
        change(editor, uri, 8, 9, "s", version=4)
        change(editor, uri, 8, 9, "", version=5)
        assert await editor.inline(uri, 0, 8) == []


async def test_what_follows_an_accepted_suggestion_is_begun_at_once(scripted, workspace):
    async with scripted as editor:
        uri = await editor.open(workspace / "a.py", LINE[:8])
        [first] = await editor.inline(uri, 0, 8)
        change(editor, uri, 8, 8, first.insert_text, version=2)
        await editor.workspace_execute_command_async(
            types.ExecuteCommandParams(command=first.command.command, arguments=first.command.arguments)
        )
        [following] = await editor.inline(uri, 0, len(LINE))
        assert following.insert_text == " * rate"
        assert tokens_of(following) > 0


async def test_explicitly_asked_for_there_are_several_and_each_can_be_typed_along(start, workspace, tmp_path):
    script = write_script(
        tmp_path, {"after": "total = ", "text": "sum(xs)", "others": ["len(xs)", "max(xs)"]}
    )
    trace = {"required": False, "indexes": []}
    async with start(settings={"model": {"path": str(script)}, "trace": trace}) as editor:
        uri = await editor.open(workspace / "a.py", LINE[:8])
        params = types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri=uri),
            position=types.Position(0, 8),
            context=types.InlineCompletionContext(trigger_kind=types.InlineCompletionTriggerKind.Invoked),
        )
        items = (await editor.text_document_inline_completion_async(params)).items
        assert [item.insert_text for item in items] == ["sum(xs)", "max(xs)", "len(xs)"]
        change(editor, uri, 8, 8, "m", version=2)
        [item] = await editor.inline(uri, 0, 9)
        assert item.insert_text == "ax(xs)"
        assert tokens_of(item) == 0
