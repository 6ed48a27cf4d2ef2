"""Real servers on loopback: in a thread of this process, or the installed command."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attribution.service.application import make_application
from attribution.service.live import LibrarySource, LiveFolders
from attribution.service.server import listen, make_server
from attribution.service.settings import Binding, Limits
from attribution.service.tokens import Tokens

SC_ATTRIB = Path(sys.executable).with_name("sc-attrib")
LOOPBACK = Binding(host="127.0.0.1", port=0)
TOKEN = "a-token-of-these-tests-0123456789"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Service:
    """Where a service listens, and asking it once."""

    port: int
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        path: str,
        form: Any = None,
        *,
        method: str | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 120,
    ) -> Answer:
        """GET, or POST with a form or a body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = json.dumps(form).encode() if form is not None else body
        kinds = {"Content-Type": "application/json"} if sent is not None else {}
        try:
            connection.request(
                method or ("GET" if sent is None else "POST"), path, sent, {**kinds, **(headers or {})}
            )
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()


@contextlib.contextmanager
def served(
    *folders: Path,
    limits: Limits | None = None,
    token_file: Path | None = None,
    source: LibrarySource | None = None,
) -> Iterator[Service]:
    """A service in a thread, with limits of one's own."""
    limits = limits or Limits(workers=2)
    app = make_application(source or LiveFolders(folders), tokens=Tokens(token_file), limits=limits)
    opened = listen(LOOPBACK)
    ready = threading.Event()
    server = make_server(app, limits, ready=ready.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    thread.start()
    try:
        assert ready.wait(120)
        yield Service(opened.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(120)
        opened.close()
        assert not thread.is_alive()


@contextlib.contextmanager
def commanded(
    *options: str | Path, environment: dict[str, str] | None = None, cwd: Path | None = None
) -> Iterator[tuple[Service, subprocess.Popen[str]]]:
    """The installed command on a free port; what it says is collected."""
    process = subprocess.Popen(
        [SC_ATTRIB, "serve", "--bind", "127.0.0.1:0", *map(str, options)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
    )
    said: list[str] = []
    address = None
    for line in process.stderr:
        said.append(line)
        if address := re.search(r"serving on http://127\.0\.0\.1:(\d+)/", line):
            break
    reader = threading.Thread(target=lambda: said.extend(process.stderr), daemon=True)
    reader.start()
    try:
        assert address is not None, "".join(said)
        yield Service(int(address[1]), said), process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(120)
        reader.join(120)
        process.stdout.close()
        process.stderr.close()


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def lines(text: str, first: int, last: int) -> str:
    """Lines of a text, counted from 1, both ends included."""
    return "".join(text.splitlines(keepends=True)[first - 1 : last])


def function_of(files: Sequence[Any], path: str, start: str, count: int) -> bytes:
    """So many lines of a known file, from the one that starts so."""
    (file,) = (f for f in files if f.origin.path == path)
    rows = file.content.splitlines(keepends=True)
    first = next(n for n, row in enumerate(rows) if row.startswith(start.encode()))
    return b"".join(rows[first : first + count])
