"""What goes wrong in the world: hostile clients, wrong tokens, an index that changes under a service."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from attribution.index.builder import build_index
from attribution.index.removal import remove
from attribution.library import EmbeddedLibrary
from attribution.service.rate import RateLimit
from attribution.service.settings import Limits
from tests.service.conftest import GPL_CODE
from tests.service.serving import SC_ATTRIB, TOKEN, Service, bearer, commanded, served

CHECK = {"path": "a.py", "text": GPL_CODE.decode()}
SECRET = "sekret_identifier_of_nobody"


def raw(service: Service, sent: bytes, *, timeout: float = 30) -> bytes:
    """Whatever comes back for these bytes, until the service closes."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=timeout) as connection:
        connection.sendall(sent)
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
        return b"".join(pieces)


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def wait_for_more(answers: Sequence[object], count: int) -> None:
    enough = len(answers) + count
    until(lambda: len(answers) >= enough)


def test_a_body_of_a_hundred_megabytes_is_refused_and_never_held(with_text) -> None:
    with commanded("--index", with_text) as (service, process):
        service.ask("/v1/check", CHECK)
        before = resident_mb(process.pid)
        declared = f"POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: {100 << 20}\r\n".encode()
        chunked = b"POST /v1/check HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        piece = b"x" * 65536
        for head, frame in ((declared, piece), (chunked, b"10000\r\n" + piece + b"\r\n")):
            with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
                connection.sendall(head + b"Content-Type: application/json\r\n\r\n")
                for _ in range(1600):
                    connection.sendall(frame)
                assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
        assert resident_mb(process.pid) < before + 30
        assert service.ask("/v1/check", CHECK).status == 200


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b'"x"', b'{"text": NaN}', b'{"text": "\xff"}', b"\xff\xfe{\x00}\x00"),
        *(b"[" * 100_000, b'{"text": ' + b"1" * 5000 + b"}", b'{"a":' * 50_000),
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_json_is_told_so(service, body: bytes) -> None:
    answer = service.ask("/v1/check", body=body)
    assert answer.status in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["detail"]


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"text": 3},
        {"text": "x", "base64": "eA=="},
        {"base64": "not base 64!"},
        {"text": "\ud800"},
        {"text": "x", "path": "\0"},
        {"text": "x", "path": "a" * 5000},
        {"text": "x", "min_tokens": 0},
        {"text": "x", "min_tokens": True},
        {"text": "x", "min_tokens": 1e9},
        {"text": "x", "Path": "a.py"},
    ],
    ids=lambda form: repr(form)[:30],
)
def test_a_form_with_a_mistake_is_refused_with_its_reason(service, form) -> None:
    answer = service.ask("/v1/check", form)
    assert answer.status == 422
    assert answer.json["detail"]


