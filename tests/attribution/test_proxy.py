"""Contents are fetched through the proxy that the environment names, as by any other program."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit

import pytest

from tests.attribution.stack import V2, FaultyServer, faulty_server, sha1, v2_row, write_parquet
from tests.conftest import SC_ATTRIB

CODE = b"def add(a, b):\n    return a + b\n"


class Proxy(ThreadingTCPServer):
    """A forwarding proxy (RFC 9110, 7.6 and 9.3.6) on loopback that notes what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Forwarder)
        self.asked: list[str] = []
        self.credentials: list[str] = []
        self.address = f"127.0.0.1:{self.server_address[1]}"


class _Forwarder(StreamRequestHandler):
    server: Proxy

    def handle(self) -> None:
        """Forward one connection: a tunnel, or one request."""
        method, target, _ = self.rfile.readline().decode().split()
        head = list(iter(self.rfile.readline, b"\r\n"))
        self.server.asked.append(f"{method} {target}")
        self.server.credentials += [
            line.split()[-1].decode() for line in head if line.lower().startswith(b"proxy-auth")
        ]
        parts = urlsplit(target if "://" in target else f"//{target}")
        with socket.create_connection((parts.hostname, parts.port)) as there:
            if method == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                sender = threading.Thread(target=_pipe, args=(self.rfile.read1, there.sendall), daemon=True)
                sender.start()
            else:
                kept = [line for line in head if not line.lower().startswith((b"proxy-", b"connection"))]
                there.sendall(b"%s %s HTTP/1.1\r\n" % (method.encode(), parts.path.encode()))
                there.sendall(b"".join(kept) + b"Connection: close\r\n\r\n")
            _pipe(there.recv, self.wfile.write)


def _pipe(read: Callable[[int], bytes], write: Callable[[bytes], object]) -> None:
    try:
        while part := read(1 << 16):
            write(part)
    except (OSError, ValueError):  # either side is gone, or this one's file is closed already
        return


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with faulty_server() as served:
        served.put(CODE)
        yield served


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for loopback, and its key in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl (apt install openssl) to make a certificate")
    names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    key, made = tmp_path / "key.pem", tmp_path / "certificate.pem"
    files = ("-keyout", str(key), "-out", str(made))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names, *files],
        check=True,
        capture_output=True,
    )
    made.write_bytes(made.read_bytes() + key.read_bytes())
    return made


def build(folder: Path, store: str, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Index one file whose content lies in a store."""
    parquet = write_parquet(folder / "a.parquet", [v2_row("a.py", CODE)], V2)
    words = ["index", "build", "--stack-v2", str(parquet), "--store", store, "--index", "ix", *more]
    settings = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.run(
        [str(SC_ATTRIB), *words], cwd=folder, env=settings | environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_contents_come_through_the_proxy_that_is_named(
    server: FaultyServer, proxy: Proxy, tmp_path: Path, name: str
) -> None:
    done = build(tmp_path, server.url, **{name: proxy.address})
    assert (done.returncode, done.stderr) == (0, "")
    assert proxy.asked == [f"GET {server.url}/{sha1(CODE)}"]


def test_what_no_proxy_names_is_asked_without(server: FaultyServer, proxy: Proxy, tmp_path: Path) -> None:
    done = build(tmp_path, server.url, HTTP_PROXY=proxy.address, NO_PROXY="localhost,127.0.0.1")
    assert (done.returncode, done.stderr) == (0, "")
    assert proxy.asked == []
    assert server.asked[sha1(CODE)] == 1


def test_a_proxy_is_told_who_asks_and_nobody_else_is(
    server: FaultyServer, proxy: Proxy, tmp_path: Path
) -> None:
    done = build(tmp_path, server.url, HTTP_PROXY=f"http://me:s%40crłt@{proxy.address}")
    assert (done.returncode, done.stderr) == (0, "")
    assert [base64.b64decode(word).decode() for word in proxy.credentials] == ["me:s@crłt"]


def test_https_goes_through_a_tunnel_and_is_verified_all_the_same(
    certificate: Path, proxy: Proxy, tmp_path: Path
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with faulty_server(tls=tls) as served:
        served.put(CODE)
        trusted = build(tmp_path, served.url, HTTPS_PROXY=proxy.address, SSL_CERT_FILE=str(certificate))
        assert (trusted.returncode, trusted.stderr) == (0, "")
        assert proxy.asked == [f"CONNECT {urlsplit(served.url).netloc}"]
        doubted = build(tmp_path, served.url, "--no-cache", HTTPS_PROXY=proxy.address)
    assert doubted.returncode == 2
    assert "certificate verify failed" in doubted.stderr


@pytest.mark.parametrize(
    "value", ["socks5://me:secret@127.0.0.1:1", "http://:0", "http://x:99999", "http://"]
)
def test_a_proxy_that_cannot_be_used_is_one_sentence(tmp_path: Path, value: str) -> None:
    done = build(tmp_path, "https://store.invalid", HTTPS_PROXY=value)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("is no proxy that can be used; set it to http://HOST:PORT, or unset it\n")
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_a_proxy_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://me:secret@127.0.0.1:{taken.getsockname()[1]}"
    done = build(tmp_path, "https://store.invalid", HTTPS_PROXY=nobody)
    assert (done.returncode, done.stdout) == (2, "")
    assert "proxy" in done.stderr
    assert "secret" not in done.stderr
    assert done.stderr.count("\n") == 1
