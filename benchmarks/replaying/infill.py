"""llama.cpp's own server as a peer: one request of its ``/infill`` for each key."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistant.backends.gguf import read_header
from assistant.config import CompletionSettings

WANTED = CompletionSettings()
_SPARE_TOKENS = 16
_START_S = 60.0
_ANSWER_S = 120.0


@dataclass(slots=True, kw_only=True)
class Infilled:
    """The peer's session."""

    waited_ms: list[float] = field(default_factory=list)
    shown: int = 0
    tokens: int = 0
    """Evaluated, of prompts and of answers, as the server tells."""
    processor_s: float = 0.0


def infill(
    server: Path, model: Path, moments: Sequence[tuple[str, str]], *, threads: int, context: int
) -> Infilled:
    """Ask after each key, and wait for the answer."""
    found = Infilled()
    with _started(server, model, threads, context) as (process, address):
        _ask(address, "def warm_up", "\n")
        before = _processor_s(process.pid)
        for prefix, suffix in moments:
            started = time.perf_counter()
            answer = _ask(address, prefix, suffix)
            found.waited_ms.append((time.perf_counter() - started) * 1e3)
            found.shown += bool(answer["content"].strip())
            found.tokens += answer["timings"]["prompt_n"] + answer["timings"]["predicted_n"]
        found.processor_s = _processor_s(process.pid) - before
    return found


@contextmanager
def _started(
    server: Path, model: Path, threads: int, context: int
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    header = read_header(model)
    context = context or int(header.metadata[f"{header.architecture}.context_length"])
    words = (
        *("--model", model, "--port", port, "--threads", threads, "--ctx-size", context, "--parallel", 1),
        *("--batch-size", context - WANTED.max_tokens - _SPARE_TOKENS),  # to which it cuts its prompts
        "--no-warmup",
    )
    process = subprocess.Popen(
        [server, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address)
        yield process, address
    finally:
        process.terminate()
        process.wait()


def _wait(address: str) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("llama-server does not come up; start it by hand to see why")


def _ask(address: str, prefix: str, suffix: str) -> dict[str, Any]:
    is_blank = not prefix.rsplit("\n", 1)[-1].strip()
    request = {
        "input_prefix": prefix,
        "input_suffix": suffix,
        "n_predict": WANTED.max_tokens,
        "temperature": 0.0,
        "cache_prompt": True,
        "stop": ["\n\n" if is_blank else "\n"],
    }
    asked = urllib.request.Request(
        f"{address}/infill", json.dumps(request).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=_ANSWER_S) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _processor_s(process: int) -> float:
    """Seconds of processor time that a process has taken (Linux: proc(5))."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
