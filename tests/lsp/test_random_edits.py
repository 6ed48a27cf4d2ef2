"""A day of random edits: whatever an editor does, in whatever order, its texts and the server's stay equal.

A server runs in this process, behind a real socket, so that its texts can be looked into. A few hundred steps
are taken in every run of the suite; ``SC_ATTRIB_RANDOM_STEPS=20000`` takes that many, and also wants the
memory of the server to be flat.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import re
import socket
import threading
import tracemalloc
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from lsprotocol import types
from pygls.io_ import run_async

from lsp.server import Server, create_server
from tests.lsp.conftest import (
    FRESH_HEAD,
    KNOWN_HEAD,
    OTHER_HEAD,
    base_settings,
    greet,
    make_editor,
    vs_code,
    write_script,
)

STEPS = int(os.environ.get("SC_ATTRIB_RANDOM_STEPS", "0"))
STEPS_OF_AN_EXAMPLE = 60
FLAT_BYTES = 1_000_000
PATIENCE_S = 60.0
SERVER_CODE = ("*/lsp/*", "*/assistant/*", "*/attribution/*", "*/pygls/*", "*/lsprotocol/*", "*/json/*")
QUIET = logging.getLogger("random-edits")
"""For the editor's library, which complains of every answer to what was cancelled."""
QUIET.disabled = True
UNIT_BYTES = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
LINE_END = re.compile(r"\r\n|\n|\r")

fragments = st.sampled_from(
    [*"x= ()\t\r\n\x0c\u2028é\N{DUCK}", "\r\n", "    ", "def f():\n    ", "slow = ", "x" * 10_000]
    + [head + "    " for head in (KNOWN_HEAD, OTHER_HEAD, FRESH_HEAD)]
)
texts = st.lists(fragments, max_size=4).map("".join)
places = st.floats(0, 1)
numbers = st.integers(0, 5)
changes_of_settings = st.fixed_dictionaries(
    {},
    optional={
        "completion": st.fixed_dictionaries(
            {},
            optional={
                "enabled": st.sampled_from([True, True, False, "perhaps"]),
                "maxLines": st.sampled_from([1, 24, -1]),
                "maxTokens": st.sampled_from([3, 96]),
                "candidates": st.integers(1, 3),
                "prefetch": st.booleans(),
                "lines": st.sampled_from(["auto", "single", "multiple"]),
                "timeoutMs": st.sampled_from([50, 4000]),
            },
        ),
        "model": st.fixed_dictionaries({}, optional={"contextTokens": st.sampled_from([0, 2048])}),
        "ledger": st.fixed_dictionaries({}, optional={"enabled": st.booleans()}),
        "diagnostics": st.fixed_dictionaries({}, optional={"enabled": st.booleans()}),
    },
)


