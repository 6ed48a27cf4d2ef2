"""What the tests do on a cluster, each in a process: ``python -m tests.cluster.drive NAME ADDRESS …``."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from attribution.cluster.building import build_of_parts
from attribution.cluster.library import ClusterLibrary, LiveCluster
from attribution.cluster.ray_tasks import ray_cluster
from attribution.cluster.serving import served_index
from attribution.errors import IndexUnusableError
from attribution.index.builder import BuildOptions, add_files
from attribution.index.index import Index
from attribution.index.parts import Part
from attribution.index.removal import remove
from attribution.library import EmbeddedLibrary
from attribution.model import SourceFile
from attribution.sources.tree import Share, read_tree
from attribution.trace import Tracer

PARTS = 6


@dataclass(frozen=True, slots=True)
class Source:
    """A share of a folder, and what befalls who reads it first: a signal to this process."""

    root: Path
    share: Share
    mark: Path
    victim: int = 0
    """A process; 0 for the reader itself, -1 for nobody."""


def read(source: Source, skipped: Counter[str]) -> Iterator[SourceFile]:
    """Read a share; the first reader meets with an accident half way."""
    for number, file in enumerate(read_tree(source.root, skipped=skipped, share=source.share)):
        if number == 3 and source.victim >= 0 and not source.mark.exists():
            source.mark.touch()
            os.kill(source.victim or os.getpid(), signal.SIGKILL)
            time.sleep(2 if source.victim else 0)
        yield file


def say(answer: object) -> None:
    """Tell the test; while a cluster is connected, standard output is its talk, which goes elsewhere."""
    print(answer, file=sys.__stdout__)


def sources(root: str, mark: str, victim: int) -> list[Source]:
    """The shares of a folder."""
    shares = (Share(number=number, of=PARTS) for number in range(PARTS))
    return [Source(Path(root), share, Path(mark), victim) for share in shares]


def wait_for_nodes(address: str, count: str) -> None:
    """Return once so many nodes are there."""
    import ray

    with ray_cluster(address, processes=1):
        for _ in range(3000):
            if sum(node["Alive"] for node in ray.nodes()) == int(count):
                return
            time.sleep(0.1)
    raise SystemExit(f"there never were {count} nodes")


def build(address: str, directory: str, root: str, mark: str, victim: str = "-1") -> None:
    """Build an index of a folder; prints the ids of its segments."""
    with ray_cluster(address, processes=1) as cluster:
        build_of_parts(
            Path(directory),
            sources(root, mark, int(victim)),
            read,
            pool=cluster.sharing,
            options=BuildOptions(),
        )


def compare(address: str, directory: str, parts: str, *texts: str) -> None:
    """Ask an index by its folder and through the cluster; fails where an answer differs."""
    with served(address, directory, int(parts)) as live:
        library, whole = live.current(), EmbeddedLibrary.open([Path(directory)])
        for path in texts:
            content = Path(path).read_bytes()
            for text in (content, content[: len(content) // 3], b"\n".join(content.splitlines()[20:32])):
                theirs = Tracer(indexes=(library,)).trace(text, path="a.py")
                assert theirs == Tracer(indexes=(whole,)).trace(text, path="a.py")
        assert library.search(b"retry connection", limit=20) == whole.search(b"retry connection", limit=20)
        assert library.facts() == whole.facts()
        assert library.generation == whole.generation
        say(len(library.catalog.segments))


def served(address: str, directory: str, parts: int):
    """An index, served while the cluster is connected."""
    from contextlib import ExitStack, contextmanager

    @contextmanager
    def both() -> Iterator[LiveCluster]:
        with ExitStack() as stack:
            stack.enter_context(ray_cluster(address, processes=1))
            yield stack.enter_context(served_index(Path(directory), parts=parts, replicas=2))

    return both()


@dataclass(frozen=True, slots=True)
class WhoAnswers:
    """Asks for the process of a replica."""

    def asked_of(self, part: Part) -> int:
        """The answer of whoever is asked."""
        return os.getpid()


def kill_replicas(address: str, directory: str, path: str) -> None:
    """Look up without pause while replicas are killed; every answer is the right one, or an error."""
    text = Path(path).read_bytes()
    right = Tracer(indexes=(Index.open(Path(directory)),)).trace(text, path="a.py")
    with served(address, directory, 2) as live:
        library = live.current()
        outcomes: Counter[str] = Counter()
        killed: list[int] = []
        killer = threading.Thread(target=partial(_kill, library, killed))
        killer.start()
        while killer.is_alive() or outcomes["right"] < 10:
            outcomes[_outcome(library, text, [right])] += 1
        killer.join()
        say(json.dumps({**outcomes, "killed": len(killed)}))


def _kill(library: ClusterLibrary, killed: list[int]) -> None:
    """Kill three replicas, one after another, each some time after the one before."""
    while len(killed) < 3:
        time.sleep(2)
        with suppress(IndexUnusableError, ProcessLookupError):  # then nobody was killed: again
            victim = random.choice(library.ask(WhoAnswers()))
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)


def _outcome(library: ClusterLibrary, text: bytes, rights: list[object]) -> str:
    try:
        return "right" if Tracer(indexes=(library,)).trace(text, path="a.py") in rights else "wrong"
    except IndexUnusableError:
        return "error"


def roll(address: str, directory: str, path: str, more: str) -> None:
    """Look up while the index changes; every answer is that of one state, after a change of the new one."""
    text, folder = Path(path).read_bytes(), Path(directory)
    files = list(read_tree(Path(more), skipped=Counter()))

    def now() -> object:
        return Tracer(indexes=(Index.open(folder),)).trace(text, path="a.py")

    with served(address, directory, 2) as live:
        rights, outcomes = [now()], Counter[str]()
        for change in (
            lambda: add_files(folder, files),
            lambda: remove(folder, [str(rights[0].matches[0].source.core)]),
        ):
            before = _outcome(live.current(), text, rights)
            outcomes[before] += 1
            change()
            rights.append(now())
            for _ in range(5):
                outcomes[_outcome(live.current(), text, rights[-1:])] += 1
        assert len({repr(right) for right in rights}) > 1
        say(json.dumps(outcomes))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
