"""Sees which suggestions are accepted, and has them written into the workspace's ledger."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.completion import Completion, CompletionRequest, Record
from assistant.errors import AssistantError
from assistant.ledger.acceptance import Acceptance, Place, ToldBy, accept, path_in
from assistant.ledger.place import ledger_path
from assistant.ledger.sketch import CONTEXT_LINES
from lsp.completion import suggest
from lsp.positions import line_feeds_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from lsp.server import Server

_log = logging.getLogger(__name__)

_MAX_OFFERS = 512
_MAX_WAITING = 1000
"""Acceptances that are kept in memory while the ledger cannot be written."""
_ANCHOR_CHARACTERS = 120
_MOVED_CHARACTERS = 100_000
"""How far edits above a suggestion may move it before it is lost sight of."""
_SURROUNDING_LINES = 3 * CONTEXT_LINES
_MAX_SURROUNDING_CHARACTERS = 4_096
_LEAST_TAKEN = 4
"""Characters that must come at once to be an acceptance rather than typing and closing brackets."""
_WORD = re.compile(r"\w")


@dataclass(slots=True, kw_only=True)
class _Offer:
    """A suggestion that the editor was given, until it is taken or the document goes another way."""

    completion: Completion
    path: str
    """As the editor names it."""
    line: int
    before: str
    after: str
    offset: int
    agreed: int = 0
    """Characters of it that already stand in the document."""

    @property
    def anchor(self) -> str:
        """What stands before it."""
        return self.before[-_ANCHOR_CHARACTERS:]

    def agreement(self, text: str) -> int | None:
        """How much of it stands in a document; ``None`` where its place is not found any more."""
        start = self.offset - len(self.anchor)
        if not text.startswith(self.anchor, max(0, start)):
            low, high = self.offset - _MOVED_CHARACTERS, self.offset + _MOVED_CHARACTERS
            start = text.rfind(self.anchor, max(0, low), max(0, high))
            if start < 0:
                return None
            self.offset = start + len(self.anchor)
        there = text[self.offset : self.offset + len(self.completion.text)]
        pairs = enumerate(zip(there, self.completion.text, strict=False))
        return next((position for position, (a, b) in pairs if a != b), len(there))

    def is_taken(self, agreed: int) -> bool:
        """Whether what came at once is an acceptance: to the end of a line at least, and not a bracket."""
        came = self.completion.text[self.agreed : agreed]
        ends = self.completion.text[agreed : agreed + 1] in ("", "\n")
        is_whole = self.agreed == 0 and agreed == len(self.completion.text) and len(came) > 1
        return ends and _WORD.search(came) is not None and (is_whole or len(came) >= _LEAST_TAKEN)


class Acceptances:
    """The suggestions that were offered, and the ledger of those that were taken."""

    def __init__(self, ls: Server) -> None:
        self._ls = ls
        self._offers: OrderedDict[str, _Offer] = OrderedDict()
        """By the suggestion's id; the oldest leave first."""
        self._latest: dict[str, _Offer] = {}
        """The last one of each document."""
        self._written: dict[str, tuple[int, ToldBy]] = {}
        self._writer = _Writer(tell=ls.notices.tell)

    def offer(self, uri: str, request: CompletionRequest, completion: Completion) -> None:
        """Remember where a suggestion was made, and watch whether the editor puts it there."""
        self.propose(request, completion)
        if completion.id in self._offers:
            self._latest[uri] = self._offers[completion.id]

    def propose(self, request: CompletionRequest, completion: Completion) -> None:
        """Remember where a suggestion was made; whether it is taken will be told."""
        if not self._ls.settings.assistant.ledger.enabled:
            return
        self._offers[completion.id] = _Offer(
            completion=completion,
            path=request.path,
            line=line_feeds_only(request.prefix).count("\n") + 1,
            before=_last_lines(request.prefix),
            after=_first_lines(request.suffix),
            offset=len(request.prefix),
        )
        while len(self._offers) > _MAX_OFFERS:
            self._written.pop(self._offers.popitem(last=False)[0], None)

    def told(self, record: Record) -> None:
        """The editor says that a suggestion was taken, or a part of it."""
        offer = self._offers.get(record.completion.id)
        if offer is not None:
            self._take(offer, record.accepted_characters, ToldBy.EDITOR)

    def changed(self, uri: str) -> None:
        """Look whether an edit put the suggestion into the document."""
        offer, document = self._latest.get(uri), self._ls.document(uri)
        if offer is None or document is None:
            return
        agreed = offer.agreement(document.source)
        if agreed is None or agreed < offer.agreed:
            del self._latest[uri]
            return
        if offer.is_taken(agreed):
            self._ls.engine.records.mark_accepted(offer.completion.id, characters=agreed)
            self._take(offer, agreed, ToldBy.CHANGE)
            if agreed == len(offer.completion.text):
                self._ls.session.accepted(offer.completion.id, partial(suggest, self._ls))
        offer.agreed = agreed

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._latest.pop(uri, None)

    def _take(self, offer: _Offer, characters: int, told_by: ToldBy) -> None:
        known = self._written.get(offer.completion.id, (0, told_by))
        if characters < known[0] or (characters, told_by) == known or characters == 0:
            return
        self._written[offer.completion.id] = characters, told_by
        workspace = self._ls.root_of(offer.path) or Path.cwd()
        place = Place(
            path=path_in(workspace, offer.path),
            line=offer.line,
            before=line_feeds_only(offer.before),
            after=line_feeds_only(offer.after),
        )
        make = partial(accept, offer.completion, place, characters=characters, told_by=told_by)
        self._writer.write(workspace, make)

    async def close(self) -> None:
        """Wait until everything is written."""
        await self._writer.close()


