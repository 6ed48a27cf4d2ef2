"""What the service costs beside the call that it wraps, at 1, 8 and 64 clients; and what travels.

    python benchmarks/service.py [--index DIR] [--texts N] [--seconds S]

A real `sc-attrib serve` on loopback and the same library in this process answer the same checks of 40 lines
in turn, so that both meet the same weather; wrk (Debian's package) then asks with many connections. Processor
time is read beside the clock, for a busy machine only spoils the latter. The last table compares what an
index behind an address sends with the alternatives: the whole check at the service, and fingerprints instead
of text. The goal is an overhead of at most 3 ms at the median.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from attribution.index.builder import build_index
from attribution.languages import language_named
from attribution.library import EmbeddedLibrary
from attribution.model import SourceFile
from attribution.query import Query
from attribution.remote.address import IndexAddress
from attribution.remote.connections import Connections
from attribution.remote.library import RemoteLibrary
from attribution.service import answers
from attribution.sources.packages import read_packages
from attribution.trace import MIN_TOKENS, Tracer

SC_ATTRIB = Path(sys.executable).with_name("sc-attrib")
GOAL_MS = 3.0
CLIENTS = (1, 8, 64)
LINES = 40
SCRIPT = """
local bodies = {}
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local at = 0
request = function()
  at = at %% #bodies + 1
  return wrk.format("POST", "/v1/check", {["Content-Type"] = "application/json"}, bodies[at])
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %%d %%d %%f %%f %%d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.status + e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One way of asking, over all texts."""

    wall_ms: Sequence[float]
    processor_ms: float
    """Of all processes that took part, a request on average."""

    def percentile(self, share: int) -> float:
        """Of the time on the clock."""
        return float(np.percentile(self.wall_ms, share))


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--index", type=Path, help="default: the standard library, with its text")
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=10, help="of each run of wrk")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = [f for f in read_packages(skipped=Counter(), only={"cpython"}) if f.content.count(b"\n") > 80]
        index = args.index or _built(Path(folder) / "index", files)
        texts = _texts(files, args.texts)
        library = EmbeddedLibrary.open([index])
        print(f"{library.facts().documents:,} known files, {len(texts)} texts of {LINES} lines\n")
        with _service(index) as (port, pid):
            _print_overhead(library, texts, port, pid)
            _print_load(library, texts, port, Path(folder), args.seconds)
            _print_travel(library, texts, files, port, pid)


def _built(directory: Path, files: list[SourceFile]) -> Path:
    build_index(directory, files, with_contents=True)
    return directory


def _texts(files: list[SourceFile], count: int) -> list[bytes]:
    """Lines of known files, every third with a line left out."""
    chance = random.Random(7)
    drawn = []
    for number in range(count):
        rows = chance.choice(files).content.splitlines(keepends=True)
        first = chance.randrange(len(rows) - LINES)
        chosen = rows[first : first + LINES]
        drawn.append(b"".join(chosen[:10] + chosen[11:] if number % 3 else chosen))
    return [text for text in drawn if text.decode("utf-8", "replace").isascii()]


@contextmanager
def _service(index: Path) -> Iterator[tuple[int, int]]:
    """The installed command on a free port; its port and process id."""
    command = [SC_ATTRIB, "serve", "--bind", "127.0.0.1:0", "--index", index]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    port = re.search(r":(\d+)/", process.stderr.readline())
    assert port is not None
    try:
        yield int(port[1]), process.pid
    finally:
        process.terminate()
        process.wait()


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _in_turn(ways: dict[str, Callable[[bytes], object]], texts: list[bytes], pid: int) -> dict[str, Cost]:
    """Ask each way with each text in turn.

    Processor time is that of a second round, way by way, the service's process included.
    """
    walls: dict[str, list[float]] = {name: [] for name in ways}
    for text in texts:
        for name, ask in ways.items():
            began = time.perf_counter()
            ask(text)
            walls[name].append(1e3 * (time.perf_counter() - began))
    costs = {}
    for name, ask in ways.items():
        began = time.process_time() + _processor_s(pid)
        for text in texts:
            ask(text)
        spent = time.process_time() + _processor_s(pid) - began
        costs[name] = Cost(wall_ms=walls[name], processor_ms=1e3 * spent / len(texts))
    return costs


def _check_here(library: EmbeddedLibrary) -> Callable[[bytes], object]:
    def ask(text: bytes) -> object:
        found = answers.check(library, text, path="a.py", min_tokens=MIN_TOKENS, license="")
        return json.dumps(answers.check_as_json(found))

    return ask


def _check_there(port: int) -> Callable[[bytes], object]:
    """One kept connection, and the least that a client must do."""
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(text: bytes) -> object:
        connection.request("POST", "/v1/check", _body(text), {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())

    return ask


def _body(text: bytes) -> str:
    return json.dumps({"path": "a.py", "text": text.decode("utf-8", "surrogateescape")})


def _print_overhead(library: EmbeddedLibrary, texts: list[bytes], port: int, pid: int) -> None:
    hello = http.client.HTTPConnection("127.0.0.1", port)

    def empty(_: bytes) -> object:
        hello.request("GET", "/v1/index")
        return hello.getresponse().read()

    ways = {"in this process": _check_here(library), "over HTTP": _check_there(port), "GET /v1/index": empty}
    for ask in ways.values():
        for text in texts[:20]:
            ask(text)
    costs = _in_turn(ways, texts, pid)
    print("| a check, one at a time | p10 ms | p50 ms | p99 ms | processor ms |")
    print("| --- | --- | --- | --- | --- |")
    for name, cost in costs.items():
        walls = " | ".join(f"{cost.percentile(share):.2f}" for share in (10, 50, 99))
        print(f"| {name} | {walls} | {cost.processor_ms:.2f} |")
    here, there = costs["in this process"], costs["over HTTP"]
    extra = np.percentile(np.subtract(there.wall_ms, here.wall_ms), (10, 50))
    spent = there.processor_ms - here.processor_ms
    print(f"| **overhead** (goal {GOAL_MS:g}) | {extra[0]:.2f} | **{extra[1]:.2f}** | | **{spent:.2f}** |\n")


def _print_load(library: EmbeddedLibrary, texts: list[bytes], port: int, folder: Path, seconds: int) -> None:
    print("| checks | requests/s | p50 ms | p99 ms | errors |\n| --- | --- | --- | --- | --- |")
    for threads in (1, os.cpu_count() or 2):
        rate, wall = _called(library, texts, threads, seconds)
        p50, p99 = np.percentile(wall, (50, 99))
        print(f"| in this process, {threads} threads | {rate:.0f} | {p50:.2f} | {p99:.2f} | 0 |")
    if shutil.which("wrk") is None:
        print("| (wrk is not installed: apt-get install wrk) | | | | |")
        return
    bodies, script = folder / "bodies", folder / "checks.lua"
    bodies.write_text("\n".join(map(_body, texts)))
    script.write_text(SCRIPT % bodies)
    for clients in CLIENTS:
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "-s", script]
        print(f"| over HTTP, {clients} clients | {_told([*command, f'http://127.0.0.1:{port}'])} |")


def _told(command: Sequence[str | Path]) -> str:
    """What wrk measured: rate, percentiles, errors."""
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"RESULT (.*)", said)
    assert found is not None
    requests, micros, p50, p99, errors = map(float, found[1].split())
    return f"{requests / (micros / 1e6):.0f} | {p50 / 1e3:.2f} | {p99 / 1e3:.2f} | {errors:.0f}"


def _called(
    library: EmbeddedLibrary, texts: list[bytes], threads: int, seconds: int
) -> tuple[float, list[float]]:
    """Calls a second of several threads, and how long each took in milliseconds."""
    ask = _check_here(library)
    end = time.perf_counter() + seconds

    def go(number: int) -> list[float]:
        wall, at = [], number
        while (began := time.perf_counter()) < end:
            ask(texts[at % len(texts)])
            wall.append(1e3 * (time.perf_counter() - began))
            at += threads
        return wall

    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        walls = [ms for wall in pool.map(go, range(threads)) for ms in wall]
    return len(walls) / (time.perf_counter() - began), walls


class _Counted(Connections):
    """Counts what travels."""

    sent = received = 0

    def ask(self, path: str, form: Any = None, *, read: Callable[[Any], Any]) -> Any:
        """Ask, and count."""
        _Counted.sent += 0 if form is None else len(json.dumps(form, ensure_ascii=False).encode())

        def counted(answer: object) -> object:
            _Counted.received += len(json.dumps(answer))
            return read(answer)

        return super().ask(path, form, read=counted)


def _print_travel(
    library: EmbeddedLibrary, texts: list[bytes], files: list[SourceFile], port: int, pid: int
) -> None:
    address = IndexAddress.parse(f"http://127.0.0.1:{port}")
    tracer = Tracer(indexes=(RemoteLibrary(_Counted(address=address)),))
    whole = [f.content for f in random.Random(8).sample(files, 40) if f.content.isascii()]
    edited = [b"# changed\n" + content for content in whole]
    print("\n| what travels, and how long it takes | bytes sent | received | p50 ms | processor ms |")
    print("| --- | --- | --- | --- | --- |")
    for name, asked in (
        (f"{LINES} lines", texts),
        ("files, a line added", edited),
        ("files as known", whole),
    ):
        _Counted.sent = _Counted.received = 0
        for text in asked:
            tracer.trace(text, path="a.py")
        seam = _Counted.sent / len(asked), _Counted.received / len(asked)
        there = _check_there(port)
        costs = _in_turn({"seam": lambda t: tracer.trace(t, path="a.py"), "check": there}, asked, pid)
        answer = statistics.mean(len(json.dumps(there(t))) for t in asked)
        sent = statistics.mean(len(_body(t)) for t in asked)
        _print_way(f"{name}: the seam, judged here", *seam, costs["seam"])
        _print_way(f"{name}: the whole check there", sent, answer, costs["check"])
        prints = statistics.mean(_fingerprint_bytes(t) for t in asked)
        print(f"| {name}: fingerprints instead of text | {prints:,.0f} | | | |")


def _print_way(name: str, sent: float, received: float, cost: Cost) -> None:
    print(f"| {name} | {sent:,.0f} | {received:,.0f} | {cost.percentile(50):.2f} | {cost.processor_ms:.2f} |")


def _fingerprint_bytes(text: bytes) -> int:
    """Of the arrays that an index needs to answer, were they sent instead."""
    query = Query.of(text, language=language_named("Python"))
    arrays = ("keys", "positions", "token_hashes", "token_lines", "telling", "sketches")
    lanes = (query.literal, query.structural)
    return sum(getattr(lane, name).nbytes for lane in lanes for name in arrays)


if __name__ == "__main__":
    main()
