"""The editor's open documents, kept in step with it edit by edit."""

from __future__ import annotations

from functools import cached_property
from itertools import count
from urllib.parse import unquote

from lsprotocol import types
from pygls.workspace import TextDocument, Workspace

from lsp.positions import LineTable

_moments = count(1)


class Document(TextDocument):
    """A document whose lines and columns are the specification's; see :mod:`lsp.positions`."""

    edited: int = 0
    """When it was opened or edited last; later is greater."""

    @property
    def encoding(self) -> types.PositionEncodingKind:
        """The unit of columns that was agreed on with the editor."""
        return types.PositionEncodingKind(self.position_codec.encoding or types.PositionEncodingKind.Utf16)

    @cached_property
    def table(self) -> LineTable:
        """Its lines."""
        return LineTable(self.source, self.encoding)

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Apply an edit, of a range or of the whole text."""
        if isinstance(change, types.TextDocumentContentChangePartial):
            start, end = self.table.offset(change.range.start), self.table.offset(change.range.end)
            text = self.source
            self._source = text[:start] + change.text + text[max(start, end) :]
        else:
            self._source = change.text
        self.__dict__.pop("table", None)
        self.edited = next(_moments)


class DocumentWorkspace(Workspace):
    """The open documents and folders."""

    @classmethod
    def like(cls, other: Workspace, folders: list[types.WorkspaceFolder]) -> DocumentWorkspace:
        """Copy the root and the encoding of a workspace that holds no documents yet."""
        return cls(
            other.root_uri,
            sync_kind=types.TextDocumentSyncKind.Incremental,
            workspace_folders=folders,
            position_encoding=other.position_encoding,
        )

    def _create_text_document(
        self,
        doc_uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
    ) -> Document:
        document = Document(
            doc_uri,
            source=source,
            version=version,
            language_id=language_id,
            position_codec=self.position_codec,
        )
        document.edited = next(_moments)
        return document

    def open_documents(self) -> list[Document]:
        """All documents that the editor has open, the one that was opened or edited last first."""
        found = [document for document in self.text_documents.values() if isinstance(document, Document)]
        return sorted(found, key=lambda document: -document.edited)

    def open_document(self, uri: str) -> Document | None:
        """Answer a document that the editor has open; one that it has not is never read from disk."""
        found = self.text_documents.get(unquote(uri))
        return found if isinstance(found, Document) else None
