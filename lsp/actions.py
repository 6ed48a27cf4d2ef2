"""Code actions of models that can talk: explain, document and fix the selected lines.

An action is a command, because a model takes its time: the editor runs it, the server asks the model, traces
the answer, and applies it with its provenance as the edit's description, to be confirmed where the editor
knows how.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from assistant.chat.format import ChatFormat, read_chat
from assistant.chat.service import ChatService, Proposal
from assistant.chat.tasks import Selection, Task
from assistant.completion import CompletionRequest
from assistant.config import Backend
from assistant.models import model_path
from assistant.provenance import completion_as_json
from attribution.errors import ScAttribError
from lsp import fixes
from lsp.progress import work_done
from lsp.provenance import completion_headline

if TYPE_CHECKING:
    from lsp.documents import Document
    from lsp.server import Server

_log = logging.getLogger(__name__)

PROPOSE = "sc-attrib.propose"
"""Command of a code action; its argument is what :func:`_arguments` makes."""
_KINDS = {
    Task.EXPLAIN: types.CodeActionKind.Empty,
    Task.DOCSTRING: types.CodeActionKind.RefactorRewrite,
    Task.FIX: types.CodeActionKind.QuickFix,
}
_ANNOTATION = "sc-attrib"


def register(server: Server) -> None:
    """Add the handlers."""
    actions = Actions(server)
    kinds = [kind for kind in _KINDS.values() if kind is not types.CodeActionKind.Empty]
    options = types.CodeActionOptions(code_action_kinds=kinds, resolve_provider=True)

    # Closures, because pygls resolves the annotations of commands, and Server is not known here.
    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        return [*await fixes.offered(server, params), *await actions.offered(params)]

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def code_action_resolve(action: types.CodeAction) -> types.CodeAction:
        resolved = await fixes.resolve(server, action)
        if resolved.edit is None and resolved.command is None:
            # not nothing, for which Eglot would ask again without end
            resolved.edit = types.WorkspaceEdit(changes={})
        return resolved

    @server.command(PROPOSE)
    async def propose(*arguments: Any) -> dict[str, Any] | None:
        return await actions.propose(arguments[0] if arguments else None)


class Actions:
    """What is offered for a selection, and what comes of it."""

    def __init__(self, ls: Server) -> None:
        self._ls = ls
        self._known: tuple[Path, ChatFormat | None] | None = None
        """How the model is talked to, by its path."""

    async def offered(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """The actions for a range; none where nothing is selected, or the model cannot talk."""
        uri, place = params.text_document.uri, params.range
        document = self._ls.document(uri)
        if place.start == place.end or document is None or await self._chat() is None:
            return []
        said = [d.message for d in params.context.diagnostics]
        wanted = params.context.only
        return [
            types.CodeAction(
                title=task.headline,
                kind=kind,
                command=types.Command(
                    title=task.headline,
                    command=PROPOSE,
                    arguments=[_arguments(task, uri, document, place, said)],
                ),
            )
            for task, kind in _KINDS.items()
            if wanted is None or any(kind.value.startswith(_spelled(w)) for w in wanted)
        ]

    async def propose(self, argument: Any) -> dict[str, Any] | None:
        """Ask the model, trace its answer, show or apply it; whatever goes wrong is told once."""
        try:
            asked = _read(argument)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            _log.debug("an action could not be read", exc_info=error)
            self._ls.notices.tell("An action could not be read; the editor must send it as it was given")
            return None
        document = self._ls.document(asked.uri)
        if document is None:
            return None
        if asked.version is not None and asked.version != document.version:
            self._say(f"{asked.task.headline}: the document has changed meanwhile; ask again")
            return None
        ends = document.table.offset(asked.place.start), document.table.offset(asked.place.end)
        selection = Selection.of_lines(
            document.source, min(ends), max(ends), path=document.path or "", problems=asked.problems
        )
        return await self._ask(asked.task, asked.uri, document, selection)

    async def _ask(
        self, task: Task, uri: str, document: Document, selection: Selection
    ) -> dict[str, Any] | None:
        version = document.version
        try:
            async with work_done(self._ls, task.headline):
                proposal = await self._proposal(task, selection)
        except ScAttribError as error:
            self._ls.notices.tell(f"{task.headline}: {error}")
            return None
        if proposal is None:
            self._say(f"{task.headline}: the model has no answer that could be used")
            return None
        if proposal.completion.is_withheld:
            self._say(proposal.completion.ruling.reason)
            return {**completion_as_json(proposal.completion), "text": None}
        if task.changes_code:
            await self._apply(proposal, uri, document, version)
        else:
            self._say(f"{proposal.completion.text}\n\n{completion_headline(proposal.completion)}")
        return {**completion_as_json(proposal.completion), "text": proposal.completion.text}

    async def _proposal(self, task: Task, selection: Selection) -> Proposal | None:
        chat, service = await self._chat(), await self._ls.engine.service()
        if chat is None or service is None:
            return None
        tracer = await self._ls.engine.tracer()
        asking = ChatService(
            service.backend,
            chat,
            tracer=tracer,
            settings=self._ls.settings.assistant,
            records=self._ls.engine.records,
        )
        return await asking.propose(task, selection)

    async def _chat(self) -> ChatFormat | None:
        """How the configured model is talked to; ``None`` if it cannot, or cannot be read."""
        settings = self._ls.settings.assistant.model
        if settings.backend is Backend.OPENAI:
            return None
        path = model_path(settings.path)
        if self._known is None or self._known[0] != path:
            try:
                self._known = path, await asyncio.to_thread(read_chat, path)
            except ScAttribError:  # it is told where the model is loaded
                self._known = path, None
        return self._known[1]

    async def _apply(self, proposal: Proposal, uri: str, document: Document, version: int | None) -> None:
        """Put the answer in the selection's place, unless the document has changed."""
        if self._ls.document(uri) is not document or document.version != version:
            self._say(f"{proposal.task.headline}: the document has changed meanwhile; ask again")
            return
        selection, completion = proposal.selection, proposal.completion
        request = CompletionRequest(
            text=selection.before + selection.after, offset=selection.start, path=selection.path
        )
        self._ls.acceptances.propose(request, completion)
        edit = self._edit(proposal, uri, document, version)
        label = f"{proposal.task.headline} · {completion_headline(completion)}"
        applied = await self._ls.workspace_apply_edit_async(
            types.ApplyWorkspaceEditParams(edit=edit, label=label)
        )
        record = self._ls.engine.records.mark_accepted(completion.id) if applied.applied else None
        if record is not None:
            self._ls.acceptances.told(record)

    def _edit(
        self, proposal: Proposal, uri: str, document: Document, version: int | None
    ) -> types.WorkspaceEdit:
        """The edit; where the editor knows annotations it shows where the code is from, and asks."""
        selection = proposal.selection
        place = types.Range(
            start=document.table.position(selection.start), end=document.table.position(selection.end)
        )
        text = proposal.completion.text
        workspace = self._ls.client_capabilities.workspace
        knows = workspace.workspace_edit if workspace else None
        if knows is None or not knows.document_changes or knows.change_annotation_support is None:
            return types.WorkspaceEdit(changes={uri: [types.TextEdit(range=place, new_text=text)]})
        annotation = types.ChangeAnnotation(
            label=proposal.task.headline,
            needs_confirmation=True,
            description=completion_headline(proposal.completion),
        )
        change = types.TextDocumentEdit(
            text_document=types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=version),
            edits=[types.AnnotatedTextEdit(annotation_id=_ANNOTATION, range=place, new_text=text)],
        )
        return types.WorkspaceEdit(document_changes=[change], change_annotations={_ANNOTATION: annotation})

    def _say(self, message: str) -> None:
        """Show a message each time, unlike a notice, which is told once."""
        params = types.ShowMessageParams(type=types.MessageType.Info, message=message)
        self._ls.window_show_message(params)


def _spelled(kind: types.CodeActionKind | str) -> str:
    return kind.value if isinstance(kind, types.CodeActionKind) else kind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What :func:`_arguments` says, as an editor sends it back."""

    task: Task
    uri: str
    place: types.Range
    problems: tuple[str, ...]
    version: int | None
    """Of the document that the range is of; ``None`` where nobody says."""


def _arguments(
    task: Task, uri: str, document: Document, place: types.Range, said: list[str]
) -> dict[str, Any]:
    ends = [[p.line, p.character] for p in (place.start, place.end)]
    return {"task": task.value, "uri": uri, "version": document.version, "range": ends, "problems": said}


def _read(argument: Any) -> _Asked:
    """Read :func:`_arguments` as an editor sends them back; pygls makes objects of what it does not know."""
    value = argument if isinstance(argument, dict) else vars(argument)
    start, end = (types.Position(line=int(line), character=int(column)) for line, column in value["range"])
    version = value.get("version")
    return _Asked(
        task=Task(value["task"]),
        uri=str(value["uri"]),
        place=types.Range(start=start, end=end),
        problems=tuple(map(str, value.get("problems", ()))),
        version=version if isinstance(version, int) else None,
    )
