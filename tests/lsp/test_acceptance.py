"""Accepted suggestions reach the ledger, whether or not the editor says so, and are reported from there."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from assistant.completion import Completion, Timing
from assistant.ledger.acceptance import Place, ToldBy, accept
from assistant.ledger.place import PROJECT_LEDGER, ledger_path
from assistant.ledger.store import read_ledger
from assistant.tracing import UNTRACED
from lsp.acceptance import _Writer
from lsp.completion import ACCEPTED, DID_PARTIALLY_ACCEPT
from tests.lsp.conftest import (
    FRESH_BODY,
    FRESH_HEAD,
    KNOWN_BODY,
    KNOWN_HEAD,
    SC_ATTRIB,
    neovim,
    until,
)

pytestmark = pytest.mark.asyncio

ABOVE = "import os\n\n\n"
BELOW = "\n\n\nclass Harbour:\n    name = os.name\n    size = 3\n"


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


async def offered(editor, workspace: Path, *, head: str = KNOWN_HEAD, name: str = "own.py"):
    """Open a file with a function's head in it, and ask for the body."""
    text = ABOVE + head + "    " + BELOW
    uri = await editor.open(workspace / name, text)
    (item,) = await editor.inline(uri, ABOVE.count("\n") + 1, 4)
    return uri, text, item


def put(
    editor, uri: str, item: types.InlineCompletionItem | str, *, line: int, column: int = 4, version: int = 2
):
    """Insert a text as one change, as an editor does that accepts a suggestion."""
    text = item if isinstance(item, str) else item.insert_text
    here = types.Position(line=line, character=column)
    editor.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=uri, version=version),
            content_changes=[
                types.TextDocumentContentChangePartial(range=types.Range(start=here, end=here), text=text)
            ],
        )
    )


async def tell(editor, item: types.InlineCompletionItem) -> None:
    await editor.workspace_execute_command_async(
        types.ExecuteCommandParams(command=ACCEPTED, arguments=item.command.arguments)
    )


async def ledger_of(workspace: Path, *, rows: int = 1):
    return await until(lambda: len(found := read_ledger(ledger_path(workspace))) >= rows and found)


def report(workspace: Path, index: Path, *words: str) -> str:
    command = [SC_ATTRIB, "ledger", "report", "--index", str(index), *words]
    done = subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=True)
    return done.stdout


async def test_what_the_editor_says_was_accepted_is_written_down_with_its_provenance(start, workspace):
    async with start() as editor:
        uri, _, item = await offered(editor, workspace)
        put(editor, uri, item, line=4)
        await tell(editor, item)
        (found,) = await until(
            lambda: [a for a in read_ledger(ledger_path(workspace)) if a.told_by is ToldBy.EDITOR]
        )
    assert (found.path, found.is_whole, found.model) == ("own.py", True, "scripted")
    assert found.lines.first == 5 and found.lines.last == 4 + KNOWN_BODY.count("\n")
    assert found.matches[0].license.expression == "MIT"
    assert len(found.prompt_hash) == 64


async def test_an_editor_that_says_nothing_is_seen_to_accept(start, workspace):
    async with start(capabilities=neovim()) as editor:
        text = ABOVE + KNOWN_HEAD + "    " + BELOW
        uri = await editor.open(workspace / "own.py", text)
        (item,) = await editor.listed(uri, 4, 4)
        put(editor, uri, item.text_edit.new_text, line=4, column=item.text_edit.range.start.character)
        (found,) = await ledger_of(workspace)
    assert (found.told_by, found.is_whole, found.path) == (ToldBy.CHANGE, True, "own.py")


async def test_a_document_that_is_sent_whole_is_looked_at_too(start, workspace):
    async with start() as editor:
        uri, text, item = await offered(editor, workspace)
        whole = text.replace("    " + BELOW, "    " + item.insert_text + BELOW)
        editor.text_document_did_change(
            types.DidChangeTextDocumentParams(
                text_document=types.VersionedTextDocumentIdentifier(uri=uri, version=2),
                content_changes=[types.TextDocumentContentChangeWholeDocument(text="import sys\n" + whole)],
            )
        )
        (found,) = await ledger_of(workspace)
    assert (found.told_by, found.is_whole) == (ToldBy.CHANGE, True)


