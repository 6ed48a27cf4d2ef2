"""A real client, the installed console script, an index and a model: what an editor's user sees."""

from __future__ import annotations

import asyncio
import time

import pytest
from lsprotocol import types

from tests.lsp.conftest import (
    FRESH_BODY,
    FRESH_HEAD,
    KNOWN_BODY,
    KNOWN_FUNCTION,
    KNOWN_HEAD,
    OTHER_BODY,
    OTHER_HEAD,
    SC_ATTRIB,
    make_editor,
    neovim,
    until,
    vs_code,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_suggestion_carries_its_source_in_its_accept_command(editor, workspace):
    uri = await editor.open(workspace / "a.py", KNOWN_HEAD + "    ")
    [item] = await editor.inline(uri, 1, 4)
    assert item.insert_text == KNOWN_BODY.strip()
    assert item.command.command == "sc-attrib.accepted"
    [provenance] = item.command.arguments
    [match] = provenance["matches"]
    assert match["source"]["swhid"].startswith("swh:1:cnt:")
    assert match["source"]["origin"] == "https://example.org/quantiles"
    assert match["source"]["path"] == "free.py"
    assert match["license"]["expression"] == "MIT"
    assert provenance["decision"] == "annotate"
    assert "free.py" in item.command.title
    assert "MIT" in item.command.title


async def test_a_suggestion_of_new_code_has_no_source(editor, workspace):
    uri = await editor.open(workspace / "a.py", FRESH_HEAD + "    ")
    [item] = await editor.inline(uri, 1, 4)
    assert item.insert_text == FRESH_BODY.strip()
    assert item.command.arguments[0]["matches"] == []
    assert item.command.arguments[0]["decision"] == "show"
    assert item.command.title == "no known source"


async def test_another_suggestion_comes_in_place_of_code_whose_licence_is_denied(start, workspace):
    async with start() as editor:
        uri = await editor.open(workspace / "a.py", OTHER_HEAD + "    ")
        [item] = await editor.inline(uri, 1, 4)
        assert item.command.arguments[0]["verdict"] != "deny"
        assert OTHER_BODY.strip() not in item.insert_text


async def test_code_whose_licence_is_denied_is_withheld_with_its_reason_without_the_guard(start, workspace):
    async with start(settings={"trace": {"guard": False}}) as editor:
        uri = await editor.open(workspace / "a.py", OTHER_HEAD + "    ")
        assert await editor.inline(uri, 1, 4) == []
        params = await until(lambda: [p for m, p in editor.heard if m == "sc-attrib/didWithholdCompletion"])
        assert params[0].uri == uri
        assert "GPL-3.0-only" in params[0].reason
        assert any("GPL-3.0-only" in message.message for message in editor.log_messages)


async def test_denied_code_can_be_shown_with_its_source_instead(start, workspace):
    async with start(settings={"trace": {"onDeny": "annotate"}}) as editor:
        uri = await editor.open(workspace / "a.py", OTHER_HEAD + "    ")
        [item] = await editor.inline(uri, 1, 4)
        assert item.command.arguments[0]["verdict"] == "deny"


async def test_an_editor_without_inline_completion_gets_a_list_item(start, workspace):
    """Neovim 0.11 negotiates UTF-8 and shows the completion list."""
    async with start(capabilities=neovim()) as editor:
        assert editor.answer.capabilities.position_encoding == types.PositionEncodingKind.Utf8
        uri = await editor.open(workspace / "a.py", "'\N{DUCK}'; " + FRESH_HEAD + "    ret")
        [item] = await editor.listed(uri, 1, 7)
        assert item.text_edit.range.start == types.Position(line=1, character=4)
        assert item.text_edit.new_text == FRESH_BODY.strip()
        assert item.filter_text.startswith("ret")
        duck = "'\N{DUCK}'; " + FRESH_HEAD.rstrip()
        [item] = await editor.listed(uri, 0, len(duck.encode()))
        assert item.text_edit.range.start == types.Position(line=0, character=len(duck.encode()))
        assert item.command.command == "sc-attrib.accepted"


async def test_inline_completion_is_offered_even_where_it_was_not_announced(start):
    """Emacs' lsp-mode shows it without announcing it."""
    async with start(capabilities=neovim()) as editor:
        assert editor.answer.capabilities.inline_completion_provider is not None


async def test_an_editor_with_inline_completion_is_not_told_twice(start, workspace):
    async with start(capabilities=vs_code()) as editor:
        uri = await editor.open(workspace / "a.py", KNOWN_HEAD + "    ")
        assert await editor.listed(uri, 1, 4) == []


async def test_the_word_that_a_list_has_selected_is_part_of_the_suggestion(editor, workspace):
    uri = await editor.open(workspace / "a.py", FRESH_HEAD[:-2] + "x")
    selected = types.Range(
        start=types.Position(line=0, character=len(FRESH_HEAD) - 2),
        end=types.Position(line=0, character=len(FRESH_HEAD) - 1),
    )
    params = types.InlineCompletionParams(
        text_document=types.TextDocumentIdentifier(uri=uri),
        position=selected.end,
        context=types.InlineCompletionContext(
            trigger_kind=types.InlineCompletionTriggerKind.Invoked,
            selected_completion_info=types.SelectedCompletionInfo(range=selected, text=":\n    "),
        ),
    )
    [item] = (await editor.text_document_inline_completion_async(params)).items
    assert item.insert_text == ":\n    " + FRESH_BODY.strip()
    assert item.range == selected


async def test_accepting_and_showing_are_understood(start, workspace):
    """The names and shapes of copilot-language-server."""
    async with start() as editor:
        uri = await editor.open(workspace / "a.py", KNOWN_HEAD + "    ")
        [item] = await editor.inline(uri, 1, 4)
        editor.protocol.notify("textDocument/didShowCompletion", {"item": item})
        editor.protocol.notify(
            "textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": 7}
        )
        answer = await editor.workspace_execute_command_async(
            types.ExecuteCommandParams(command=item.command.command, arguments=item.command.arguments)
        )
        assert answer is None
        assert editor.messages == []


