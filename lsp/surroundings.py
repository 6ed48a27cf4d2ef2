"""What of other files goes with a request: open ones that may be shown, and the workspace's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.completion import CompletionRequest
from assistant.context.disclosure import Disclosure

if TYPE_CHECKING:
    from assistant.context.workspace import WorkspaceFiles
    from lsp.documents import Document
    from lsp.server import Server


class Surroundings:
    """Gathers other files for one editor; all methods belong to one event loop."""

    def __init__(self, ls: Server) -> None:
        self._ls = ls
        self._disclosure = Disclosure()
        self._workspaces: dict[Path, WorkspaceFiles] = {}

    async def gather(self, request: CompletionRequest, document: Document) -> CompletionRequest:
        """The request with the files that a model may see beside the document."""
        texts: dict[str, str] = {}
        for other in self._ls.documents():
            if other is not document:
                known = f"{texts[other.path]}\n" if other.path in texts else ""  # cells of one notebook
                texts[other.path] = known + other.source
        others = await self._disclosure.permitted(texts)
        opened = {document.path, *texts}
        root = self._ls.root_of(document.path)
        unopened = {path: text for path, text in self._files(root).items() if path not in opened}
        return replace(request, others=others, unopened=unopened, root=str(root) if root else "")

    def _files(self, root: Path | None) -> Mapping[str, str]:
        """A folder's own files, where the model makes any use of them."""
        if root is None or not self._ls.engine.uses_workspace:
            return {}
        from assistant.context.workspace import WorkspaceFiles

        if root not in self._workspaces:
            self._workspaces[root] = WorkspaceFiles(root)
        return self._workspaces[root].texts()