class _Writer:
    """Writes in a thread of its own; what cannot be written is told once, and waits for better times."""

    def __init__(self, *, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._waiting: list[tuple[Path, Acceptance]] = []

    def write(self, workspace: Path, make: Callable[[], Acceptance]) -> None:
        """Write an acceptance soon."""
        loop = asyncio.get_running_loop()

        def tell(sentence: str) -> None:
            loop.call_soon_threadsafe(self._tell, sentence)

        self._thread.submit(self._work, workspace, make, tell)

    async def close(self) -> None:
        """Write what is under way."""
        await asyncio.to_thread(self._thread.shutdown)

    def _work(self, workspace: Path, make: Callable[[], Acceptance], tell: Callable[[str], None]) -> None:
        try:
            self._waiting.append((workspace, make()))
            while self._waiting:
                self._append_first(tell)
        except AssistantError as error:
            del self._waiting[:-_MAX_WAITING]
            tell(f"An accepted suggestion could not be written down yet: {error}; suggestions go on")
        except Exception as error:
            _log.debug("an acceptance could not be written", exc_info=error)
            tell(f"An accepted suggestion could not be written down ({type(error).__name__})")

    def _append_first(self, tell: Callable[[str], None]) -> None:
        """Write the first one that waits; it goes on waiting where better times may come, and only there."""
        workspace, acceptance = self._waiting.pop(0)
        try:
            self._append(workspace, acceptance, tell)
        except AssistantError:
            self._waiting.insert(0, (workspace, acceptance))
            raise

    def _append(self, workspace: Path, acceptance: Acceptance, tell: Callable[[str], None]) -> None:
        """Open the file for this row alone: it may be put aside, deleted or moved at any time."""
        from assistant.ledger.store import Ledger

        ledger = Ledger.open(ledger_path(workspace), tell=tell)
        try:
            ledger.append(acceptance)
        finally:
            ledger.close()


def _last_lines(text: str) -> str:
    start = len(text)
    for _ in range(_SURROUNDING_LINES + 1):
        start = text.rfind("\n", 0, start)
        if start < 0:
            break
    return text[max(start + 1, len(text) - _MAX_SURROUNDING_CHARACTERS) :]


def _first_lines(text: str) -> str:
    end = -1
    for _ in range(_SURROUNDING_LINES + 1):
        end = text.find("\n", end + 1)
        if end < 0:
            end = len(text)
            break
    return text[: min(end, _MAX_SURROUNDING_CHARACTERS)]
