"""The server never dies of a request: the user is told once, suggestions become empty, it lives on."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from concurrent.futures import Future

import pytest
from lsprotocol import types

from tests.assistant.tiny_gguf import SLOW, write_tiny_gguf
from tests.lsp.conftest import (
    FRESH_BODY,
    FRESH_HEAD,
    KNOWN_FUNCTION,
    SC_ATTRIB,
    base_settings,
    greet,
    make_editor,
    merged,
    until,
    vs_code,
    write_script,
)

pytestmark = pytest.mark.asyncio


async def _assert_alive(editor, workspace) -> None:
    uri = await editor.open(workspace / "alive.py", FRESH_HEAD + "    ")
    [item] = await editor.inline(uri, 1, 4)
    assert item.insert_text == FRESH_BODY.strip()


def _send_raw(editor, body: bytes) -> None:
    editor._server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))


MALFORMED = (
    b"{",
    b"\xff\xfe\x00",
    b"[]",
    b"42",
    b"null",
    b'"text"',
    b'{"jsonrpc": "2.0"}',
    b'{"jsonrpc": "2.0", "method": 7}',
    b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {}}',
    b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": null}',
    b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "nobody"}}',
    b'{"jsonrpc": "2.0", "method": "textDocument/didShowCompletion", "params": {"item": 3}}',
    b'{"jsonrpc": "2.0", "method": "textDocument/didPartiallyAcceptCompletion"}',
    b'{"jsonrpc": "2.0", "id": 1, "result": {"nobody": "asked"}}',
)


async def test_malformed_messages_are_survived_and_told_once(start, workspace):
    async with start() as editor:
        for body in MALFORMED:
            _send_raw(editor, body)
            _send_raw(editor, body)
            await _assert_alive(editor, workspace)
        told = [message.message for message in editor.messages]
        assert len(told) == len(set(told))
        assert all("message from the editor" in sentence for sentence in told)


async def test_garbage_between_messages_is_survived(start, workspace):
    async with start() as editor:
        editor._server.stdin.write(b"Content-Length: many\r\n\r\nnot a header at all\r\n\r\n")
        await _assert_alive(editor, workspace)


async def test_a_request_with_unreadable_parameters_is_answered_with_an_error(start, workspace):
    async with start() as editor:
        answer = editor.protocol._request_futures["bad"] = Future()
        _send_raw(
            editor,
            b'{"jsonrpc": "2.0", "id": "bad", "method": "textDocument/hover", "params": {"position": 1}}',
        )
        with pytest.raises(Exception, match="Invalid Params"):
            async with asyncio.timeout(30):
                await asyncio.wrap_future(answer)
        await _assert_alive(editor, workspace)


async def test_an_unknown_method_is_answered_with_an_error(start, workspace):
    async with start() as editor:
        with pytest.raises(Exception, match="Method Not Found"):
            await editor.protocol.send_request_async("sc-attrib/nonsense", {})
        await _assert_alive(editor, workspace)


async def test_an_unknown_document_gets_no_suggestion_and_is_never_read_from_disk(start, workspace):
    secret = workspace / "secret.py"
    secret.write_text(FRESH_HEAD + "    ")
    async with start() as editor:
        for _ in range(2):
            assert await editor.inline(secret.as_uri(), 1, 4) == []
        assert await editor.hover(secret.as_uri(), 0) is None
        [message] = editor.messages
        assert "not open" in message.message
        _change_unknown_document(editor, secret.as_uri())
        await _assert_alive(editor, workspace)


def _change_unknown_document(editor, uri: str) -> None:
    change = types.TextDocumentContentChangeWholeDocument(text="x")
    identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=1)
    editor.text_document_did_change(
        types.DidChangeTextDocumentParams(text_document=identifier, content_changes=[change])
    )


async def test_a_cursor_beyond_the_end_is_the_end(start, workspace):
    async with start() as editor:
        uri = await editor.open(workspace / "a.py", FRESH_HEAD + "    ")
        for line, character in ((1, 4000), (4000, 0), (4000, 4000)):
            [item] = await editor.inline(uri, line, character)
            assert item.insert_text == FRESH_BODY.strip()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"PK\x03\x04 a zip archive", "not a GGUF file"), (b"", "not a GGUF file"), (None, "no such file")],
)
async def test_a_model_that_is_not_gguf_is_told_once_and_checks_go_on(
    start, workspace, tmp_path, content, sentence
):
    model = tmp_path / "model.gguf"
    if content is not None:
        model.write_bytes(content)
    async with start(settings={"model": {"path": str(model)}}) as editor:
        uri = await editor.open(workspace / "a.py", KNOWN_FUNCTION)
        assert await editor.inline(uri, 1, 4) == []
        assert await editor.inline(uri, 1, 4) == []
        [message] = editor.messages
        assert sentence in message.message
        assert await until(lambda: editor.diagnostics.get(uri))


async def test_a_truncated_model_is_refused_before_llama_cpp_sees_it(start, workspace, tmp_path):
    model = write_tiny_gguf(tmp_path / "model.gguf")
    model.write_bytes(model.read_bytes()[:-100])
    async with start(settings={"model": {"path": str(model)}}) as editor:
        uri = await editor.open(workspace / "a.py", "")
        assert await editor.inline(uri, 0, 0) == []
        assert "truncated" in editor.messages[0].message


async def test_a_missing_index_is_told_once_and_nothing_untraced_is_shown(start, workspace, tmp_path):
    async with start(settings={"trace": {"indexes": [str(tmp_path / "nowhere")]}}) as editor:
        uri = await editor.open(workspace / "a.py", FRESH_HEAD + "    ")
        assert await editor.inline(uri, 1, 4) == []
        assert await editor.inline(uri, 1, 4) == []
        [message] = editor.messages
        assert "nowhere" in message.message


async def test_an_index_that_is_built_later_is_noticed(start, workspace, tmp_path, index):
    """The message says how to build one; whoever does so need not restart anything."""
    later = tmp_path / "later"
    async with start(settings={"trace": {"indexes": [str(later)]}}) as editor:
        uri = await editor.open(workspace / "a.py", FRESH_HEAD + "    ")
        assert await editor.inline(uri, 1, 4) == []
        shutil.copytree(index, later)
        [item] = await editor.inline(uri, 1, 4)
        assert item.command.arguments[0]["traced"]


async def test_untraced_suggestions_say_that_they_are(start, workspace, tmp_path):
    settings = {"trace": {"indexes": [str(tmp_path / "nowhere")], "required": False}}
    async with start(settings=settings) as editor:
        uri = await editor.open(workspace / "a.py", FRESH_HEAD + "    ")
        [item] = await editor.inline(uri, 1, 4)
        assert item.command.arguments[0]["traced"] is False
        assert "not traced" in item.command.title


async def test_a_model_that_fails_while_it_writes_is_told_once(start, workspace, tmp_path):
    model = write_script(tmp_path, {"after": "", "text": "", "error": "the model broke"})
    async with start(settings={"model": {"path": str(model)}}) as editor:
        uri = await editor.open(workspace / "a.py", "x = ")
        for _ in range(3):
            assert await editor.inline(uri, 0, 4) == []
        [message] = editor.messages
        assert "the model broke" in message.message


async def test_a_bad_setting_takes_its_default_and_is_told(start, workspace):
    async with start(settings={"completion": {"maxTokens": "many"}}) as editor:
        await _assert_alive(editor, workspace)
        [message] = editor.messages
        assert "completion.maxTokens" in message.message


async def test_nothing_of_the_workspace_is_imported(start, workspace):
    """A workspace may hold folders with our names, and files with the names of what we import."""
    for name in ("lsp", "assistant", "attribution", "training", "pygls", "llama_cpp"):
        (workspace / name).mkdir()
        (workspace / name / "__init__.py").write_text(f"raise SystemExit('imported {name} of the workspace')")
    for name in ("numpy", "json", "logging", "sitecustomize", "usercustomize"):
        (workspace / f"{name}.py").write_text(f"raise SystemExit('imported {name} of the workspace')")
    async with start() as editor:
        await _assert_alive(editor, workspace)


async def test_nothing_but_the_protocol_reaches_standard_output(tmp_path):
    """Prints of C libraries and of Python alike go to standard error."""
    code = (
        "import ctypes, os, sys\n"
        "from lsp.transport import claim_stdio\n"
        "stdin, stdout = claim_stdio()\n"
        "print('python'); sys.stdout.flush(); ctypes.CDLL(None).puts(b'c'); ctypes.CDLL(None).fflush(None)\n"
        "os.write(1, b'descriptor'); stdout.write(b'protocol:' + stdin.read()); stdout.flush()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=b"in", capture_output=True, timeout=60)
    assert done.stdout == b"protocol:in"
    assert all(word in done.stderr for word in (b"python", b"c\n", b"descriptor"))


async def test_no_code_of_the_user_reaches_the_log(start, workspace, capfd):
    async with start() as editor:
        uri = await editor.open(workspace / "a.py", "password = 'hunter2'  # ")
        _send_raw(editor, b'{"jsonrpc": "2.0", "id": 3, "method": "textDocument/hover", "params": "hunter2"}')
        _send_raw(editor, b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": "hunter2"}')
        await editor.inline(uri, 0, 24)
    assert "hunter2" not in capfd.readouterr().err


async def test_the_server_ends_when_the_editor_is_gone(workspace):
    """A killed editor closes the pipe and says nothing."""
    process = await asyncio.create_subprocess_exec(
        SC_ATTRIB, "lsp", cwd=workspace, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(30):
        _, errors = await process.communicate(b"")
    assert process.returncode == 1, "the editor did not ask for the end"
    assert b"Traceback" not in errors


async def test_a_killed_editor_leaves_no_server_computing(start, workspace, tmp_path):
    """The pipe closes while the model reads a prompt that takes seconds."""
    model = write_tiny_gguf(tmp_path / "slow.gguf", shape=SLOW)
    settings = {"model": {"path": str(model), "threads": 1}, "completion": {"prefixTokens": 8000}}
    async with start(settings=settings) as editor:
        uri = await editor.open(workspace / "a.py", "x = y + 1\n" * 2000)
        await until(
            lambda: any("tiny-random" in p.message for m, p in editor.heard if m == "didChangeStatus")
        )
        request = asyncio.create_task(editor.inline(uri, 1000, 0))
        done, _ = await asyncio.wait([request], timeout=0.3)
        assert not done
        editor._server.stdin.close()
        async with asyncio.timeout(10):
            assert await editor._server.wait() == 1
        with pytest.raises(Exception, match=r"cancel|exited"):
            await request
        editor.capabilities = None  # there is nobody left to say goodbye to


async def test_requests_before_initialize_are_errors_and_nothing_worse(workspace, script, index):
    editor = make_editor()
    await editor.start_io(SC_ATTRIB, "lsp", cwd=workspace)
    editor.capabilities = vs_code()
    with pytest.raises(Exception, match="initialized"):
        await editor.inline((workspace / "a.py").as_uri(), 0, 0)
    await greet(editor, vs_code(), merged(base_settings(script, index), None), workspace)
    await _assert_alive(editor, workspace)
    await editor.shutdown_session()
    await editor.stop()


async def test_one_editor_is_served_over_tcp(workspace, script, index):
    process = await asyncio.create_subprocess_exec(
        SC_ATTRIB, "lsp", "--tcp", "0", cwd=workspace, stderr=subprocess.PIPE
    )
    try:
        said = (await process.stderr.readline()).decode()
        host, port = said.split()[-1].split(":")
        assert host == "127.0.0.1"
        editor = make_editor()
        await editor.start_tcp(host, int(port))
        await greet(editor, vs_code(), merged(base_settings(script, index), None), workspace)
        await _assert_alive(editor, workspace)
        await editor.shutdown_session()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
        editor.protocol.writer.close()
        await editor.stop()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_an_address_that_is_taken_is_one_sentence(workspace):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [SC_ATTRIB, "lsp", "--tcp", address], capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 2
    assert done.stderr.startswith(f"sc-attrib: --tcp {address}: ")
    assert "Traceback" not in done.stderr


async def test_an_address_that_makes_no_sense_is_one_sentence(workspace):
    for address in ("nonsense", "127.0.0.1:99999", "127.0.0.1:"):
        done = subprocess.run(
            [SC_ATTRIB, "lsp", "--tcp", address], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 2
        assert "HOST:PORT" in done.stderr
        assert "Traceback" not in done.stderr


async def test_the_shipped_model_completes_code(start, workspace):
    """No model is configured; what it writes is its own affair, that it is traced is ours."""
    async with start(settings={"model": {"path": ""}, "completion": {"maxTokens": 24}}) as editor:
        uri = await editor.open(
            workspace / "a.py", "import os\n\n\ndef read_text(path):\n    with open(path) as "
        )
        items = await editor.inline(uri, 4, 23)
        assert all(item.command.arguments[0]["traced"] for item in items)
        assert editor.messages == []
        json.dumps([item.command.arguments for item in items])


@pytest.mark.parametrize("path", ["~nobody-of-that-name/index", "a\0b"])
async def test_an_index_path_that_means_nothing_is_told_and_nothing_hangs(start, workspace, path):
    async with start(settings={"trace": {"indexes": [path]}}) as editor:
        uri = await editor.open(workspace / "a.py", FRESH_HEAD + "    ")
        assert await editor.inline(uri, 1, 4) == []
        await until(lambda: editor.messages)


async def test_a_model_path_that_means_nothing_can_be_mended_by_another(start, workspace, script, index):
    async with start(settings={"model": {"path": "~nobody-of-that-name/model.gguf"}}) as editor:
        uri = await editor.open(workspace / "a.py", FRESH_HEAD + "    ")
        assert await editor.inline(uri, 1, 4) == []
        await until(lambda: editor.messages)
        mended = {"sc-attrib": base_settings(script, index)}
        editor.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=mended))
        await _assert_alive(editor, workspace)


async def test_a_model_that_is_replaced_while_it_is_asked_does_not_kill_the_server(
    start, workspace, tmp_path
):
    """The model's memory is freed on its own thread, while requests tokenise on another."""
    model = write_tiny_gguf(tmp_path / "tiny.gguf")
    async with start(settings={"model": {"path": str(model), "threads": 1}}) as editor:
        uri = await editor.open(workspace / "a.py", FRESH_HEAD * 40 + "    ")
        for round_ in range(6):
            asked = asyncio.ensure_future(editor.inline(uri, 40, 4))
            settings = {"sc-attrib": {"model": {"path": str(model), "threads": 1 + round_ % 2}}}
            editor.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=settings))
            async with asyncio.timeout(30):
                await asked
        assert editor._server.returncode is None