async def test_a_copied_function_is_marked_where_it_stands_and_linked_to_the_archive(editor, workspace):
    uri = await editor.open(workspace / "b.py", f"import os\n\n\n{KNOWN_FUNCTION}")
    [diagnostic] = await until(lambda: editor.diagnostics.get(uri))
    assert diagnostic.severity is types.DiagnosticSeverity.Information
    assert diagnostic.source == "sc-attrib"
    assert diagnostic.code.startswith("swh:1:cnt:")
    assert diagnostic.code_description.href.startswith("https://archive.softwareheritage.org/swh:1:cnt:")
    assert "lines=" in diagnostic.code_description.href
    assert (diagnostic.range.start.line, diagnostic.range.end.line) == (
        3,
        3 + KNOWN_FUNCTION.count("\n") - 1,
    )

    hover = await editor.hover(uri, 6)
    assert "free.py" in hover.contents.value
    assert "`MIT`" in hover.contents.value
    assert await editor.hover(uri, 0) is None


async def test_marks_follow_the_code_as_lines_are_added_above_it(editor, workspace):
    uri = await editor.open(workspace / "b.py", f"import os\n\n\n{KNOWN_FUNCTION}")
    await until(lambda: editor.diagnostics.get(uri))
    _insert(editor, uri, line=0, character=0, text="# one\n# two\n")
    hover = await editor.hover(uri, 6)
    assert hover.range.start.line == 5


async def test_saving_checks_the_file_again(editor, workspace):
    uri = await editor.open(workspace / "b.py", "")
    await until(lambda: uri in editor.diagnostics)
    assert not editor.diagnostics[uri]
    _insert(editor, uri, line=0, character=0, text=KNOWN_FUNCTION)
    editor.text_document_did_save(
        types.DidSaveTextDocumentParams(text_document=types.TextDocumentIdentifier(uri=uri))
    )
    assert await until(lambda: editor.diagnostics[uri])


async def test_closing_a_file_takes_its_marks_away(editor, workspace):
    uri = await editor.open(workspace / "b.py", KNOWN_FUNCTION)
    await until(lambda: editor.diagnostics.get(uri))
    editor.text_document_did_close(
        types.DidCloseTextDocumentParams(text_document=types.TextDocumentIdentifier(uri=uri))
    )
    await until(lambda: not editor.diagnostics[uri])


async def test_edits_in_utf_16_columns_and_odd_lines_keep_the_document_in_step(editor, workspace):
    """Form feeds and U+2028 end no line in LSP; a duck is two columns wide in UTF-16."""
    uri = await editor.open(workspace / "a.py", "a\x0cb\u2028c = '\N{DUCK}'\n")
    _insert(editor, uri, line=0, character=13, text="XYZ")
    _insert(editor, uri, line=1, character=0, text=KNOWN_HEAD + "    ")
    [item] = await editor.inline(uri, 2, 4)
    assert item.insert_text == KNOWN_BODY.strip()