async def test_the_part_that_was_taken_is_what_counts(start, workspace):
    async with start() as editor:
        _, _, item = await offered(editor, workspace)
        length = item.insert_text.index("\n")
        editor.protocol.notify(
            DID_PARTIALLY_ACCEPT,
            {
                "item": {"insertText": item.insert_text, "command": _plain(item.command)},
                "acceptedLength": length,
            },
        )
        (found,) = await ledger_of(workspace)
    assert (found.characters, found.is_whole, found.lines.first) == (length, False, found.lines.last)


async def test_what_the_completion_list_had_selected_is_no_part_of_what_was_taken(start, workspace):
    """The list's ``ret`` stands before the suggestion in the item's text, and its length counts with it."""
    async with start() as editor:
        uri = await editor.open(workspace / "own.py", FRESH_HEAD + "    re\n")
        place = types.Range(
            start=types.Position(line=1, character=4), end=types.Position(line=1, character=6)
        )
        context = types.InlineCompletionContext(
            trigger_kind=types.InlineCompletionTriggerKind.Automatic,
            selected_completion_info=types.SelectedCompletionInfo(range=place, text="ret"),
        )
        params = types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri=uri), position=place.end, context=context
        )
        (item,) = (await editor.text_document_inline_completion_async(params)).items
        assert item.insert_text == FRESH_BODY.strip()
        sent = {"insertText": item.insert_text, "command": _plain(item.command)}
        length = len("return [row")
        editor.protocol.notify(DID_PARTIALLY_ACCEPT, {"item": sent, "acceptedLength": length})
        (found,) = await ledger_of(workspace)
    assert (found.characters, found.lines.first) == (length - len("ret"), 2)


async def test_typing_along_a_suggestion_accepts_nothing(start, workspace):
    async with start() as editor:
        uri, _, item = await offered(editor, workspace, head=FRESH_HEAD)
        for position, character in enumerate(item.insert_text):
            put(editor, uri, character, line=4, column=4 + position, version=2 + position)
        put(editor, uri, "()", line=0, column=9, version=200)
        await editor.hover(uri, 0)
    assert read_ledger(ledger_path(workspace)) == []


async def test_a_suggestion_that_was_refused_is_not_written_down(start, workspace):
    async with start() as editor:
        uri, _, _ = await offered(editor, workspace)
        put(editor, uri, "return sum(values) / len(values)", line=4)
        await editor.hover(uri, 0)
    assert read_ledger(ledger_path(workspace)) == []


async def test_nothing_is_written_down_where_the_settings_say_so(start, workspace, state):
    async with start(settings={"ledger": {"enabled": False}}) as editor:
        uri, _, item = await offered(editor, workspace)
        put(editor, uri, item, line=4)
        await tell(editor, item)
    assert not state.exists()


async def test_two_servers_write_to_one_ledger(start, workspace):
    async with start() as one, start() as other:
        for number in range(3):
            for name, editor in (("a", one), ("b", other)):
                uri, _, item = await offered(editor, workspace, name=f"{name}{number}.py")
                put(editor, uri, item, line=4)
        found = await ledger_of(workspace, rows=6)
    assert {a.path for a in found} == {f"{name}{number}.py" for name in "ab" for number in range(3)}


async def test_what_was_accepted_survives_a_killed_server(start, workspace, index):
    with pytest.raises(Exception):  # noqa: B017 - the goodbye to a dead server
        async with start() as editor:
            uri, _, item = await offered(editor, workspace)
            put(editor, uri, item, line=4)
            await ledger_of(workspace)
            editor._server.send_signal(signal.SIGKILL)
            await editor._server.wait()
            raise RuntimeError("killed")
    assert len(read_ledger(ledger_path(workspace))) == 1


async def test_a_ledger_that_cannot_be_written_is_told_once_and_completion_goes_on(start, workspace, state):
    """A file stands where the folder should be; once it is gone, what waited is written."""
    (state / "sc-attrib").mkdir(parents=True)
    (state / "sc-attrib" / "ledgers").write_text("in the way")
    async with start() as editor:
        for number in range(2):
            uri, _, item = await offered(editor, workspace, name=f"own{number}.py")
            put(editor, uri, item, line=4)
        told = await until(lambda: [m.message for m in editor.messages if "ledger" in m.message])
        (state / "sc-attrib" / "ledgers").unlink()
        uri, _, item = await offered(editor, workspace, name="own2.py")
        put(editor, uri, item, line=4)
        found = await ledger_of(workspace, rows=3)
    assert len(told) == 1 and "could not be written down yet" in told[0] and "suggestions go on" in told[0]
    assert {a.path for a in found} == {"own0.py", "own1.py", "own2.py"}