@dataclass(slots=True, kw_only=True)
class Text:
    """What the editor holds: the model that the server is compared with."""

    text: str
    version: int = 1
    items: list[types.InlineCompletionItem] = field(default_factory=list)

    def offset(self, place: float) -> int:
        """A place where an editor's cursor can be: never between CR and LF."""
        offset = round(place * len(self.text))
        return offset - (offset > 0 and self.text[offset - 1 : offset + 1] == "\r\n")

    def position(self, offset: int, encoding: str) -> types.Position:
        codec, size = UNIT_BYTES[encoding]
        lines = LINE_END.split(self.text[:offset])
        return types.Position(line=len(lines) - 1, character=len(lines[-1].encode(codec)) // size)


class House:
    """A server, an editor that is connected with it, and the loop that both live in."""

    def __init__(self, encoding: str, options: dict[str, Any], workspace: Path) -> None:
        self.encoding, self.options, self.workspace = encoding, options, workspace
        self.loop = asyncio.new_event_loop()
        self.server: Server = create_server()
        self.editor = make_editor()
        self.wires: list[asyncio.Task[None]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.steps = 0
        self.run(self._connect())

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(work, PATIENCE_S))

    async def _connect(self) -> None:
        for end, speaker in zip(socket.socketpair(), (self.server, self.editor), strict=True):
            reader, writer = await asyncio.open_connection(sock=end)
            self.writers.append(writer)
            speaker.protocol.set_writer(writer)
            reading = run_async(threading.Event(), reader, speaker.protocol, logger=QUIET)
            self.wires.append(asyncio.create_task(reading))
        capabilities = vs_code()
        capabilities.general.position_encodings = [types.PositionEncodingKind(self.encoding)]
        answer = await greet(self.editor, capabilities, self.options, self.workspace)
        assert answer.capabilities.position_encoding == self.encoding

    def configure(self, changes: dict[str, Any]) -> None:
        wanted = {
            key: {**self.options.get(key, {}), **changes.get(key, {})} for key in {*self.options, *changes}
        }
        self.editor.set_configuration({"sc-attrib": wanted})
        self.editor.workspace_did_change_configuration(
            types.DidChangeConfigurationParams(settings={"sc-attrib": wanted})
        )

    def forget_what_was_heard(self) -> None:
        for remembered in (self.editor.messages, self.editor.log_messages, self.editor.heard):
            remembered.clear()
        self.editor.diagnostics.clear()

    def close(self) -> None:
        self.loop.run_until_complete(self._leave())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    async def _leave(self) -> None:
        await self.editor.shutdown_async(None)
        for writer in self.writers:
            writer.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Edits(RuleBasedStateMachine):
    """What editors do. One server for each encoding serves all examples."""

    houses: dict[str, House]
    options: dict[str, Any]
    workspace: Path
    documents = requests = 0

    @initialize(encoding=st.sampled_from(list(UNIT_BYTES)))
    def enter(self, encoding: str) -> None:
        if encoding not in self.houses:
            self.houses[encoding] = House(encoding, self.options, self.workspace)
        self.house = self.houses[encoding]
        self.open_texts: dict[str, Text] = {}
        self.running: dict[str, asyncio.Future[Any]] = {}
        self.house.configure({})
        self.open("")

    @rule(text=texts)
    def open(self, text: str) -> None:
        if len(self.open_texts) == 3:
            return
        Edits.documents += 1
        path = self.workspace / f"file{Edits.documents}.py"
        self.house.run(self.house.editor.open(path, text))
        self.open_texts[path.as_uri()] = Text(text=text)

    @rule(which=numbers, save=st.booleans())
    def close_or_save(self, which: int, save: bool) -> None:
        if (uri := self._uri(which)) is None:
            return
        identifier = types.TextDocumentIdentifier(uri=uri)
        if save:
            self.house.editor.text_document_did_save(types.DidSaveTextDocumentParams(identifier))
            return
        self.house.editor.text_document_did_close(types.DidCloseTextDocumentParams(identifier))
        del self.open_texts[uri]

    @rule(which=numbers, at=places, length=st.sampled_from([0, 0, 0, 1, 3, 40]), text=texts)
    def edit(self, which: int, at: float, length: int, text: str) -> None:
        if (uri := self._uri(which)) is not None:
            document = self.open_texts[uri]
            start = document.offset(at)
            end = min(len(document.text), start + length)
            end -= document.text[end - 1 : end + 1] == "\r\n" and end > start
            self._replace(uri, start, end, text)

    @rule(which=numbers, text=texts)
    def replace_all(self, which: int, text: str) -> None:
        if (uri := self._uri(which)) is not None:
            self._change(uri, types.TextDocumentContentChangeWholeDocument(text=text), text)

    @rule(which=numbers, at=places, invoked=st.booleans(), beyond=st.booleans())
    def ask(self, which: int, at: float, invoked: bool, beyond: bool) -> None:
        if (uri := self._uri(which)) is None:
            return
        items = self.house.run(self._request(uri, at, invoked=invoked, beyond=beyond)).items
        document = self.open_texts[uri]
        assert len({item.insert_text for item in items}) == len(items)
        for item in items:
            assert item.insert_text.strip()
            assert item.range.start.line <= len(LINE_END.split(document.text))
        document.items = list(items)

    @rule(which=numbers)
    def ask_at_the_end(self, which: int) -> None:
        self.ask(which, 1.0, False, False)

    @rule(which=numbers, at=places, invoked=st.booleans())
    def ask_without_waiting(self, which: int, at: float, invoked: bool) -> None:
        uri = self._uri(which) or (self.workspace / "closed.py").as_uri()

        async def send() -> None:
            request = self._request(uri, at, invoked=invoked, beyond=False)
            running = asyncio.ensure_future(request)
            await asyncio.sleep(0)
            self.running[f"request-{Edits.requests}"] = running

        self.house.run(send())

    @rule(which=numbers)
    def cancel(self, which: int) -> None:
        if self.running:
            chosen = list(self.running)[which % len(self.running)]
            self.house.editor.cancel_request(types.CancelParams(chosen))

    @rule(which=numbers, at=places)
    def hover(self, which: int, at: float) -> None:
        if (uri := self._uri(which)) is not None:
            document = self.open_texts[uri]
            line = document.position(document.offset(at), self.house.encoding).line
            self.house.run(self.house.editor.hover(uri, line))

    @rule(which=numbers, chosen=numbers, tells=st.booleans())
    def accept(self, which: int, chosen: int, tells: bool) -> None:
        uri = self._uri(which)
        if uri is None or not (items := self.open_texts[uri].items):
            return
        item = items[chosen % len(items)]
        offset = self._offset(uri, item.range.start)
        self._replace(uri, offset, offset, item.insert_text)
        if tells:
            command = types.ExecuteCommandParams(
                command=item.command.command, arguments=item.command.arguments
            )
            self.house.run(self.house.editor.workspace_execute_command_async(command))

    @rule(which=numbers, length=st.integers(1, 4))
    def type_along(self, which: int, length: int) -> None:
        uri = self._uri(which)
        if uri is None or not (items := self.open_texts[uri].items):
            return
        item = items[0]
        offset = self._offset(uri, item.range.start)
        typed = item.insert_text[:length].removesuffix("\r")
        self._replace(uri, offset, offset, typed)
        place = (offset + len(typed)) / max(1, len(self.open_texts[uri].text))
        self.ask(which, place, False, False)

    @rule(changes=changes_of_settings)
    def change_settings(self, changes: dict[str, Any]) -> None:
        self.house.configure(changes)

    @invariant()
    def texts_are_equal(self) -> None:
        self.house.steps += 1
        self.house.run(self._until_equal())
        assert not any(wire.done() for wire in self.house.wires), "the connection broke"
        told = [message.message for message in self.house.editor.messages]
        assert not [sentence for sentence in told if "could not be" in sentence], told

    def teardown(self) -> None:
        if not hasattr(self, "house"):
            return
        for request in self.running:
            self.house.editor.cancel_request(types.CancelParams(request))
        while self.open_texts:
            self.close_or_save(0, False)
        self.house.run(self._until_equal())
        self.house.run(self._all_answered())
        self.house.run(self._until_all_is_forgotten())

    async def _all_answered(self) -> None:
        await asyncio.gather(*self.running.values(), return_exceptions=True)

    async def _until_all_is_forgotten(self) -> None:
        kept = self.house.server.protocol._request_futures
        for _ in range(2000):
            if not kept:
                return
            await asyncio.sleep(0.001)
        assert not kept, "what was handled is remembered"

    async def _until_equal(self) -> None:
        server = self.house.server
        wanted = {uri: text.text for uri, text in self.open_texts.items()}
        for _ in range(2000):
            held = {document.uri: document.source for document in server.documents()}
            if held == wanted:
                return
            await asyncio.sleep(0.001)
        assert held == wanted

    def _uri(self, which: int) -> str | None:
        uris = list(self.open_texts)
        return uris[which % len(uris)] if uris else None

    def _offset(self, uri: str, position: types.Position) -> int:
        document, encoding = self.open_texts[uri], self.house.encoding
        lines = [0, *(end.end() for end in LINE_END.finditer(document.text))]
        start = lines[min(position.line, len(lines) - 1)]
        codec, size = UNIT_BYTES[encoding]
        line = LINE_END.split(document.text[start:])[0].encode(codec)
        return start + len(line[: position.character * size].decode(codec, "ignore"))

    def _replace(self, uri: str, start: int, end: int, text: str) -> None:
        document, encoding = self.open_texts[uri], self.house.encoding
        span = types.Range(document.position(start, encoding), document.position(end, encoding))
        change = types.TextDocumentContentChangePartial(range=span, text=text)
        self._change(uri, change, document.text[:start] + text + document.text[end:])

    def _change(self, uri: str, change: types.TextDocumentContentChangeEvent, text: str) -> None:
        document = self.open_texts[uri]
        document.text, document.version, document.items = text, document.version + 1, []
        identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=document.version)
        self.house.editor.text_document_did_change(
            types.DidChangeTextDocumentParams(text_document=identifier, content_changes=[change])
        )

    async def _request(self, uri: str, at: float, *, invoked: bool, beyond: bool) -> Any:
        position = types.Position(line=10**6 * beyond, character=10**6)
        if (document := self.open_texts.get(uri)) is not None and not beyond:
            position = document.position(document.offset(at), self.house.encoding)
        kinds = types.InlineCompletionTriggerKind
        params = types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri=uri),
            position=position,
            context=types.InlineCompletionContext(kinds.Invoked if invoked else kinds.Automatic),
        )
        Edits.requests += 1
        answer = await self.house.editor.protocol.send_request_async(
            types.TEXT_DOCUMENT_INLINE_COMPLETION, params, msg_id=f"request-{Edits.requests}"
        )
        return answer or types.InlineCompletionList(items=[])


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A model that copies, invents, is slow, writes beyond ASCII, or fails."""
    from tests.lsp.conftest import FRESH_BODY, KNOWN_BODY, OTHER_BODY

    return write_script(
        tmp_path,
        {"after": KNOWN_HEAD + "    ", "text": KNOWN_BODY.lstrip(), "others": ["pass", "return 1"]},
        {"after": OTHER_HEAD + "    ", "text": OTHER_BODY.lstrip()},
        {"after": FRESH_HEAD + "    ", "text": FRESH_BODY.lstrip()},
        {"after": "slow = ", "text": "1 + " * 20, "delay_ms": 2},
        {"after": "\n", "text": "é = '\N{DUCK}'\n    return é\n"},
        {"after": "", "text": "call(a)\nb = 2", "others": ["call(b)", "x"]},
    )


@pytest.fixture
def machine(script, index, workspace, tmp_path, monkeypatch):
    """The machine, and at its end the servers that it started."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    Edits.houses, Edits.workspace, Edits.options = {}, workspace, base_settings(script, index)
    yield Edits
    for house in Edits.houses.values():
        house.close()


