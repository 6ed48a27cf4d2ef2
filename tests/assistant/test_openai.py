"""What the back end for completion servers promises beyond the common contract."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from assistant.backends.openai import OpenAiBackend
from assistant.backends.text_vocabulary import TextVocabulary
from assistant.config import Backend, ModelSettings
from assistant.errors import BackendError, ModelUnusableError
from assistant.fim import FORMATS, Family
from assistant.models import open_model
from attribution.errors import MissingExtraError
from tests.assistant.servers import KEY, KEY_NAME, free_port, llama_cpp_server, stop_all

MODELS = b'{"object": "list", "data": [{"id": "m", "max_model_len": 300}]}'


@pytest.fixture(scope="module", autouse=True)
def servers():
    yield
    stop_all()


class Scripted:
    """A server that answers each connection with the next of its answers, byte for byte; then closes it."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.requests: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._serve)
        self._done = threading.Event()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._listening.close()
        self._thread.join(timeout=30)

    def _serve(self):
        for answer in self._answers:
            connection, _ = self._listening.accept()
            with connection:
                self.requests.append(self._request(connection))
                connection.sendall(answer)
                if answer.endswith(b"hang"):
                    self._done.wait(30)

    def _request(self, connection) -> bytes:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        wanted = [
            int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        ]
        while len(body) < (wanted or [0])[0]:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body


def answer(body: bytes, *, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def stream(*events: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"
    return head + b"".join(b"data: " + event + b"\n\n" for event in events)


def event(text: str, reason: str = "null") -> bytes:
    return f'{{"choices": [{{"text": "{text}", "finish_reason": {reason}}}]}}'.encode()


async def complete(url: str, **settings) -> bytes:
    backend = OpenAiBackend.open(ModelSettings(url=url, **settings), environment={KEY_NAME: KEY})
    try:
        prompt = backend.tokenize("def f():")
        return b"".join([token.text async for token in backend.generate(prompt, max_tokens=9)])
    finally:
        await backend.close()


async def said_of(*answers: bytes) -> str:
    """The one sentence that comes of a server that answers so when it is asked to complete."""
    with Scripted(answer(MODELS), *answers) as server:
        with pytest.raises(BackendError) as error:
            await complete(server.url)
        said = str(error.value)
        assert server.url in said
        assert "\n" not in said
        assert said.isprintable()
        return said


def refusal(**settings) -> str:
    with pytest.raises(ModelUnusableError) as error:
        OpenAiBackend.open(ModelSettings(**settings), environment={})
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.asyncio
async def test_a_stream_is_read_to_its_end():
    events = stream(event("ret"), b"", event("urn ñ"), event("", '"stop"'), b"[DONE]")
    with Scripted(answer(MODELS), events) as server:
        assert await complete(server.url) == "return ñ".encode()


@pytest.mark.asyncio
async def test_a_server_that_cannot_stream_is_understood():
    with Scripted(answer(MODELS), answer(event("return", '"length"'))) as server:
        assert await complete(server.url) == b"return"


@pytest.mark.asyncio
async def test_a_server_that_dies_mid_stream_is_told():
    assert "ended in the middle of its answer" in await said_of(stream(event("ret")))
    cut = answer(b"data: " + event("ret") + b"\n\n" + b" " * 99, kind="text/event-stream")[:-99]
    assert "middle of its answer" in (said := await said_of(cut)) or "cannot be reached" in said
    assert "cannot be reached" in await said_of(b"")


@pytest.mark.asyncio
async def test_an_error_within_a_stream_is_told():
    said = await said_of(stream(event("ret"), b'{"error": {"message": "out of\\nmemory \\u001b[0m"}}'))
    assert "refuses to complete (out of memory [0m)" in said


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        ("401 Unauthorized", b"{}", "refuses a request without a key; set model.apiKeyEnvironment"),
        ("403 Forbidden", b"<html>", "refuses a request without a key"),
        (
            "404 Not Found",
            b'{"detail": "no such model"}',
            "or has no completions (no such model); set model.name",
        ),
        ("400 Bad Request", b'{"error": {"message": "too long"}}', "refuses to complete (too long)"),
        ("500 Oh", b"\xff\x00", "refuses to complete (status 500)"),
        ("302 Found\r\nLocation: http://127.0.0.1:1/", b"", "sends elsewhere, where nothing is sent"),
        ("200 OK", b"<html>", "does not speak OpenAI's completions protocol"),
        ("200 OK", b"[]", "does not speak OpenAI's completions protocol"),
        ("200 OK", b'{"choices": [{"text": 3}]}', "does not speak OpenAI's completions protocol"),
        ("200 OK", b"[" * 100_000, "does not speak OpenAI's completions protocol"),
    ],
)
async def test_what_a_server_answers_instead_is_one_sentence(status, body, sentence):
    assert sentence in await said_of(answer(body, status=status))


@pytest.mark.asyncio
async def test_a_slow_server_keeps_nobody_waiting_who_gave_up():
    with Scripted(answer(MODELS), stream(event("ret")) + b"hang") as server:
        backend = OpenAiBackend.open(ModelSettings(url=server.url))
        given = []

        async def ask():
            async for token in backend.generate(backend.tokenize("x"), max_tokens=9):
                given.append(token.text)

        task = asyncio.create_task(ask())
        async with asyncio.timeout(30):
            while not given:
                await asyncio.sleep(0.01)
        task.cancel()
        async with asyncio.timeout(5):
            await asyncio.wait([task])
            await backend.close()
        assert given == [b"ret"]


