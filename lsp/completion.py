"""Suggestions: inline where the editor shows ghost text, in the completion list where it does not."""

from __future__ import annotations

import contextlib
import logging
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from assistant.completion import Completion, CompletionRequest, Trigger
from assistant.provenance import completion_as_json
from attribution.errors import ScAttribError
from lsp.positions import column
from lsp.provenance import completion_headline, match_as_markdown

if TYPE_CHECKING:
    from lsp.documents import Document
    from lsp.server import Server

_log = logging.getLogger(__name__)

ACCEPTED = "sc-attrib.accepted"
"""Command that an editor runs when a suggestion is taken; its argument is the provenance."""
DID_SHOW = "textDocument/didShowCompletion"
DID_PARTIALLY_ACCEPT = "textDocument/didPartiallyAcceptCompletion"
DID_WITHHOLD = "sc-attrib/didWithholdCompletion"
_TRIGGER_CHARACTERS = [".", "(", "=", ":"]
_SORTED_FIRST = "!"
_INDENTING = frozenset(("helix",))
"""Editors that indent the further lines of a list item like its first, whatever its insertTextMode asks."""
_WORD_BEFORE = re.compile(r"\w*$")


def register(server: Server) -> None:
    """Add the handlers."""
    server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())(inline_completion)
    options = types.CompletionOptions(trigger_characters=_TRIGGER_CHARACTERS)
    server.feature(types.TEXT_DOCUMENT_COMPLETION, options)(list_completion)
    server.feature(DID_SHOW)(did_show)
    server.feature(DID_PARTIALLY_ACCEPT)(did_partially_accept)

    # A closure, because pygls resolves the annotations of commands, and Server is not known here.
    @server.command(ACCEPTED)
    def accepted(*arguments: Any) -> None:
        completion_id = _id_in(arguments[0] if arguments else None)
        record = server.engine.records.mark_accepted(completion_id)
        if record is not None:
            server.acceptances.told(record)
            server.session.accepted(completion_id, partial(suggest, server))


