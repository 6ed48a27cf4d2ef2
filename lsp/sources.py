"""The text of a known source, for an editor that shows it beside one's own: where it is kept, or why not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pygls.exceptions import JsonRpcInvalidParams

from attribution.local_texts import local_text
from attribution.report.places import archive_url
from attribution.swhid import Swhid

if TYPE_CHECKING:
    from assistant.tracing import TextTracer
    from lsp.server import Server

SOURCE = "sc-attrib/source"
"""Request of our own: ``{"swhid": …}``, answered with what :func:`source_of` answers."""
_NOT_HERE = (
    "The text is not on this machine: an index keeps fingerprints, and texts only if it was built with "
    "--contents, and no file here is the one that was indexed. The archive shows it, if it has archived it."
)


def register(server: Server) -> None:
    """Add the handler."""
    server.feature(SOURCE)(source)


async def source(ls: Server, params: Any) -> dict[str, Any]:
    """Answer the text of a content by its SWHID; an unreadable SWHID is an error."""
    try:
        swhid = Swhid.parse(str(getattr(params, "swhid", "")))
    except ValueError as error:
        raise JsonRpcInvalidParams(str(error)) from error
    tracer = await ls.engine.tracer()
    return await asyncio.to_thread(source_of, swhid, tracer)


def source_of(swhid: Swhid, tracer: TextTracer | None) -> dict[str, Any]:
    """Everything about a source that an editor shows; ``text`` is ``None`` where ``reason`` says why.

    ``held`` names who has the text: ``index``, or ``file`` with its ``place`` on this machine.
    """
    text = tracer.known_text(swhid.digest) if tracer is not None else None
    copy = local_text(swhid) if text is None else None
    content = text if text is not None else copy[0] if copy is not None else None
    return {
        "swhid": str(swhid),
        "origin": swhid.origin,
        "path": swhid.path,
        "lines": [swhid.lines.first, swhid.lines.last] if swhid.lines else None,
        "link": archive_url(swhid),
        "text": None if content is None else content.decode("utf-8", "replace"),
        "held": "index" if text is not None else "file" if copy is not None else None,
        "place": str(copy[1]) if copy is not None else None,
        "reason": "" if content is not None else _NOT_HERE,
    }
