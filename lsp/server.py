"""The language server: its state, its features, and what happens to errors."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from lsprotocol import types
from pygls.exceptions import FeatureRequestError, JsonRpcException, PyglsError
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from assistant.session.session import Session
from lsp import acceptance, actions, completion, diagnostics, hover, lifecycle, sources
from lsp.documents import Document, DocumentWorkspace
from lsp.engine import Engine
from lsp.findings import Findings
from lsp.latest import Latest
from lsp.notices import Notices
from lsp.protocol import Protocol
from lsp.settings import ServerSettings
from lsp.surroundings import Surroundings

_log = logging.getLogger(__name__)


class Server(LanguageServer):
    """One editor's server."""

    protocol: Protocol

    def __init__(self, *, trusts_workspace: bool = True) -> None:
        """Without trust, the workspace's own indexes and policies are not read."""
        super().__init__(
            "sc-attrib",
            version("sc-attrib"),
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            protocol_cls=Protocol,
        )
        self.initial_options: Mapping[str, object] = {}
        """The settings that came with ``initialize``."""
        self.client_name = ""
        """The editor, as it calls itself."""
        self.settings = ServerSettings()
        self._trusts_workspace = trusts_workspace
        self.notices = Notices(self.protocol)
        self.engine = Engine(self)
        self.session = Session(self.engine.records)
        self.latest = Latest()
        self.surroundings = Surroundings(self)
        self.findings = Findings()
        self.checks = diagnostics.Checks(self)
        self.acceptances = acceptance.Acceptances(self)

    @property
    def root(self) -> Path | None:
        """The workspace's first folder."""
        return next(iter(self.roots), None)

    @property
    def roots(self) -> list[Path]:
        """All folders of the workspace, in the editor's order."""
        uris = [folder.uri for folder in self.workspace.folders.values()] or [self.workspace.root_uri]
        return [Path(path) for uri in uris if uri and (path := to_fs_path(uri))]

    @property
    def trusted_roots(self) -> list[Path] | None:
        """All folders of the workspace; ``None`` where it is not trusted."""
        return self.roots if self._trusts_workspace else None

    def root_of(self, path: str) -> Path | None:
        """The innermost folder of the workspace that holds a file; the first one for any other."""
        holding = [root for root in self.roots if Path(path).is_relative_to(root)]
        return max(holding, key=lambda root: len(root.parts), default=self.root)

    def document(self, uri: str) -> Document | None:
        """Answer a document that the editor has open; ``None`` for any other."""
        workspace = self.workspace
        return workspace.open_document(uri) if isinstance(workspace, DocumentWorkspace) else None

    def documents(self) -> list[Document]:
        """All documents that the editor has open, the one that was opened or edited last first."""
        workspace = self.workspace
        return workspace.open_documents() if isinstance(workspace, DocumentWorkspace) else []

    @property
    def position_encoding(self) -> types.PositionEncodingKind:
        """The unit of columns that was agreed on with the editor."""
        return types.PositionEncodingKind(self.workspace.position_encoding or "utf-16")

    @property
    def has_shut_down(self) -> bool:
        """Whether the editor asked for the end."""
        return self.protocol.has_shut_down

    def report_server_error(
        self, error: Exception, source: type[PyglsError] | type[JsonRpcException]
    ) -> None:
        """Tell the user once for each kind of error; messages may hold code, so they stay at DEBUG."""
        _log.warning("a message could not be handled: %s, %s", source.__name__, type(error).__name__)
        _log.debug("the error was", exc_info=error)
        if source is not FeatureRequestError:
            self.notices.tell(
                f"A message from the editor could not be handled and was ignored ({source.__name__})"
            )


def create_server(*, trusts_workspace: bool = True) -> Server:
    """Make a server with all its features."""
    server = Server(trusts_workspace=trusts_workspace)
    for feature in (lifecycle, completion, actions, diagnostics, hover, sources):
        feature.register(server)
    return server
