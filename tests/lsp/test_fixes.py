"""Quick fixes for marked code, and the text of its source: asked for by a real client of the real server."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from attribution import cli
from attribution.swhid import Swhid
from lsp.fixes import Fix
from lsp.sources import SOURCE
from tests.lsp.conftest import (
    KNOWN_FUNCTION,
    OTHER_BODY,
    OTHER_HEAD,
    Editor,
    base_settings,
    neovim,
    served,
    until,
    vs_code,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASTED = f"import sys\n\n\n{KNOWN_FUNCTION}"


def resolving() -> types.ClientCapabilities:
    """VS Code as it is with vscode-languageclient 11."""
    capabilities = vs_code()
    capabilities.text_document.code_action.data_support = True
    capabilities.text_document.code_action.resolve_support = types.ClientCodeActionResolveOptions(
        properties=["edit"]
    )
    capabilities.workspace.workspace_edit.document_changes = True
    capabilities.workspace.workspace_edit.snippet_edit_support = True
    capabilities.workspace.workspace_edit.resource_operations = [types.ResourceOperationKind.Create]
    return capabilities


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mending(script, index, tmp_path_factory):
    """A server that the tests share; each has a repository of its own."""
    folder = tmp_path_factory.mktemp("mending")
    async with served(folder, base_settings(script, index), capabilities=resolving()) as shared:
        yield shared


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    return tmp_path / "project"


async def marked(editor: Editor, path: Path, text: str = PASTED) -> str:
    """Write a file, open it, and wait until it is marked."""
    path.write_bytes(text.encode())
    uri = await editor.open(path, text)
    await until(lambda: editor.diagnostics.get(uri))
    return uri


async def fixes(editor: Editor, uri: str, *, line: int = 5) -> dict[str, types.CodeAction]:
    at = types.Position(line=line, character=0)
    params = types.CodeActionParams(
        text_document=types.TextDocumentIdentifier(uri=uri),
        range=types.Range(start=at, end=at),
        context=types.CodeActionContext(diagnostics=editor.diagnostics[uri]),
    )
    found = await editor.text_document_code_action_async(params)
    return {Fix(action.data["fix"]).name: action for action in found or []}


async def changed(editor: Editor, action: types.CodeAction, root: Path) -> dict[str, str]:
    """Resolve an action and do what its edit says; answer the files by their names."""
    resolved = action if action.edit else await editor.code_action_resolve_async(action)
    files: dict[str, str] = {}
    for change in resolved.edit.document_changes:
        if isinstance(change, types.CreateFile):
            continue
        name = change.text_document.uri.rsplit("/", 1)[-1]
        before = (root / name).read_bytes().decode() if (root / name).exists() else ""
        files[name] = applied(before, change.edits)
    return files


def applied(text: str, edits) -> str:
    lines = text.splitlines(keepends=True)
    for edit in edits:
        new = edit.snippet.value if isinstance(edit, types.SnippetTextEdit) else edit.new_text
        assert edit.range.start.character == edit.range.end.character == 0
        lines[edit.range.start.line : edit.range.end.line] = new.splitlines(keepends=True)
    return "".join(lines)


async def test_an_attribution_is_put_above_the_copy_and_into_notice(mending, project):
    uri = await marked(mending, project / "a.py")
    found = await fixes(mending, uri)
    assert found["ATTRIBUTE"].edit is None, "edits are worked out when one is chosen"
    assert found["ATTRIBUTE"].is_preferred
    files = await changed(mending, found["ATTRIBUTE"], project)
    lines = files["a.py"].splitlines()
    assert lines[3].endswith(" from free.py of https://example.org/quantiles, under MIT.")
    assert lines[4].startswith("# swh:1:cnt:")
    assert "\n".join(lines[5:]) + "\n" == KNOWN_FUNCTION
    assert "https://example.org/quantiles\n  MIT\n\n  a.py" in files["NOTICE"]


async def test_after_the_fix_the_check_is_satisfied(mending, project, index, capsys):
    uri = await marked(mending, project / "a.py")
    files = await changed(mending, (await fixes(mending, uri))["ATTRIBUTE"], project)
    (project / "a.py").write_text(files["a.py"])
    command = ["check", "--index", str(index), "--fail-on", "attribute", str(project / "a.py")]
    assert cli.main(command) == 0, capsys.readouterr().out


def edited(editor: Editor, uri: str, text: str, edits, *, version: int = 2) -> str:
    """Do edits of whole lines in the editor, unsaved; answer the text that comes of it."""
    changes = [
        types.TextDocumentContentChangePartial(
            range=edit.range,
            text=edit.snippet.value if isinstance(edit, types.SnippetTextEdit) else edit.new_text,
        )
        for edit in edits
    ]
    document = types.VersionedTextDocumentIdentifier(uri=uri, version=version)
    editor.text_document_did_change(
        types.DidChangeTextDocumentParams(text_document=document, content_changes=changes)
    )
    return applied(text, edits)


async def edits_of(editor: Editor, uri: str, fix: Fix):
    action = await editor.code_action_resolve_async((await fixes(editor, uri))[fix.name])
    changes = [c for c in action.edit.document_changes if isinstance(c, types.TextDocumentEdit)]
    return next(change.edits for change in changes if change.text_document.uri == uri)


async def test_a_mark_goes_when_its_code_is_attributed_and_comes_back_when_that_is_undone(mending, project):
    uri = await marked(mending, project / "a.py")
    edits = await edits_of(mending, uri, Fix.ATTRIBUTE)
    text = edited(mending, uri, PASTED, edits)
    await until(lambda: not mending.diagnostics[uri])
    added = len(text.splitlines()) - len(PASTED.splitlines())
    place = types.Range(
        start=types.Position(line=3, character=0), end=types.Position(line=3 + added, character=0)
    )
    edited(mending, uri, text, [types.TextEdit(range=place, new_text="")], version=3)
    await until(lambda: mending.diagnostics[uri])


async def test_a_mark_goes_when_the_reason_to_ignore_it_is_given(mending, project):
    uri = await marked(mending, project / "a.py")
    [edit] = await edits_of(mending, uri, Fix.IGNORE)
    line = edit.snippet.value.replace("${1}", "")
    text = edited(mending, uri, PASTED, [types.TextEdit(range=edit.range, new_text=line)])
    await until(lambda: any("reason" in mark.message for mark in mending.diagnostics[uri]))
    place = types.Range(start=edit.range.start, end=types.Position(line=4, character=0))
    obeyed = types.TextEdit(range=place, new_text=line.replace("]", "] licensed to us"))
    edited(mending, uri, text, [obeyed], version=3)
    await until(lambda: not mending.diagnostics[uri])


async def test_a_mark_goes_when_its_lines_are_taken_away_to_be_suggested_anew(mending, project):
    uri = await marked(mending, project / "a.py")
    marks = mending.diagnostics[uri][0].range
    place = types.Range(start=marks.start, end=types.Position(line=marks.end.line + 1, character=0))
    edited(mending, uri, PASTED, [types.TextEdit(range=place, new_text="")])
    await until(lambda: not mending.diagnostics[uri])


async def test_a_mark_goes_when_a_policy_is_saved_that_says_it_is_our_own(mending, project):
    uri = await marked(mending, project / "a.py")
    policy = project / ".sc-attrib.toml"
    policy.write_text('[policy]\nown = ["https://example.org/quantiles"]\n')
    opened = await mending.open(policy, policy.read_text())
    mending.text_document_did_save(
        types.DidSaveTextDocumentParams(text_document=types.TextDocumentIdentifier(uri=opened))
    )
    await until(lambda: not mending.diagnostics[uri])


async def test_an_entry_of_notice_is_added_to_what_is_there(mending, project):
    (project / "NOTICE").write_text("Ours.\n")
    uri = await marked(mending, project / "a.py")
    files = await changed(mending, (await fixes(mending, uri))["NOTICE"], project)
    assert list(files) == ["NOTICE"]
    assert files["NOTICE"].startswith("Ours.\n\nhttps://example.org/quantiles\n")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
async def test_a_comment_that_ignores_waits_for_its_reason(mending, project, newline):
    uri = await marked(mending, project / "a.py", PASTED.replace("\n", newline))
    action = await mending.code_action_resolve_async((await fixes(mending, uri))["IGNORE"])
    [change] = action.edit.document_changes
    [edit] = change.edits
    known = Swhid.parse(mending.diagnostics[uri][0].data["source"]["swhid"]).core
    assert edit.snippet.value == f"# sc-attrib: ignore[{known}] ${{1}}{newline}"
    assert edit.range.start == types.Position(line=3, character=0)
    assert change.text_document.version == 1


async def test_an_ignoring_comment_with_a_reason_is_obeyed(mending, project, index):
    uri = await marked(mending, project / "a.py")
    files = await changed(mending, (await fixes(mending, uri))["IGNORE"], project)
    (project / "a.py").write_text(files["a.py"].replace("${1}", "licensed to us"))
    assert cli.main(["check", "--index", str(index), "--fail-on", "attribute", str(project / "a.py")]) == 0


async def test_an_origin_becomes_one_of_our_own(mending, project, index):
    (project / ".sc-attrib.toml").write_text('# ours\n[policy]\nown = ["https://example.org/x"]\n')
    uri = await marked(mending, project / "a.py")
    files = await changed(mending, (await fixes(mending, uri))["OWN"], project)
    assert files == {
        ".sc-attrib.toml": '# ours\n[policy]\nown = ["https://example.org/quantiles", "https://example.org/x"]\n'
    }
    (project / ".sc-attrib.toml").write_text(files[".sc-attrib.toml"])
    assert cli.main(["check", "--index", str(index), "--fail-on", "attribute", str(project / "a.py")]) == 0


async def test_denied_code_is_not_settled_by_preference(mending, project):
    uri = await marked(mending, project / "a.py", OTHER_HEAD + OTHER_BODY)
    found = await fixes(mending, uri, line=2)
    assert set(found) == {"ATTRIBUTE", "NOTICE", "OWN", "IGNORE"}
    assert not found["ATTRIBUTE"].is_preferred


async def test_an_editor_that_cannot_resolve_gets_edits_at_once_and_no_new_files(start, workspace):
    capabilities = neovim()
    capabilities.text_document.code_action.resolve_support = None
    capabilities.workspace.workspace_edit.resource_operations = None
    async with start(capabilities=capabilities) as editor:
        uri = await marked(editor, workspace / "a.py")
        found = await fixes(editor, uri)
        assert set(found) == {"IGNORE"}
        assert found["IGNORE"].edit is not None


async def test_a_match_that_was_edited_away_is_fixed_by_an_edit_that_changes_nothing(mending, project):
    """An action that comes back without any edit is resolved by Eglot again, without end."""
    uri = await marked(mending, project / "a.py")
    action = (await fixes(mending, uri))["ATTRIBUTE"]
    mending.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=uri, version=2),
            content_changes=[types.TextDocumentContentChangeWholeDocument(text="")],
        )
    )
    assert (await mending.code_action_resolve_async(action)).edit == types.WorkspaceEdit(changes={})


async def source(editor: Editor, swhid: str):
    return await editor.protocol.send_request_async(SOURCE, {"swhid": swhid})


async def test_a_source_that_no_index_keeps_is_named_with_its_archive(mending, project):
    uri = await marked(mending, project / "a.py")
    swhid = mending.diagnostics[uri][0].data["source"]["swhid"]
    answer = await source(mending, swhid)
    assert answer.text is None
    assert "--contents" in answer.reason
    assert answer.link.startswith("https://archive.softwareheritage.org/swh:1:cnt:")
    assert answer.origin == "https://example.org/quantiles"


async def test_a_source_is_shown_from_an_index_that_keeps_texts(start, workspace, tmp_path):
    tree = tmp_path / "known"
    tree.mkdir()
    (tree / "free.py").write_text(KNOWN_FUNCTION)
    folder = tmp_path / "index"
    assert cli.main(["index", "build", "--index", str(folder), "--tree", str(tree), "--contents"]) == 0
    (tree / "free.py").unlink()
    async with start(settings={"trace": {"indexes": [str(folder)]}}) as editor:
        answer = await source(editor, str(Swhid.of_content(KNOWN_FUNCTION.encode())))
        assert (answer.text, answer.held) == (KNOWN_FUNCTION, "index")


async def test_a_source_is_shown_from_an_indexed_folder_that_did_not_change(start, workspace, tmp_path):
    tree = tmp_path / "known"
    tree.mkdir()
    (tree / "free.py").write_text(KNOWN_FUNCTION)
    swhid = f"{Swhid.of_content(KNOWN_FUNCTION.encode())};origin={tree.as_uri()};path=/free.py;lines=2-3"
    async with start() as editor:
        answer = await source(editor, swhid)
        assert (answer.text, answer.held, answer.place) == (KNOWN_FUNCTION, "file", str(tree / "free.py"))
        assert answer.lines == [2, 3]
        (tree / "free.py").write_text("changed\n")
        assert (await source(editor, swhid)).text is None


async def test_a_source_of_the_standard_library_is_shown_from_it(start):
    import textwrap

    content = Path(textwrap.__file__).read_bytes()
    swhid = f"{Swhid.of_content(content)};origin=https://github.com/python/cpython;path=/Lib/textwrap.py"
    async with start() as editor:
        answer = await source(editor, swhid)
        assert answer.text == content.decode()


async def test_what_is_no_swhid_is_an_error(start):
    async with start() as editor:
        with pytest.raises(Exception, match="SWHID"):
            await source(editor, "README.md")
