"""Marks code that is like known code: when a file is opened or saved, and when what is marked is edited."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.uris import to_fs_path

from attribution.errors import ScAttribError
from attribution.model import Match, Notice, Verdict
from attribution.report.json_report import match_as_json
from lsp.positions import line_feeds_only
from lsp.provenance import archive_link, headline

if TYPE_CHECKING:
    from lsp.documents import Document
    from lsp.server import Server

_log = logging.getLogger(__name__)

SOURCE = "sc-attrib"
MAX_CHARACTERS = 4_000_000
"""Longer documents are not checked."""
_SEVERITIES = {
    Verdict.DENY: types.DiagnosticSeverity.Error,
    Verdict.REVIEW: types.DiagnosticSeverity.Warning,
    Verdict.ATTRIBUTE: types.DiagnosticSeverity.Information,
}
_SHORT_ID_DIGITS = 12


def register(server: Server) -> None:
    """Add the handlers."""
    server.feature(types.TEXT_DOCUMENT_DID_OPEN)(did_open)
    server.feature(types.TEXT_DOCUMENT_DID_CHANGE)(did_change)
    server.feature(types.TEXT_DOCUMENT_DID_SAVE, types.SaveOptions(include_text=False))(did_save)
    server.feature(types.TEXT_DOCUMENT_DID_CLOSE)(did_close)


def did_open(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
    """Check the file."""
    ls.checks.schedule(params.text_document.uri)


def did_save(ls: Server, params: types.DidSaveTextDocumentParams) -> None:
    """Check the file again; all that are open where it says what is allowed."""
    uri = params.text_document.uri
    judged = [document.uri for document in ls.documents()] if _holds_policy(uri) else [uri]
    for one in judged:
        ls.checks.schedule(one)


def _holds_policy(uri: str) -> bool:
    from attribution.policy.projects import POLICY_FILE, PYPROJECT

    return uri.rpartition("/")[2] in (POLICY_FILE, PYPROJECT)


def did_change(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
    """Keep the matches beside their code; what was asked of the old text is moot.

    An edit of what is marked, or of the comments above it, is checked at once: that is what a quick fix does.
    """
    uri = params.text_document.uri
    ls.latest.drop(uri)
    document = ls.document(uri)
    if document is not None:
        ls.session.edited(document.path, is_deletion=_only_deletes(params.content_changes))
    ls.acceptances.changed(uri)
    concerns = [ls.findings.edit(uri, change) for change in params.content_changes]
    if any(concerns) or ls.checks.is_pending(uri):
        ls.checks.schedule(uri)


def _only_deletes(changes: Sequence[types.TextDocumentContentChangeEvent]) -> bool:
    is_partial = all(isinstance(change, types.TextDocumentContentChangePartial) for change in changes)
    return is_partial and bool(changes) and not any(change.text for change in changes)


def did_close(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
    """Take the marks away."""
    ls.latest.drop(params.text_document.uri)
    ls.acceptances.forget(params.text_document.uri)
    ls.session.closed(to_fs_path(params.text_document.uri) or "")
    ls.checks.forget(params.text_document.uri)


class Checks:
    """Checks that wait for a file to come to rest; at most one for each file."""

    def __init__(self, ls: Server) -> None:
        self._ls = ls
        self._pending: dict[str, asyncio.Task[None]] = {}
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="check")
        """One check at a time, apart from the threads in which suggestions are traced."""

    def schedule(self, uri: str) -> None:
        """Check a file soon, in place of a check that has not ended yet."""
        self._cancel(uri)
        task = asyncio.create_task(self._check(uri))
        self._pending[uri] = task
        task.add_done_callback(lambda done: self._finish(uri, done))

    def is_pending(self, uri: str) -> bool:
        """Whether a check was begun that has not ended; an edit meanwhile makes its answer worthless."""
        return uri in self._pending

    def forget(self, uri: str) -> None:
        """A file was closed."""
        self._cancel(uri)
        self._ls.findings.drop(uri)
        self._publish(uri, None, [])

    def close(self) -> None:
        """Start no further check."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _cancel(self, uri: str) -> None:
        pending = self._pending.pop(uri, None)
        if pending is not None:
            pending.cancel()

    def _finish(self, uri: str, done: asyncio.Task[None]) -> None:
        if self._pending.get(uri) is done:
            del self._pending[uri]
        if not done.cancelled() and (error := done.exception()) is not None:
            _log.debug("a check failed", exc_info=error)
            sentence = str(error) if isinstance(error, ScAttribError) else type(error).__name__
            self._ls.notices.tell(f"An open file could not be checked: {sentence}")

    async def _check(self, uri: str) -> None:
        settings = self._ls.settings.diagnostics
        if not settings.enabled:
            return
        await asyncio.sleep(settings.debounce_ms / 1000)
        tracer, document = await self._ls.engine.tracer(), self._ls.document(uri)
        if tracer is None or document is None or len(document.source) > MAX_CHARACTERS:
            return
        version = document.version
        content = line_feeds_only(document.source).encode("utf-8", "replace")
        check = partial(tracer.trace, content, path=document.path or "")
        attribution = await asyncio.get_running_loop().run_in_executor(self._worker, check)
        current = self._ls.document(uri)
        if current is document and current.version == version:
            self._ls.findings.put(uri, attribution.matches)
            least = settings.minimum_verdict.severity
            marked = [match for match in attribution.matches if match.verdict.severity >= least]
            notices = [diagnostic_of_notice(notice, document) for notice in attribution.notices]
            self._publish(uri, version, [*(diagnostic_of(match, document) for match in marked), *notices])

    def _publish(self, uri: str, version: int | None, diagnostics: list[types.Diagnostic]) -> None:
        params = types.PublishDiagnosticsParams(uri=uri, version=version, diagnostics=diagnostics)
        self._ls.text_document_publish_diagnostics(params)


def diagnostic_of(match: Match, document: Document) -> types.Diagnostic:
    """Mark the lines of a match, with a link to where its source is archived."""
    return types.Diagnostic(
        range=document.table.range_of_lines(match.query.first, match.query.last),
        severity=_SEVERITIES.get(match.verdict, types.DiagnosticSeverity.Hint),
        code=f"swh:1:cnt:{match.source.object_id[:_SHORT_ID_DIGITS]}",
        code_description=types.CodeDescription(href=archive_link(match)),
        source=SOURCE,
        message=f"{match.verdict}: {headline(match)}" + (f"\n{match.reason}" if match.reason else ""),
        data=match_as_json(match),
    )


def diagnostic_of_notice(notice: Notice, document: Document) -> types.Diagnostic:
    """Mark a comment that asks to ignore something and is not obeyed, or of no use."""
    return types.Diagnostic(
        range=document.table.range_of_lines(notice.line, notice.line),
        severity=types.DiagnosticSeverity.Hint,
        source=SOURCE,
        message=notice.text,
    )