def test_a_server_that_is_not_there_is_told():
    said = refusal(url=f"http://127.0.0.1:{free_port()}/v1")
    assert "cannot be reached (" in said
    assert "start it, or set model.url" in said


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://host/v1", "http://", "http://u:p@host/v1", "http://host:99999/"]
)
def test_what_is_no_address_is_refused_before_anything_is_sent(url):
    assert "set model.url to one such as" in refusal(url=url)


def test_a_key_is_read_from_the_environment_and_must_be_there():
    assert f"variable {KEY_NAME} holds no key" in refusal(
        url="http://127.0.0.1:1/v1", api_key_environment=KEY_NAME
    )


@pytest.mark.asyncio
async def test_only_what_is_needed_is_sent_and_only_to_that_address():
    with Scripted(answer(MODELS), stream(event("x", '"stop"'))) as server:
        await complete(server.url, api_key_environment=KEY_NAME)
        asked, completed = server.requests
    assert asked.startswith(b"GET /v1/models HTTP/1.1\r\n")
    assert completed.startswith(b"POST /v1/completions HTTP/1.1\r\n")
    head, _, body = completed.partition(b"\r\n\r\n")
    names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
    allowed = {b"host", b"accept", b"accept-encoding", b"connection", b"content-type", b"content-length"}
    assert names == allowed | {b"authorization"}
    assert f"Bearer {KEY}".encode() in head
    assert b'"prompt": "def f():"' in body
    assert KEY.encode() not in body


def test_a_name_that_the_server_does_not_know_is_refused_with_those_that_it_knows():
    with Scripted(answer(MODELS)) as server:
        assert "has no model other; set model.name to one of: m" in refusal(url=server.url, name="other")


@pytest.mark.asyncio
async def test_a_server_without_a_list_of_models_needs_a_name():
    missing = answer(b"{}", status="404 Not Found")
    with Scripted(missing) as server:
        assert "set model.name to one that it has" in refusal(url=server.url)
    with Scripted(missing, stream(event("y", '"stop"'))) as server:
        assert await complete(server.url, name="m") == b"y"


def test_a_model_says_how_much_it_holds():
    with Scripted(answer(MODELS)) as server:
        backend = OpenAiBackend.open(ModelSettings(url=server.url))
        assert backend.context_tokens == 300
        assert backend.description == f"m at {server.url}"
        asyncio.run(backend.close())


def test_what_a_server_calls_its_model_stays_on_one_line():
    listed = answer(b'{"data": [{"id": "m\\n\\u001b[31m"}]}')
    with Scripted(listed) as server:
        backend = OpenAiBackend.open(ModelSettings(url=server.url))
        assert backend.description == f"m[31m at {server.url}"
        asyncio.run(backend.close())
    with Scripted(listed) as server:
        assert "one of: m[31m" in refusal(url=server.url, name="other")


def test_ids_need_a_library_that_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"sc-attrib\[transformers\]"):
        OpenAiBackend.open(ModelSettings(url="http://127.0.0.1:1/v1", tokenizer="tokenizer.json"))


@pytest.mark.asyncio
async def test_a_wrong_key_is_refused_by_a_real_server():
    with pytest.raises(ModelUnusableError, match=f"refuses the key in {KEY_NAME}; set"):
        settings = ModelSettings(url=llama_cpp_server(), api_key_environment=KEY_NAME)
        OpenAiBackend.open(settings, environment={KEY_NAME: "wrong"})


@pytest.mark.asyncio
async def test_the_settings_open_a_server(monkeypatch):
    monkeypatch.setenv(KEY_NAME, KEY)
    url = llama_cpp_server()
    backend = open_model(ModelSettings(backend=Backend.OPENAI, url=url, api_key_environment=KEY_NAME))
    assert backend.description.endswith(f" at {url}")
    await backend.close()


@pytest.mark.parametrize("family", Family)
def test_only_control_tokens_that_were_put_in_by_id_reach_a_server_of_text(family):
    """A server that reads text could not tell those of the document apart."""
    vocabulary = TextVocabulary(family)
    ids = vocabulary.fim_ids
    controls = [token for known in FORMATS for token in known.control_tokens]
    hostile = "".join([*controls, "<issue_start><|im_start|><commit_before>"]) + "<div a> <b> x <| y"
    prompt = vocabulary.prompt([ids.fim_prefix, *vocabulary.tokenize(hostile), ids.fim_middle])
    begin, end = ids.format.fim_prefix, ids.format.fim_middle
    assert prompt.startswith(begin)
    assert prompt.endswith(end)
    inner = prompt[len(begin) : -len(end)]
    assert not [
        token for token in [*controls, "<issue_start>", "<|im_start|>", "<commit_before>"] if token in inner
    ]
    assert inner.endswith("<div a> <b> x <| y")
    assert inner.replace("< ", "<").replace("| ", "|") == hostile.replace("< ", "<").replace("| ", "|")


def test_an_id_stands_for_three_bytes():
    vocabulary = TextVocabulary(Family.STARCODER2)
    for text in (b"", b"\0", b"\0\0\0\0", b"abc", bytes(range(256))):
        ids = vocabulary.ids_of(text)
        assert len(ids) == -(-len(text) // 3)
        assert b"".join(map(vocabulary.piece, ids)) == text