async def test_an_index_that_is_shortened_while_it_is_used_is_told(start, workspace, index):
    """Reading a mapped file beyond its new end would end the process with SIGBUS."""
    own = workspace / "index"
    shutil.copytree(index, own)
    async with start(settings={"trace": {"indexes": [str(own)]}}) as editor:
        await _assert_alive(editor, workspace)
        for data in own.rglob("arrays.bin"):
            data.write_bytes(data.read_bytes()[:4096])
        uri = await editor.open(workspace / "b.py", FRESH_HEAD + "    ")
        assert await editor.inline(uri, 1, 4) == []
        assert any("shortened" in message.message for message in editor.messages)
        assert editor._server.returncode is None


async def test_a_position_far_beyond_its_line_is_answered_with_one_inside(start, workspace):
    async with start() as editor:
        uri = await editor.open(workspace / "a.py", FRESH_HEAD + "    ")
        [item] = await editor.inline(uri, 1, 1_000_000)
        assert item.range == types.Range(start=types.Position(1, 4), end=types.Position(1, 4))


async def test_marks_are_on_the_editors_lines_where_carriage_returns_stand_alone(start, workspace):
    async with start() as editor:
        uri = await editor.open(workspace / "a.py", "one = 1\rtwo = 2\r\n\n" + KNOWN_FUNCTION)
        [mark] = await until(lambda: editor.diagnostics.get(uri))
        assert mark.range.start.line == 3
