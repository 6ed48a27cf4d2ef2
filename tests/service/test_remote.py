"""An index behind an address is asked like one in a folder, and answers the same."""

from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.errors import IndexRefusedError, IndexUnreachableError, UnreadableInputError, UsageError
from attribution.index.builder import build_index
from attribution.index.index import Index
from attribution.index.protocol import Wanted
from attribution.languages import language_named
from attribution.library import EmbeddedLibrary
from attribution.model import License, Origin, SourceFile
from attribution.opening import open_libraries
from attribution.query import Query
from attribution.remote import wire
from attribution.remote.address import IndexAddress, index_place
from attribution.remote.connections import Connections
from attribution.remote.library import RemoteLibrary
from attribution.service.settings import Limits
from attribution.sources.packages import read_packages
from attribution.span import Span
from attribution.trace import EVERY_LANE, Tracer
from tests.service.conftest import GPL_CODE
from tests.service.serving import SC_ATTRIB, TOKEN, commanded, served


def address_of(service) -> IndexAddress:
    return IndexAddress.parse(service.url)


@pytest.fixture(scope="module")
def queries(known_files) -> list[bytes]:
    """Known code, edited and renamed code, code of others, and bytes of all kinds."""
    found = []
    for file in known_files[::3]:
        rows = file.content.splitlines(keepends=True)
        found.append(b"".join(rows[10:60]))
        found.append(b"".join(row for n, row in enumerate(rows[:120]) if n % 6))
    found.append(GPL_CODE.replace(b"harbour", b"port").replace(b"day", b"hour"))
    found += [b"", b"\n", b"x", b"\xff\xfe\x00" * 50, b"\0\n" * 500, GPL_CODE + b"\xe9\r\n", GPL_CODE * 40]
    return found


