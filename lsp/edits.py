"""Edits of several files at once, as editors take them: none to a text that is not what it was any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsprotocol import types

from attribution.errors import ScAttribError
from lsp.positions import LineTable

if TYPE_CHECKING:
    from lsp.server import Server

_Change = types.TextDocumentEdit | types.CreateFile | types.RenameFile | types.DeleteFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file and what it becomes."""

    uri: str
    before: bytes | None
    """``None`` where it does not exist yet."""
    after: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Inserted:
    """A line that a person completes: it is put before a line of an open file, counted from 1."""

    uri: str
    line: int
    before: str
    """What stands before the cursor."""
    after: str


def workspace_edit(ls: Server, wanted: Sequence[Written | Inserted]) -> types.WorkspaceEdit:
    """One edit that does all of it; raises :class:`ScAttribError` where the editor cannot create a file."""
    changes: list[_Change] = []
    for one in wanted:
        changes += _insertion(ls, one) if isinstance(one, Inserted) else _writing(ls, one)
    if _knows_versions(ls):
        return types.WorkspaceEdit(document_changes=changes)
    plain = {c.text_document.uri: c.edits for c in changes if isinstance(c, types.TextDocumentEdit)}
    return types.WorkspaceEdit(changes=plain)  # type: ignore[arg-type]


def _writing(ls: Server, one: Written) -> list[_Change]:
    if one.before == one.after:
        return []
    created: list[_Change] = []
    if one.before is None:
        if not _creates(ls):
            name = one.uri.rsplit("/", 1)[-1]
            raise ScAttribError(f"this editor cannot create {name}; make an empty one, then do it again")
        created = [types.CreateFile(uri=one.uri, options=types.CreateFileOptions(ignore_if_exists=True))]
    edit = _smallest(ls, (one.before or b"").decode("utf-8", "replace"), one.after.decode("utf-8", "replace"))
    return [*created, _of_document(ls, one.uri, edit)]


def _smallest(ls: Server, before: str, after: str) -> types.TextEdit:
    """The edit of the lines in which two texts differ."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    top = _same(old, new)
    bottom = _same(old[top:][::-1], new[top:][::-1])
    start, end = sum(map(len, old[:top])), len(before) - sum(map(len, old[len(old) - bottom :]))
    table = LineTable(before, ls.position_encoding)
    place = types.Range(start=table.position(start), end=table.position(end))
    return types.TextEdit(range=place, new_text="".join(new[top : len(new) - bottom]))


def _same(some: Sequence[str], others: Sequence[str]) -> int:
    """How many lines at the start are the same."""
    pairs = zip(some, others, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(some), len(others)))


def _insertion(ls: Server, one: Inserted) -> list[_Change]:
    at = types.Position(line=one.line - 1, character=0)
    place = types.Range(start=at, end=at)
    document = ls.document(one.uri)
    end = "\r\n" if document is not None and "\r\n" in document.source else "\n"
    if _fills_in(ls):
        value = types.StringValue(value=f"{_escaped(one.before)}${{1}}{_escaped(one.after)}{end}")
        return [_of_document(ls, one.uri, types.SnippetTextEdit(range=place, snippet=value))]
    return [_of_document(ls, one.uri, types.TextEdit(range=place, new_text=one.before + one.after + end))]


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in "\\$}" else character for character in text)


def _of_document(
    ls: Server, uri: str, edit: types.TextEdit | types.SnippetTextEdit
) -> types.TextDocumentEdit:
    document = ls.document(uri)
    version = document.version if document is not None else None
    identifier = types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=version)
    return types.TextDocumentEdit(text_document=identifier, edits=[edit])


def _support(ls: Server) -> types.WorkspaceEditClientCapabilities:
    workspace = ls.client_capabilities.workspace
    support = workspace.workspace_edit if workspace else None
    return support or types.WorkspaceEditClientCapabilities()


def _knows_versions(ls: Server) -> bool:
    return bool(_support(ls).document_changes)


def _creates(ls: Server) -> bool:
    operations = _support(ls).resource_operations or []
    return _knows_versions(ls) and types.ResourceOperationKind.Create in operations


def _fills_in(ls: Server) -> bool:
    return _knows_versions(ls) and bool(_support(ls).snippet_edit_support)