def wander(machine, *, examples: int) -> int:
    """Take random steps; answer how many were taken in all so far."""
    wanted = settings(
        max_examples=examples,
        stateful_step_count=STEPS_OF_AN_EXAMPLE,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=wanted)
    return sum(house.steps for house in machine.houses.values())


def held_by_the_server() -> tracemalloc.Snapshot:
    """What the code of the server holds; what the machine and Hypothesis hold does not count."""
    gc.collect()
    filters = [tracemalloc.Filter(True, pattern) for pattern in SERVER_CODE]
    return tracemalloc.take_snapshot().filter_traces([*filters, tracemalloc.Filter(False, "*/tests/*")])


def test_whatever_an_editor_does_its_texts_and_the_servers_stay_equal(machine):
    if not STEPS:
        assert wander(machine, examples=8) > 200
        return
    tracemalloc.start()
    steps, half = 0, None
    sizes: list[int] = []
    while steps < STEPS:
        steps = wander(machine, examples=20)
        for house in machine.houses.values():
            house.forget_what_was_heard()
        held = held_by_the_server()
        half = held if half is None or steps < STEPS / 2 else half
        sizes.append(sum(trace.size for trace in held.traces))
        print(f"{steps} steps, {sizes[-1] / 1e6:.2f} MB held by the server", flush=True)
    tracemalloc.stop()
    grown = "\n".join(map(str, held.compare_to(half, "lineno")[:8]))
    quarter = len(sizes) // 4
    before, after = (fmean(part) for part in (sizes[-2 * quarter : -quarter], sizes[-quarter:]))
    assert after < before + FLAT_BYTES, f"memory grows from the third quarter to the last\n{grown}"