@pytest.mark.parametrize("kind", ["service", "sparse_service"])
def test_traces_are_the_same_over_http(request, kind: str, queries: list[bytes]) -> None:
    service = request.getfixturevalue(kind)
    folder = request.getfixturevalue("with_text" if kind == "service" else "sparse")
    near, far = Tracer.open([folder]), Tracer.open([address_of(service)])
    found = 0
    for content in queries:
        expected = near.trace(content, path="a.py")
        assert far.trace(content, path="a.py") == expected
        found += len(expected.matches)
        half = len(content) // 2
        ask = (content[: half // 2], content[half // 2 : half], content[half:])
        assert far.trace_insertion(*ask, path="a.py") == near.trace_insertion(*ask, path="a.py")
    assert found > 20


def test_a_text_travels_once_where_there_are_no_vectors(with_text, known_files, tmp_path: Path) -> None:
    build_index(tmp_path / "index", known_files, with_vectors=True)
    for folder, times in ((with_text, 1), (tmp_path / "index", 2)):
        with served(folder) as service:
            near, far = Tracer.open([folder]), Tracer.open([address_of(service)])
            for content in (GPL_CODE, GPL_CODE.replace(b"harbour", b"port")):
                assert far.trace(content, path="a.py") == near.trace(content, path="a.py")
            counted = service.ask("/metrics").body.decode()
            asked = 'sc_attrib_requests_total{method="POST",route="/v1/index/find",status="200"}'
            found = next(line for line in counted.splitlines() if line.startswith(asked))
            assert float(found.split()[1]) == times  # of what is known as a whole only the id travels


def test_every_place_of_a_content_can_be_asked_for(tmp_path: Path) -> None:
    license = License(expression="MIT", evidence=("a header",), conflicts=("x says so, y says otherwise",))
    files = [
        SourceFile(
            content=GPL_CODE,
            origin=Origin(url=f"https://example.org/{n}", path=f"caf\udce9/{n}.py", license=license),
        )
        for n in range(150)
    ]
    build_index(tmp_path / "index", files)
    digest = files[0].swhid.digest
    with served(tmp_path / "index") as service:
        (known,) = RemoteLibrary.open(address_of(service)).identical(digest)
        (expected,) = Index.open(tmp_path / "index").identical(digest)
        for limit in (1, 64, 65, 150, 1000):
            assert known.origins(limit=limit) == expected.origins(limit=limit)
        assert (known.path, known.token_count) == (expected.path, expected.token_count)


def output(*words: str | Path, cwd: Path) -> tuple[int, bytes, bytes]:
    done = subprocess.run([SC_ATTRIB, *map(str, words)], capture_output=True, cwd=cwd, timeout=120)
    return done.returncode, done.stdout, done.stderr


def test_every_command_takes_an_address_like_a_folder(service, with_text, tmp_path, known_files) -> None:
    (tmp_path / "copied.py").write_bytes(b"import os\n\n\n" + GPL_CODE)
    (tmp_path / "free.py").write_bytes(b"".join(known_files[4].content.splitlines(keepends=True)[:150]))
    commands = [
        ("check", ".", "--format", "json"),
        ("check", ".", "--format", "html"),
        ("check", "copied.py", "--min-tokens", "500"),
        ("search", "tide", "harbour", "version", "--limit", "7"),
        ("search", "zzzzqqqq"),
        ("am-i-in", "."),
        ("am-i-in", "https://github.com/pallets/click", "--format", "json"),
        ("show", str(known_files[-1].swhid)),
        ("show", f"swh:1:cnt:{'0' * 40}"),
        ("fix", ".", "--dry-run"),
    ]
    os.environ["SOURCE_DATE_EPOCH"] = "1767225600"
    for words in commands:
        near = output(*words, "--index", with_text, cwd=tmp_path)
        far = output(*words, "--index", service.url, cwd=tmp_path)
        assert far == near, words
        assert near[1] or near[0] == 2 or "zzzzqqqq" in words
    del os.environ["SOURCE_DATE_EPOCH"]


def test_folders_and_services_are_asked_together(service, tmp_path: Path) -> None:
    files = list(read_packages(skipped=Counter(), only={"certifi"}))
    build_index(tmp_path / "index", files)
    code, text, _ = output(
        *("search", "where", "harbour", "--limit", "100"),
        *("--index", tmp_path / "index", "--index", service.url),
        cwd=tmp_path,
    )
    assert code == 0
    assert b"certifi" in text
    assert b"tides.py" in text
    near, far = open_libraries([tmp_path / "index", address_of(service)])
    assert isinstance(near, EmbeddedLibrary)
    assert far.facts().documents > near.facts().documents
    assert far.generation != near.generation


@given(data=st.data(), content=st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
@settings(max_examples=200)
def test_a_question_is_read_as_it_was_written(data, content: bytes) -> None:
    lines = content.count(b"\n") + 1
    span = st.tuples(st.integers(1, lines), st.integers(1, lines)).map(
        lambda ends: Span(min(ends), max(ends))
    )
    ends = sorted(data.draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    wanted = Wanted(
        min_tokens=data.draw(st.integers(1, 1000)),
        lanes=data.draw(st.frozensets(st.sampled_from(sorted(EVERY_LANE)))),
        focus=data.draw(st.none() | st.just(range(*ends))),
        tells_apart=data.draw(st.booleans()),
        explained=tuple(data.draw(st.lists(span, max_size=5))),
    )
    query = Query.of(content, language=language_named(data.draw(st.sampled_from(["Python", "C", "x"]))))
    form = json.loads(json.dumps(wire.query_as_json(query, wanted)))
    again, asked = wire.query_of(form)
    assert (again.content, again.language) == (content, query.language)
    assert (asked.min_tokens, asked.lanes, asked.focus) == (wanted.min_tokens, wanted.lanes, wanted.focus)
    explained = {line for one in wanted.explained for line in range(one.first, one.last + 1)}
    assert explained == {line for one in asked.explained for line in range(one.first, one.last + 1)}


@given(form=st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_what_is_no_answer_raises_nothing_unexpected(form) -> None:
    for read in (wire.known_of, wire.candidates_of):
        with pytest.raises((ValueError, KeyError, TypeError, IndexError)):
            read(form, None)


def message(error_type: type[Exception], place: str) -> str:
    with pytest.raises(error_type) as caught:
        Tracer.open([index_place(place)])
    return str(caught.value)


@contextmanager
def answering(status: int, body: bytes, headers: dict[str, str] | None = None) -> Iterator[str]:
    """Some other server."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_service_that_does_not_answer_is_named_with_what_to_do() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        said = message(IndexUnreachableError, f"http://127.0.0.1:{port}")
    assert f"http://127.0.0.1:{port}" in said
    assert "refused" in said
    assert "sc-attrib serve" in said
    assert "no machine of the name" in message(IndexUnreachableError, "http://no-such-host.invalid")


def test_a_service_that_never_answers_is_waited_for_so_long_and_no_longer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = IndexAddress.parse(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(IndexUnreachableError, match=r"within 0\.2 seconds"):
            RemoteLibrary.open(address, answer_s=0.2)


def test_what_is_no_service_is_told_so(service) -> None:
    for status, body in (
        (200, b"<html>"),
        (200, b"{}"),
        (200, b"[" * 9999),
        (404, b""),
        (302, b""),
        (500, b"x"),
    ):
        with answering(status, body, {"Location": "http://127.0.0.1:1/"}) as url:
            said = message(IndexRefusedError, url)
            assert url in said
            assert "look at the address" in said
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            with listener.accept()[0] as connection:
                connection.sendall(b"SSH-2.0-x\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        said = message(IndexUnreachableError, f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
        assert "no sc-attrib service" in said
    assert "TLS" in message(IndexUnreachableError, f"https://127.0.0.1:{service.port}")


def test_another_version_is_told_with_the_side_to_upgrade() -> None:
    for theirs, side in ((wire.WIRE + 1, "this sc-attrib"), (wire.WIRE - 1, "the service")):
        hello = {"service": "sc-attrib", "version": "9", "wire": theirs, "generation": "x"}
        with answering(200, json.dumps(hello).encode()) as url:
            said = message(IndexRefusedError, url)
        assert f"version {theirs}" in said
        assert f"upgrade {side}" in said


def test_a_token_comes_from_the_environment_or_a_file(with_text, tmp_path: Path, monkeypatch) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    with served(with_text, token_file=tokens) as service:
        assert "asks for a token" in message(IndexRefusedError, service.url)
        monkeypatch.setenv("SC_ATTRIB_TOKEN", "wrong-" + TOKEN)
        said = message(IndexRefusedError, service.url)
        assert "not known" in said
        assert TOKEN not in said
        monkeypatch.setenv("SC_ATTRIB_TOKEN", TOKEN)
        assert Tracer.open([address_of(service)]).trace(GPL_CODE, path="a.py").matches
        monkeypatch.delenv("SC_ATTRIB_TOKEN")
        mine = tmp_path / "mine"
        mine.write_text(f"# for the tests\n{TOKEN}  # mine\n")
        monkeypatch.setenv("SC_ATTRIB_TOKEN_FILE", str(mine))
        assert Tracer.open([address_of(service)]).trace(GPL_CODE, path="a.py").matches
        for content in ("", "café-and-more-than-that"):
            mine.write_text(content)
            assert str(mine) in message(UnreadableInputError, service.url)


def test_a_token_in_an_address_is_refused_where_others_could_read_it(tmp_path: Path) -> None:
    for place in ("http://me:secret@127.0.0.1", "http://secret@127.0.0.1", "http://", "https://x/?q=1"):
        code, _, said = output("search", "x", "--index", place, cwd=tmp_path)
        assert code == 2
        assert b"Traceback" not in said
        assert b"secret" not in said.replace(b"SC_ATTRIB", b"")


def test_a_token_over_plain_http_is_warned_of(caplog) -> None:
    Connections(address=IndexAddress.parse("http://index.example.org"), token="x" * 20)
    assert "unencrypted" in caplog.text
    caplog.clear()
    for quiet in ("https://index.example.org", "http://127.0.0.1:8765"):
        Connections(address=IndexAddress.parse(quiet), token="x" * 20)
    assert caplog.text == ""


def test_a_client_that_asks_too_often_waits_its_turn(with_text) -> None:
    with served(with_text, limits=Limits(workers=2, rate_per_s=4.0)) as service:
        library = RemoteLibrary.open(address_of(service))
        for _ in range(20):
            assert library.identical(bytes(20)) == []


def test_a_connection_that_was_closed_meanwhile_is_made_anew(with_text) -> None:
    with served(with_text, limits=Limits(workers=2, idle_s=0)) as service:
        library = RemoteLibrary.open(address_of(service))
        for _ in range(5):
            threading.Event().wait(0.05)
            assert library.identical(bytes(20)) == []


def test_a_service_that_ends_midway_is_one_sentence(with_text, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(GPL_CODE)
    with commanded("--index", with_text) as (service, process):
        library = RemoteLibrary.open(address_of(service))
        process.kill()
        process.wait(30)
        with pytest.raises(IndexUnreachableError):
            library.identical(bytes(20))
        code, _, said = output("check", "a.py", "--index", service.url, cwd=tmp_path)
        assert code == 2
        assert said.count(b"\n") == 1


def test_a_text_that_is_too_large_for_the_service_is_told(with_text, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(GPL_CODE * 400)
    with served(with_text, limits=Limits(workers=2, body_bytes=1 << 16)) as service:
        code, _, said = output("check", "a.py", "--index", service.url, cwd=tmp_path)
        assert code == 2
        assert b"65,536 bytes" in said


def test_words_that_are_none_are_told_before_anybody_is_asked(service) -> None:
    with pytest.raises(UsageError, match="nothing to search for"):
        RemoteLibrary.open(address_of(service)).search(b"+", limit=3)