async def test_one_that_can_never_be_written_keeps_no_others_waiting(workspace):
    """No ledger lies at a path with a zero byte, which some editors' addresses spell."""
    timing = Timing(prompt_ms=0, decode_ms=0, trace_ms=0, prompt_tokens=0, generated_tokens=1)
    completion = Completion(
        id="c", text="value", path="a.py", ruling=UNTRACED, timing=timing, model="m", prompt_hash=""
    )
    place = Place(path="a.py", line=1, before="x = ", after="")
    make = partial(accept, completion, place, characters=5, told_by=ToldBy.EDITOR)
    told: list[str] = []
    writer = _Writer(tell=told.append)
    writer.write(Path("torn\0"), make)
    writer.write(workspace, make)
    await writer.close()
    await until(lambda: told)
    assert told == ["An accepted suggestion could not be written down (ValueError)"]
    assert len(read_ledger(ledger_path(workspace))) == 1


async def test_a_damaged_ledger_is_put_aside_and_told(start, workspace):
    path = ledger_path(workspace)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"torn " * 4000)
    async with start() as editor:
        uri, _, item = await offered(editor, workspace)
        put(editor, uri, item, line=4)
        assert len(await ledger_of_new(path)) == 1
        told = await until(lambda: [m.message for m in editor.messages if "put aside" in m.message])
    assert len(told) == 1
    assert [p.read_bytes() for p in path.parent.glob("*.damaged-*")] == [b"torn " * 4000]


async def ledger_of_new(path: Path):
    await until(lambda: list(path.parent.glob("*.damaged-*")) and path.is_file())
    return await until(lambda: read_ledger(path))


async def test_the_report_follows_the_code_and_says_what_binds(start, workspace, index):
    """Accept in the editor; edit the file; ask the shell."""
    async with start() as editor:
        uri, text, item = await offered(editor, workspace)
        put(editor, uri, item, line=4)
        await ledger_of(workspace)
    now = "# a new first line\n" + text.replace("    " + BELOW, "    " + item.insert_text + BELOW)
    (workspace / "own.py").write_text(now)
    (one,) = json.loads(report(workspace, index, "--format", "json"))["accepted"]
    last = 5 + KNOWN_BODY.count("\n")
    assert (one["state"], one["now"]) == ("moved", {"path": "own.py", "lines": [6, last], "kept": 1.0})
    (match,) = one["binding"]
    assert match["license"]["expression"] == "MIT" and match["checked"] and match["verdict"] == "attribute"
    assert match["query"]["lines"][1] == last
    text = report(workspace, index)
    assert f"own.py:6-{last}  moved from own.py:5-{last - 1}" in text
    assert "MIT: attribute, keep the notice" in text and "1 moved; 1 bound by a licence" in text
    notice = report(workspace, index, "--format", "notice")
    assert "MIT" in notice and "own.py, lines" in notice and "from free.py" in notice
    (workspace / "own.py").unlink()
    assert "gone" in report(workspace, index)


async def test_the_spdx_report_is_a_valid_document_with_the_accepted_lines(start, workspace, index):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    async with start() as editor:
        uri, text, item = await offered(editor, workspace)
        put(editor, uri, item, line=4)
        await ledger_of(workspace)
    (workspace / "own.py").write_text(text.replace("    " + BELOW, "    " + item.insert_text + BELOW))
    document = workspace / "accepted.spdx.json"
    report(workspace, index, "--format", "spdx", "-o", str(document))
    parsed = parse_file(str(document))
    assert validate_full_spdx_document(parsed) == []
    assert [str(s.license_concluded) for s in parsed.snippets] == ["MIT"]


async def test_a_project_that_opted_in_keeps_its_ledger_with_the_code(start, workspace, index):
    (workspace / PROJECT_LEDGER).parent.mkdir()
    (workspace / PROJECT_LEDGER).touch()
    async with start() as editor:
        uri, _, item = await offered(editor, workspace)
        put(editor, uri, item, line=4)
        await ledger_of(workspace)
    elsewhere = workspace.with_name("elsewhere")
    shutil.copytree(workspace, elsewhere)
    assert len(read_ledger(ledger_path(elsewhere))) == 1


def _plain(command: types.Command) -> dict[str, Any]:
    return {"title": command.title, "command": command.command, "arguments": command.arguments}


async def test_a_report_of_a_folder_that_is_none_says_so(workspace):
    command = [SC_ATTRIB, "ledger", "report", "--workspace", "missing"]
    done = await asyncio.to_thread(subprocess.run, command, cwd=workspace, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "sc-attrib: missing: is not a folder; name the workspace's folder\n"