def test_no_file_of_the_machine_is_ever_looked_at(service, tmp_path: Path) -> None:
    """Neither by a path of the page's parts, nor by an id, nor by the name of a text."""
    (tmp_path / "mine.py").write_bytes(GPL_CODE)
    passwd = ("/etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "../../../etc/passwd")
    for path in passwd:
        for base in ("/explorer/", "/v1/swhid/", "/"):
            answer = raw(
                service, f"GET {base}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            )
            assert answer.split()[1] in (b"404", b"422")
            assert b"root:" not in answer
    for asked in ("/etc/passwd", str(tmp_path), str(tmp_path / "mine.py"), "."):
        assert service.ask("/v1/am-i-in", {"id": asked}).status == 422
    file = tmp_path / ".sc-attrib.toml"
    file.write_text('[policy]\nallow = ["strong-copyleft"]\n')
    form = {"path": str(tmp_path / "mine.py"), "text": GPL_CODE.decode()}
    assert service.ask("/v1/check", form).json["files"][0]["verdict"] == "deny"


def test_clients_that_hang_up_are_forgotten(service) -> None:
    body = json.dumps(CHECK).encode()
    head = (
        "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    for sent in (b"", b"POST", head.encode(), head.encode() + body[:50], head.encode() + body):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", service.port)) as connection:
                connection.sendall(sent)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert service.ask("/v1/check", CHECK).status == 200
    until(lambda: b"sc_attrib_requests_in_flight 1.0" in service.ask("/metrics").body)


def test_slow_clients_are_cut_off_and_keep_nobody_waiting(with_text) -> None:
    """Slow loris: heads and bodies that come byte by byte, and never end."""
    limits = Limits(workers=2, request_s=6.0, body_s=4.0)
    with served(with_text, limits=limits) as service:
        head = b"POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        slow = []
        for sent in (b"G", head, head + b"Content-Length: 100\r\n\r\n{"):
            for _ in range(10):
                connection = socket.create_connection(("127.0.0.1", service.port), timeout=30)
                connection.sendall(sent)
                slow.append(connection)
        assert service.ask("/v1/check", CHECK).status == 200
        answers = []
        for number, connection in enumerate(slow):
            try:
                connection.sendall(b"x" if number < 20 else b" ")
                answers.append(connection.recv(65536))
            except OSError:
                answers.append(b"")
            connection.close()
        assert not any(answer.startswith(b"HTTP/1.1 2") for answer in answers)
        assert any(answer.startswith(b"HTTP/1.1 408") for answer in answers[20:])


def test_a_head_without_end_is_refused(service) -> None:
    sent = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-Filler: " + b"x" * (1 << 20)
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        try:
            connection.sendall(sent)
            answer = connection.recv(65536)
        except OSError:
            answer = b""
    assert not answer or answer.startswith(b"HTTP/1.1 4")


class Tokened:
    """A service with a file of tokens."""

    def __init__(self, service: Service, file: Path) -> None:
        self.service, self.file = service, file

    def status(self, token: str | None) -> int:
        headers = {} if token is None else bearer(token)
        return self.service.ask("/v1/facts", headers=headers).status


@pytest.fixture
def tokened(with_text, tmp_path: Path):
    file = tmp_path / "tokens"
    yesterday, tomorrow = (datetime.now(UTC).date() + timedelta(days=days) for days in (-1, 1))
    file.write_text(
        f"# who may ask\n{TOKEN}  # the tests\nold-{TOKEN} {yesterday}\nnew-{TOKEN} {tomorrow}  # someone\n"
    )
    with served(with_text, token_file=file) as service:
        yield Tokened(service, file)


def test_only_tokens_that_are_known_and_not_expired_open_anything(tokened) -> None:
    assert tokened.status(TOKEN) == tokened.status(f"new-{TOKEN}") == 200
    for wrong in (None, "", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), f"old-{TOKEN}", "#"):
        assert tokened.status(wrong) == 401
    refused = tokened.service.ask("/v1/facts", headers=bearer(f"old-{TOKEN}"))
    assert "expired" in refused.json["detail"]
    assert refused.headers["www-authenticate"].startswith("Bearer")
    for path in ("/metrics", "/v1/index", "/v1/search?q=version"):
        assert tokened.service.ask(path).status == 401
    for path in ("/", "/healthz", "/openapi.json", "/explorer/style.css"):
        assert tokened.service.ask(path).status == 200


def test_tokens_change_while_it_runs(tokened) -> None:
    tokened.file.write_text(f"another-{TOKEN}\n")
    assert tokened.status(TOKEN) == 401
    assert tokened.status(f"another-{TOKEN}") == 200
    tokened.file.write_text("short\n")
    assert tokened.status(f"another-{TOKEN}") == 401
    tokened.file.write_text(f"{TOKEN}\n")
    assert tokened.status(TOKEN) == 200


def refusal(*options: str, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [SC_ATTRIB, "serve", *options],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **(environment or {})},
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_does_not_listen_to_the_world_without_a_token(with_text, tmp_path: Path) -> None:
    public = ("--index", str(with_text), "--bind", "0.0.0.0:0")
    assert "--token-file" in refusal(*public)
    assert "shorter than 16" in refusal(*public, environment={"SC_ATTRIB_TOKEN": "guess"})
    empty = tmp_path / "tokens"
    empty.write_text("# none\n")
    assert "holds no token" in refusal(*public, "--token-file", str(empty))
    assert "cannot be read" in refusal(*public, "--token-file", str(tmp_path / "missing"))
    empty.write_text(f"{TOKEN} tomorrow\n")
    assert "2027-01-31" in refusal(*public, "--token-file", str(empty))


def test_what_it_cannot_listen_on_is_said(with_text, service, tmp_path: Path) -> None:
    index = ("--index", str(with_text))
    assert "name another port" in refusal(*index, "--bind", f"127.0.0.1:{service.port}")
    assert "not an address" in refusal(*index, "--bind", "8765")
    assert "there is no index here" in refusal("--index", str(tmp_path / "none"))


def test_a_page_that_names_this_machine_anew_is_not_answered(service) -> None:
    """DNS rebinding."""
    for host in ("evil.example.org", "evil.example.org:80", "127.0.0.1.example.org", ""):
        assert service.ask("/v1/facts", headers={"Host": host}).status == 421
    for host in ("localhost", f"localhost:{service.port}", "[::1]:80", "127.0.0.1"):
        assert service.ask("/v1/facts", headers={"Host": host}).status == 200


