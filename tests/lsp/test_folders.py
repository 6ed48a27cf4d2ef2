"""A workspace of several folders: each has its own index, policy and ledger; folders come and go."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from assistant.ledger.place import ledger_path
from assistant.ledger.store import read_ledger
from attribution import cli
from tests.lsp.conftest import (
    KNOWN_FUNCTION,
    KNOWN_HEAD,
    SC_ATTRIB,
    make_editor,
    until,
    vs_code,
)

pytestmark = pytest.mark.asyncio


def folder_of(path: Path) -> types.WorkspaceFolder:
    return types.WorkspaceFolder(uri=path.as_uri(), name=path.name)


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """Two folders; the second has an index of its own."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    tree = tmp_path / "known"
    for folder in (second, tree):
        folder.mkdir()
    (tree / "free.py").write_text(f"# SPDX-License-Identifier: MIT\n\n{KNOWN_FUNCTION}")
    place = second / ".sc-attrib" / "index"
    assert (
        cli.main(
            ["index", "build", "--index", str(place), "--tree", str(tree), "--origin", "https://a.example/x"]
        )
        == 0
    )
    return first, second


async def begin(editor, script: Path, *roots: Path) -> None:
    await editor.start_io(SC_ATTRIB, "lsp", cwd=roots[0])
    settings = {"model": {"path": str(script)}, "diagnostics": {"debounceMs": 0}}
    settings["completion"] = {"timeoutMs": 60_000, "maxTokens": 2048}
    editor.set_configuration({"sc-attrib": settings})
    params = types.InitializeParams(capabilities=vs_code(), workspace_folders=[folder_of(r) for r in roots])
    await editor.initialize_session(params)


async def end(editor) -> None:
    await editor.shutdown_session()
    await editor.stop()


async def test_the_index_of_any_folder_is_used_and_each_has_its_own_ledger(script, folders):
    first, second = folders
    editor = make_editor()
    await begin(editor, script, first, second)
    for root in (first, second):
        uri = await editor.open(root / "a.py", KNOWN_HEAD + "    ")
        [item] = await editor.inline(uri, 1, 4)
        assert item.command.arguments[0]["matches"][0]["source"]["origin"] == "https://a.example/x"
        command = types.ExecuteCommandParams(command=item.command.command, arguments=item.command.arguments)
        await editor.workspace_execute_command_async(command)
    await end(editor)
    for root in (first, second):
        assert [accepted.path for accepted in read_ledger(ledger_path(root))] == ["a.py"]


async def test_a_folder_that_is_added_brings_its_index(script, folders):
    first, second = folders
    editor = make_editor()
    await begin(editor, script, first)
    uri = await editor.open(first / "a.py", KNOWN_FUNCTION)
    await until(lambda: uri in editor.diagnostics)
    assert list(editor.diagnostics[uri]) == []
    event = types.WorkspaceFoldersChangeEvent(added=[folder_of(second)], removed=[])
    editor.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event=event))
    editor.text_document_did_save(
        types.DidSaveTextDocumentParams(text_document=types.TextDocumentIdentifier(uri=uri))
    )
    await until(lambda: editor.diagnostics[uri])
    await end(editor)


async def test_each_folder_is_judged_by_its_own_policy(script, folders):
    first, second = folders
    (second / ".sc-attrib.toml").write_text('[policy]\ndeny = ["MIT"]\n')
    editor = make_editor()
    await begin(editor, script, first, second)
    severities = {}
    for root in (first, second):
        uri = await editor.open(root / "a.py", KNOWN_FUNCTION)
        severities[root] = (await until(lambda uri=uri: editor.diagnostics.get(uri)))[0].severity
    assert severities[first] == types.DiagnosticSeverity.Information
    assert severities[second] == types.DiagnosticSeverity.Error
    await end(editor)
