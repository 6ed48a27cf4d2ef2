"""Shows where the code under the cursor comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from lsp.provenance import match_as_markdown

if TYPE_CHECKING:
    from lsp.server import Server

_MAX_MATCHES = 3


def register(server: Server) -> None:
    """Add the handler."""
    server.feature(types.TEXT_DOCUMENT_HOVER)(hover)


def hover(ls: Server, params: types.HoverParams) -> types.Hover | None:
    """Describe the matches that hold the line; ``None`` where there is none."""
    document = ls.document(params.text_document.uri)
    matches = ls.findings.at_line(params.text_document.uri, params.position.line + 1)
    if document is None or not matches:
        return None
    text = "\n\n---\n\n".join(match_as_markdown(match) for match in matches[:_MAX_MATCHES])
    return types.Hover(
        contents=types.MarkupContent(kind=types.MarkupKind.Markdown, value=text),
        range=document.table.range_of_lines(matches[0].query.first, matches[0].query.last),
    )
