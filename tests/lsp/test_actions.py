"""Code actions of a model that can talk: offered, traced, confirmed, written down; of others, none."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from lsprotocol import types

from assistant.ledger.place import ledger_path
from assistant.ledger.store import read_ledger
from lsp.actions import PROPOSE
from tests.lsp.conftest import ANSWER_LIMIT_S, KNOWN_FUNCTION, OTHER_BODY, OTHER_HEAD, neovim, until, vs_code

pytestmark = pytest.mark.asyncio

CODE = "def area(width, height):\n    return width + height\n"
FIXED = "def area(width, height):\n    return width * height"
TEMPLATE = "<repo_name>{{ messages[0].content }}<file_sep>"
COPYING = "copy this please"
DENIED = "deny this please"
USELESS = "say nothing of use"


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def talks(tmp_path) -> Path:
    """A scripted model with a chat template, which answers by the code that it is shown last."""
    path = tmp_path / "talks.script.json"
    replies = [
        {"after": f"{marker}\n```", "text": f"```python\n{text}\n```"}
        for marker, text in ((COPYING, KNOWN_FUNCTION), (DENIED, OTHER_HEAD + OTHER_BODY), (USELESS, ""))
    ]
    replies.append({"after": "    return width + height\n```", "text": f"Here:\n```python\n{FIXED}\n```"})
    path.write_text(json.dumps({"chat_template": TEMPLATE, "replies": replies}))
    return path


def settings(talks: Path) -> dict:
    return {"model": {"path": str(talks)}}


async def actions(editor, uri: str, *, lines: tuple[int, int] = (0, 2)) -> list[types.CodeAction]:
    params = types.CodeActionParams(
        text_document=types.TextDocumentIdentifier(uri=uri),
        range=types.Range(
            start=types.Position(line=lines[0], character=0), end=types.Position(line=lines[1], character=0)
        ),
        context=types.CodeActionContext(diagnostics=[]),
    )
    return list(await editor.text_document_code_action_async(params) or [])


async def offers(editor, uri: str, *, lines: tuple[int, int] = (0, 2)) -> list[types.CodeAction]:
    """Ask until the server has its settings."""
    converter = editor.protocol._converter
    kind = types.Command | types.CodeAction  # lsprotocol takes any action with a command for a command
    converter.register_structure_hook(kind, lambda value, _: converter.structure(value, types.CodeAction))
    async with asyncio.timeout(ANSWER_LIMIT_S):
        while not (found := await actions(editor, uri, lines=lines)):
            await asyncio.sleep(0.02)
    return found


async def run(editor, action: types.CodeAction):
    params = types.ExecuteCommandParams(command=action.command.command, arguments=action.command.arguments)
    return await editor.workspace_execute_command_async(params)


def applying(editor) -> list[types.ApplyWorkspaceEditParams]:
    """Have the editor take every edit, and remember it."""
    taken: list[types.ApplyWorkspaceEditParams] = []

    @editor.feature(types.WORKSPACE_APPLY_EDIT)
    def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        taken.append(params)
        return types.ApplyWorkspaceEditResult(applied=True)

    return taken


async def test_a_model_that_cannot_talk_offers_nothing(start, workspace):
    async with start() as editor:
        uri = await editor.open(workspace / "own.py", CODE)
        await editor.inline(uri, 1, 4)
        assert await actions(editor, uri) == []


async def test_a_fix_is_traced_put_up_for_confirmation_and_written_down(start, workspace, talks):
    capabilities = vs_code()
    edits = capabilities.workspace.workspace_edit
    assert edits.change_annotation_support is not None and edits.document_changes
    async with start(settings=settings(talks), capabilities=capabilities) as editor:
        taken = applying(editor)
        uri = await editor.open(workspace / "own.py", CODE)
        offered = await offers(editor, uri)
        assert [action.kind for action in offered] == ["", "refactor.rewrite", "quickfix"]
        assert {action.command.command for action in offered} == {PROPOSE}
        answer = await run(editor, offered[2])
        assert await actions(editor, uri, lines=(1, 1)) == []
    assert (answer["text"], answer["verdict"], answer["traced"]) == (FIXED, "allow", True)
    (edit,) = taken
    assert edit.label == "Fix this code · no known source"
    (change,) = edit.edit.document_changes
    assert (change.text_document.version, change.edits[0].new_text) == (1, FIXED)
    assert change.edits[0].range.end == types.Position(line=1, character=25)
    (annotation,) = edit.edit.change_annotations.values()
    assert annotation.needs_confirmation and annotation.description == "no known source"
    (accepted,) = await until(lambda: read_ledger(ledger_path(workspace)))
    assert (accepted.path, accepted.lines.first, accepted.lines.last) == ("own.py", 1, 2)


async def test_an_action_for_lines_that_have_changed_since_it_was_offered_is_not_taken(
    start, workspace, talks
):
    async with start(settings=settings(talks)) as editor:
        taken = applying(editor)
        uri = await editor.open(workspace / "own.py", CODE)
        offered = await offers(editor, uri)
        identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=2)
        above = types.TextDocumentContentChangeWholeDocument(text="import math\n\n\n" + CODE)
        editor.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [above]))
        assert await run(editor, offered[2]) is None
        said = await until(lambda: [m.message for m in editor.messages if "changed meanwhile" in m.message])
    assert said == ["Fix this code: the document has changed meanwhile; ask again"]
    assert taken == []


async def test_what_a_model_copies_is_named_in_the_edit(start, workspace, talks):
    async with start(settings=settings(talks), capabilities=neovim()) as editor:
        taken = applying(editor)
        uri = await editor.open(workspace / "own.py", COPYING + "\n")
        answer = await run(editor, (await offers(editor, uri, lines=(0, 1)))[2])
    assert answer["matches"][0]["license"]["expression"] == "MIT"
    assert "free.py" in taken[0].label and "MIT" in taken[0].label


async def test_what_the_policy_denies_is_withheld_with_its_reason(start, workspace, talks):
    async with start(settings=settings(talks)) as editor:
        taken = applying(editor)
        uri = await editor.open(workspace / "own.py", DENIED + "\n")
        answer = await run(editor, (await offers(editor, uri, lines=(0, 1)))[2])
        told = await until(lambda: [m.message for m in editor.messages if "withheld" in m.message])
    assert (answer["text"], answer["decision"]) == (None, "withhold")
    assert "GPL-3.0-only" in told[0] and taken == []
    assert read_ledger(ledger_path(workspace)) == []


async def test_an_answer_of_no_use_is_said_so(start, workspace, talks):
    async with start(settings=settings(talks)) as editor:
        uri = await editor.open(workspace / "own.py", USELESS + "\n")
        assert await run(editor, (await offers(editor, uri, lines=(0, 1)))[2]) is None
        await until(lambda: [m for m in editor.messages if "no answer that could be used" in m.message])


async def test_an_explanation_is_shown_and_changes_nothing(start, workspace, talks):
    async with start(settings=settings(talks)) as editor:
        taken = applying(editor)
        uri = await editor.open(workspace / "own.py", CODE)
        answer = await run(editor, (await offers(editor, uri))[0])
        told = await until(lambda: [m.message for m in editor.messages if "Here:" in m.message])
    assert answer["text"].startswith("Here:") and told[0].endswith("no known source")
    assert taken == []


async def test_an_action_that_nobody_gave_is_told_once_and_the_server_lives_on(start, workspace, talks):
    async with start(settings=settings(talks)) as editor:
        uri = await editor.open(workspace / "own.py", CODE)
        for argument in (None, 7, {"task": "rm -rf"}, {"task": "fix", "uri": uri, "range": [[0]]}):
            params = types.ExecuteCommandParams(command=PROPOSE, arguments=[argument])
            assert await editor.workspace_execute_command_async(params) is None
        assert len([m for m in editor.messages if "could not be read" in m.message]) == 1
        assert len(await offers(editor, uri)) == 3