async def test_cancelling_a_request_stops_the_model(start, workspace):
    """The slow reply takes forty seconds; the next request is served as soon as the first is cancelled."""
    async with start() as editor:
        slow = await editor.open(workspace / "slow.py", "slow = ")
        warm = await editor.open(workspace / "warm.py", FRESH_HEAD + "    ")
        await editor.inline(warm, 1, 4)
        quick = await editor.open(workspace / "quick.py", FRESH_HEAD + "    ")
        request = asyncio.wrap_future(
            editor.protocol.send_request(
                types.TEXT_DOCUMENT_INLINE_COMPLETION, _inline_params(slow, 0, 7), msg_id="slow-1"
            )
        )
        waiting = asyncio.create_task(editor.inline(quick, 1, 4))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done, "the model has one thread, so the second request waits for the first"
        started = time.perf_counter()
        editor.cancel_request(types.CancelParams(id="slow-1"))
        assert await waiting
        assert time.perf_counter() - started < 5
        with pytest.raises(Exception, match="cancel"):
            await request


async def test_a_newer_request_or_an_edit_ends_the_older_one(editor, workspace):
    """Not every editor cancels what it no longer needs; the slow reply would take forty seconds."""
    uri = await editor.open(workspace / "slow.py", "slow = ")
    older = asyncio.create_task(editor.inline(uri, 0, 7))
    newer = asyncio.create_task(editor.inline(uri, 0, 7))
    async with asyncio.timeout(20):
        assert await older == []
        _insert(editor, uri, line=0, character=7, text="1")
        assert await newer == []


async def test_progress_is_shown_while_model_and_index_load(start, workspace):
    async with start() as editor:
        uri = await editor.open(workspace / "a.py", FRESH_HEAD + "    ")
        await editor.inline(uri, 1, 4)
        begun = [
            report
            for reports in editor.progress_reports.values()
            for report in reports
            if report.kind == "begin"
        ]
        assert {report.title for report in begun} == {"Loading the model", "Loading the index of known code"}
        states = [params for method, params in editor.heard if method == "didChangeStatus"]
        assert any(state.busy for state in states)
        assert not states[-1].busy


async def test_the_answer_to_initialize_does_not_wait_for_anything(workspace):
    """Loading is said in states, and begins with the editor's ``initialized``."""
    editor = make_editor()
    await editor.start_io(SC_ATTRIB, "lsp", cwd=workspace)
    editor.capabilities = vs_code()
    folder = types.WorkspaceFolder(uri=workspace.as_uri(), name="workspace")
    await editor.initialize_async(
        types.InitializeParams(capabilities=editor.capabilities, workspace_folders=[folder])
    )
    assert editor.heard == []
    editor.initialized(types.InitializedParams())
    await until(lambda: [method for method, _ in editor.heard if method == "didChangeStatus"])
    await editor.shutdown_session()
    await editor.stop()


async def test_changed_settings_take_effect(start, workspace, tmp_path):
    async with start() as editor:
        uri = await editor.open(workspace / "a.py", FRESH_HEAD + "    ")
        assert await editor.inline(uri, 1, 4)
        settings = editor.get_configuration(section="sc-attrib")
        editor.set_configuration({"sc-attrib": {**settings, "completion": {"enabled": False}}})
        editor.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=None))
        await until_async(lambda: editor.inline(uri, 1, 4), lambda items: items == [])
        assert any(method == types.CLIENT_REGISTER_CAPABILITY for method, _ in editor.heard)


async def test_the_configuration_is_laid_over_the_initialization_options(start, workspace):
    options = {"completion": {"enabled": False, "maxTokens": 2048}}
    async with start(options=options, settings={"completion": {"enabled": True}}) as editor:
        uri = await editor.open(workspace / "a.py", FRESH_HEAD + "    ")
        [item] = await editor.inline(uri, 1, 4)
        assert item.insert_text == FRESH_BODY.strip()


async def until_async(ask, accept) -> None:
    """Ask again until the answer is accepted."""
    async with asyncio.timeout(30):
        while not accept(await ask()):
            pass


def _inline_params(uri: str, line: int, character: int) -> types.InlineCompletionParams:
    return types.InlineCompletionParams(
        text_document=types.TextDocumentIdentifier(uri=uri),
        position=types.Position(line=line, character=character),
        context=types.InlineCompletionContext(trigger_kind=types.InlineCompletionTriggerKind.Automatic),
    )


def _insert(editor, uri: str, *, line: int, character: int, text: str) -> None:
    place = types.Position(line=line, character=character)
    editor.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=uri, version=2),
            content_changes=[
                types.TextDocumentContentChangePartial(range=types.Range(start=place, end=place), text=text)
            ],
        )
    )