async def inline_completion(ls: Server, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """Suggest code at the cursor; where the user asked for it, several different suggestions."""
    selected = params.context.selected_completion_info
    replaced = selected.range if selected else types.Range(start=params.position, end=params.position)
    document = ls.document(params.text_document.uri)
    if document is not None:
        replaced = document.table.clipped(replaced)
    chosen = selected.text if selected else ""
    invoked = params.context.trigger_kind is types.InlineCompletionTriggerKind.Invoked
    completions = await _complete(ls, params.text_document.uri, replaced, chosen, invoked=invoked)
    items = [
        types.InlineCompletionItem(
            insert_text=chosen + completion.text,
            range=replaced,
            command=_accept_command(completion),
        )
        for completion in completions
    ]
    return types.InlineCompletionList(items=items)


async def list_completion(ls: Server, params: types.CompletionParams) -> types.CompletionList:
    """Suggest code in the completion list of an editor without inline completion."""
    document = ls.document(params.text_document.uri)
    if document is None or _shows_inline(ls):
        return types.CompletionList(is_incomplete=True, items=[])
    here = types.Range(start=params.position, end=params.position)
    completions = await _complete(ls, params.text_document.uri, here, "", invoked=False)
    indents = ls.client_name in _INDENTING
    items = [_list_item(one, document, params.position, indents=indents) for one in completions]
    return types.CompletionList(is_incomplete=True, items=items)


def _shows_inline(ls: Server) -> bool:
    text_document = ls.client_capabilities.text_document
    return text_document is not None and text_document.inline_completion is not None


async def _complete(
    ls: Server, uri: str, replaced: types.Range, chosen: str, *, invoked: bool
) -> list[Completion]:
    """Make suggestions in place of a range, those that may be shown; several if they were asked for.

    Whatever goes wrong is told once, and is an empty answer.
    """
    document = ls.document(uri)
    if document is None:
        ls.notices.tell(
            "A suggestion was asked for in a file that is not open; the editor must open it first"
        )
        return []
    try:
        version = document.version
        request = _request(document, replaced, chosen, invoked=invoked)
        completions = await ls.latest.run(uri, _make(ls, request, document))
    except ScAttribError as error:
        ls.notices.tell(f"No suggestion could be made: {error}")
        return []
    except Exception as error:
        _log.debug("a completion failed", exc_info=error)
        ls.notices.tell(f"No suggestion could be made ({type(error).__name__}); see the log at level debug")
        return []
    if not completions or document.version != version:
        return []
    return _offer(ls, uri, request, completions)


async def _make(ls: Server, request: CompletionRequest, document: Document) -> list[Completion]:
    """Make the suggestion for a request, and others beside it where the user asked.

    The model is waited for first: the time that it takes to load says nothing of how long it takes to answer.
    """
    service = await ls.engine.service()
    if service is None:
        return []
    request = await ls.surroundings.gather(request, document)
    first = await ls.session.complete(request, service.complete)
    made = [] if first is None else [first]
    if request.trigger is Trigger.INVOKED:
        with contextlib.suppress(ScAttribError):  # the first stands; told when it fails by itself
            others = await service.alternatives(request, beside=first)
            ls.session.remember(request, [*others, *made])
            made += others
    return made


def _offer(
    ls: Server, uri: str, request: CompletionRequest, completions: list[Completion]
) -> list[Completion]:
    """Answer those that may be shown, and have them watched; say why the others may not."""
    for completion in completions:
        if completion.is_withheld:
            _tell_withheld(ls, uri, completion)
    shown = [completion for completion in completions if not completion.is_withheld]
    for completion in shown[1:]:
        ls.acceptances.propose(request, completion)
    for completion in shown[:1]:
        ls.acceptances.offer(uri, request, completion)
    return shown


async def suggest(ls: Server, request: CompletionRequest) -> Completion | None:
    """Ask the model, once it is there."""
    service = await ls.engine.service()
    return await service.complete(request) if service else None


def _request(document: Document, replaced: types.Range, chosen: str, *, invoked: bool) -> CompletionRequest:
    """Describe the document as it would be with the list's chosen word in it."""
    start, end = document.table.offset(replaced.start), document.table.offset(replaced.end)
    text = document.source
    return CompletionRequest(
        text=text[:start] + chosen + text[max(start, end) :],
        offset=start + len(chosen),
        path=document.path,
        trigger=Trigger.INVOKED if invoked else Trigger.AUTOMATIC,
    )


def _tell_withheld(ls: Server, uri: str, completion: Completion) -> None:
    """Say that a suggestion was withheld, and why."""
    ls.notices.log(completion.ruling.reason)
    ls.protocol.notify(DID_WITHHOLD, {"uri": uri, **completion_as_json(completion)})


def _accept_command(completion: Completion) -> types.Command:
    return types.Command(
        title=completion_headline(completion),
        command=ACCEPTED,
        arguments=[completion_as_json(completion)],
    )


def _list_item(
    completion: Completion, document: Document, position: types.Position, *, indents: bool
) -> types.CompletionItem:
    """Make a list item that begins with the word before the cursor, so that the editor keeps it."""
    line = document.table.line(position.line)
    margin = line[: len(line) - len(line.lstrip())] if indents else ""
    before = line[: column(line, position.character, document.encoding)]
    word = _WORD_BEFORE.search(before)
    typed = word[0] if word else ""
    start = document.table.position(document.table.offset(position) - len(typed))
    first_line = completion.text.strip().split("\n", 1)[0]
    notes = [f"```{document.language_id or ''}\n{typed}{completion.text}\n```"]
    notes += [match_as_markdown(match) for match in completion.ruling.matches[:1]]
    return types.CompletionItem(
        label=typed + first_line,
        kind=types.CompletionItemKind.Snippet,
        detail=completion_headline(completion),
        documentation=types.MarkupContent(kind=types.MarkupKind.Markdown, value="\n\n".join(notes)),
        sort_text=_SORTED_FIRST,
        filter_text=typed + first_line,
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,  # its lines are indented as they belong
        text_edit=types.TextEdit(
            range=types.Range(start=start, end=position),
            new_text=typed + completion.text.replace(f"\n{margin}", "\n"),
        ),
        command=_accept_command(completion),
    )


def did_show(ls: Server, params: Any) -> None:
    """Note that a suggestion was shown: ``{"item": …}``."""
    ls.engine.records.mark_shown(_id_of_item(params))


def did_partially_accept(ls: Server, params: Any) -> None:
    """Note that the start of a suggestion was taken: ``{"item": …, "acceptedLength": …}``.

    The length counts UTF-16 code units from the start of the item's ``insertText``, which begins with what
    the completion list had selected.
    """
    record = ls.engine.records.find(_id_of_item(params))
    length = getattr(params, "acceptedLength", None)
    if record is None or not isinstance(length, int):
        return
    inserted = getattr(params.item, "insertText", None)
    text = record.completion.text
    whole = inserted if isinstance(inserted, str) and inserted.endswith(text) else text
    characters = column(whole, length, types.PositionEncodingKind.Utf16) - (len(whole) - len(text))
    taken = ls.engine.records.mark_accepted(record.completion.id, characters=characters)
    if taken is not None:
        ls.acceptances.told(taken)


def _id_of_item(params: Any) -> str:
    """Find the id in an item that an editor sends back; pygls makes objects of messages it does not know."""
    command = getattr(getattr(params, "item", None), "command", None)
    arguments = getattr(command, "arguments", None)
    return _id_in(arguments[0]) if isinstance(arguments, list) and arguments else ""


def _id_in(provenance: Any) -> str:
    found = provenance.get("id") if isinstance(provenance, dict) else getattr(provenance, "id", None)
    return found if isinstance(found, str) else ""
