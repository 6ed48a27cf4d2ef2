"""Real completion servers on loopback, each started once and stopped at the end of the session."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path

from assistant.models import DEFAULT_MODEL

KEY = "a-key-for-tests"
KEY_NAME = "SC_ATTRIB_TEST_KEY"
_PATIENCE_S = 120
_running: list[subprocess.Popen[bytes]] = []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@cache
def llama_cpp_server() -> str:
    """llama-cpp-python's server with the shipped model, behind a key; its base URL."""
    port = free_port()
    options = ["--model", str(DEFAULT_MODEL), "--n_ctx", "4096", "--n_threads", "1", "--api_key", KEY]
    return _started(["-m", "llama_cpp.server", "--port", str(port), *options], port)


@cache
def id_server(model: Path) -> str:
    """A server of ids with that GGUF file."""
    port = free_port()
    return _started(["-m", "tests.assistant.id_server", str(model), str(port)], port)


def stop_all() -> None:
    """Whoever needs a server after that starts it anew."""
    llama_cpp_server.cache_clear()
    id_server.cache_clear()
    for process in _running:
        process.terminate()
    for process in _running:
        process.wait(timeout=30)
    _running.clear()


def _started(arguments: list[str], port: int) -> str:
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    _running.append(process)
    url = f"http://127.0.0.1:{port}/v1"
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{arguments[1]} ended with {process.returncode}"
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            request = urllib.request.Request(f"{url}/models", headers={"Authorization": f"Bearer {KEY}"})
            urllib.request.urlopen(request, timeout=5).close()
            return url
        time.sleep(0.1)
    raise TimeoutError(arguments)