def test_those_who_ask_too_often_are_told_to_wait(with_text) -> None:
    with served(with_text, limits=Limits(workers=2, rate_per_s=2.0)) as service:
        answers = [service.ask("/v1/index") for _ in range(30)]
        refused = [answer for answer in answers if answer.status == 429]
        assert refused
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert sum(answer.status == 200 for answer in answers) >= 8


def test_a_client_gets_its_rate_and_no_more() -> None:
    now = [0.0]
    limit = RateLimit(10.0, burst=5.0, clock=lambda: now[0])
    granted = 0
    for _ in range(1000):
        granted += limit.wait_s("one") == 0
        now[0] += 0.01
    assert 104 <= granted <= 106
    assert limit.wait_s("another") == 0


def test_too_many_at_once_are_refused_and_too_long_ends(with_text) -> None:
    enough = threading.Event()

    class Slow:
        """A library that does not come as long as anybody waits."""

        def current(self):
            enough.wait(120)
            raise AssertionError("nobody waits any more")

    limits = Limits(workers=1, waiting=1, answer_s=3.0)
    with served(source=Slow(), limits=limits) as service:
        statuses = []
        threads = [
            threading.Thread(target=lambda: statuses.append(service.ask("/v1/facts").status))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        enough.set()
        assert set(statuses) == {503, 504}


def test_a_look_through_the_whole_index_keeps_nobody_waiting(with_text) -> None:
    library = EmbeddedLibrary.open([with_text])
    scanning, enough = threading.Event(), threading.Event()

    class Scanned(EmbeddedLibrary):
        def held_under(self, ids):
            scanning.set()
            enough.wait(30)
            return super().held_under(ids)

    class Source:
        def current(self):
            return Scanned(library.indexes)

    with served(source=Source(), limits=Limits(workers=1)) as service:
        asked = [
            threading.Thread(target=service.ask, args=("/v1/am-i-in", {"id": "mailto:a@example.org"}))
            for _ in range(3)
        ]
        for thread in asked:
            thread.start()
        assert scanning.wait(30)
        assert service.ask("/v1/check", CHECK).status == 200
        enough.set()
        for thread in asked:
            thread.join()


def test_nothing_that_people_work_on_is_logged(with_text) -> None:
    with commanded("--index", with_text, "--log-requests") as (service, _):
        service.ask("/v1/check", {"path": f"{SECRET}.py", "text": f"def {SECRET}(): pass\n"})
        service.ask("/v1/check", body=f'{{"text": "{SECRET}'.encode())
        service.ask("/v1/check", {SECRET: SECRET})
        service.ask(f"/v1/search?q={SECRET}")
        service.ask(f"/v1/swhid/{SECRET}")
        service.ask(f"/{SECRET}", headers=bearer(SECRET))
        service.ask("/v1/am-i-in", {"id": f"https://example.org/{SECRET}"})
        raw(service, f"{SECRET} nonsense\r\n\r\n".encode())
        measures = service.ask("/metrics").body.decode()
    said = "".join(service.said)
    assert "POST /v1/check 422" in said
    assert SECRET not in said
    assert SECRET not in measures


def test_a_fault_of_ours_is_one_sentence_and_a_place_in_the_log(with_text, caplog) -> None:
    class Broken:
        def current(self):
            raise ZeroDivisionError(SECRET)

    with served(source=Broken()) as service:
        answer = service.ask("/v1/check", CHECK)
    assert answer.status == 500
    assert "fault of ours" in answer.json["detail"]
    assert "ZeroDivisionError at" in caplog.text
    assert SECRET not in caplog.text + answer.body.decode()


@pytest.fixture
def two_indexes(tmp_path: Path, known_files) -> tuple[Path, Path]:
    """One that knows the GPL'ed file, and one that does not."""
    with_it, without = tmp_path / "with", tmp_path / "without"
    build_index(with_it, known_files)
    build_index(without, known_files[:-1])
    return with_it, without


def test_an_index_that_is_replaced_answers_from_then_on(two_indexes, tmp_path: Path) -> None:
    with_it, without = two_indexes
    live = tmp_path / "live"
    shutil.copytree(with_it, live)
    with served(live) as service:
        assert service.ask("/v1/check", CHECK).json["files"][0]["verdict"] == "deny"
        shutil.rmtree(live)
        gone = service.ask("/v1/check", CHECK)
        assert gone.status == 503
        assert gone.headers["retry-after"] == "1"
        assert str(tmp_path) not in gone.body.decode()
        assert service.ask("/healthz").status == 503
        shutil.copytree(without, live)
        assert service.ask("/v1/check", CHECK).json["files"][0]["matches"] == []
        (live / "catalog.sqlite").write_bytes(b"damaged")
        assert service.ask("/v1/check", CHECK).status == 503
        shutil.rmtree(live)
        shutil.copytree(with_it, live)
        assert service.ask("/v1/check", CHECK).json["files"][0]["verdict"] == "deny"


def test_no_answer_is_wrong_while_indexes_are_swapped(two_indexes, tmp_path: Path) -> None:
    """Each answer is the old index's or the new one's as its header says, or a refusal."""
    with_it, without = two_indexes
    live, spare = tmp_path / "live", tmp_path / "spare"
    shutil.copytree(with_it, live)
    shutil.copytree(without, spare)
    answers: list[tuple[int, str, int]] = []
    stop = threading.Event()

    def hammer(service: Service) -> None:
        while not stop.is_set():
            answer = service.ask("/v1/check", CHECK)
            found = len(answer.json["files"][0]["matches"]) if answer.status == 200 else 0
            answers.append((answer.status, answer.headers.get("sc-attrib-generation", ""), found))

    with served(live) as service:
        first = service.ask("/v1/check", CHECK).headers["sc-attrib-generation"]
        threads = [threading.Thread(target=hammer, args=(service,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(12):
            wait_for_more(answers, 2 * len(threads))  # half of them at least were asked after the last swap
            live.rename(tmp_path / "aside")
            spare.rename(live)
            (tmp_path / "aside").rename(spare)
        stop.set()
        for thread in threads:
            thread.join()
    assert {status for status, _, _ in answers} <= {200, 503}
    right = [(generation == first) == (found > 0) for status, generation, found in answers if status == 200]
    assert all(right)
    assert len({generation for status, generation, _ in answers if status == 200}) == 2


def test_what_was_removed_is_not_answered_any_more(two_indexes, known_files) -> None:
    with_it, _ = two_indexes
    with served(with_it) as service:
        assert service.ask("/v1/check", CHECK).json["files"][0]["matches"]
        remove(with_it, ["https://example.org/tides"])
        assert service.ask("/v1/check", CHECK).json["files"][0]["matches"] == []
        assert service.ask(f"/v1/swhid/{known_files[-1].swhid}").status == 404


WATCH = """
import os, sys

def watch(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        host = args[0] if event == "socket.getaddrinfo" else args[1][0]
        if host not in ("127.0.0.1", "localhost", "::1"):
            os.write(2, f"asked for {host}".encode())
            os._exit(99)

sys.addaudithook(watch)
"""


def test_neither_side_needs_anything_but_loopback(with_text, tmp_path: Path) -> None:
    """A process that asked for any other address would end at once."""
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    watched = {"PYTHONPATH": str(tmp_path)}
    (tmp_path / "a.py").write_bytes(GPL_CODE)
    with commanded("--index", with_text, environment=watched) as (service, process):
        for words in (["check", "a.py"], ["search", "harbour"], ["am-i-in", "https://example.org/tides"]):
            done = subprocess.run(
                [SC_ATTRIB, *words, "--index", service.url],
                capture_output=True,
                text=True,
                cwd=tmp_path,
                env={**os.environ, **watched},
                timeout=60,
            )
            assert "tides.py" in done.stdout, done.stderr
        assert process.poll() is None
    outside = subprocess.run(
        [SC_ATTRIB, "search", "x y", "--index", "http://192.0.2.1"],
        env={**os.environ, **watched},
        timeout=60,
    )
    assert outside.returncode == 99


def test_pipelined_requests_are_answered_in_their_order(service) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /v1/index HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answers = raw(service, one * 3 + last)
    assert answers.count(b"HTTP/1.1 200") == 4
    assert answers.rindex(b'"wire"') > answers.rindex(b'"status"')


def test_answers_do_not_mix_between_connections(service) -> None:
    connections = [http.client.HTTPConnection("127.0.0.1", service.port) for _ in range(8)]
    for number, connection in enumerate(connections):
        body = json.dumps({"path": f"{number}.py", "text": GPL_CODE.decode()})
        connection.request("POST", "/v1/check", body, {"Content-Type": "application/json"})
    for number, connection in enumerate(connections):
        assert json.loads(connection.getresponse().read())["files"][0]["path"] == f"{number}.py"
        connection.close()
