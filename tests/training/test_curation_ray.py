"""On a cluster the result is the same, byte by byte, also where a worker is killed; real Ray, on loopback."""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from attribution.errors import ClusterError, MissingExtraError
from tests.conftest import SC_ATTRIB
from tests.training.curating import SMALL, curation, digests, script
from training.data.engine.curate import curate
from training.data.stage import Document, Judged

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class DieOnce:
    """A stage that kills its process, the way a machine that is out of memory does; the first time only."""

    mark: Path
    """Is there once that has happened."""
    name: str = "die once"

    def __call__(self, batch: tuple[Document, ...]) -> Judged:
        if not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Judged(kept=tuple(batch))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A head and what it started, in a process group of its own."""

    address: str
    environment: dict[str, str]

    def run(self, program: str, *words: object) -> subprocess.CompletedProcess[str]:
        """Run a program that may connect; warnings are errors there too."""
        return self.call(sys.executable, "-W", "error", "-c", program, *words)

    def call(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run a command that may connect."""
        command = [*map(str, words)]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers; Ray's own files are in the test's folder, and no process outlives it."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),  # workers import nothing from the folder that a driver runs in
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "300",  # on a busy machine
        "RAY_TMPDIR": str(tmp_path_factory.mktemp("ray")),
    }
    command = [Path(sys.executable).parent / "ray", "start", "--head", "--block", "--num-cpus=2"]
    command += ["--include-dashboard=false", "--object-store-memory=100000000", "--node-ip-address=127.0.0.1"]
    command += ["--port=0", f"--temp-dir={environment['RAY_TMPDIR']}"]
    head = subprocess.Popen(
        list(map(str, command)), env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        address = address_when_started(Path(environment["RAY_TMPDIR"]), head)
        yield Cluster(address=address, environment=environment)
    finally:
        head.send_signal(signal.SIGTERM)
        head.wait()
        assert not left_after_a_while(environment["RAY_TMPDIR"])


def address_when_started(folder: Path, head: subprocess.Popen[bytes]) -> str:
    """Where others find it, a cluster writes its address last; a free port it chooses by itself."""
    file = folder / "ray_current_cluster"
    while not (file.is_file() and (address := file.read_text().strip())):
        assert head.poll() is None
        time.sleep(0.1)
    return address


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def left_after_a_while(folder: str) -> frozenset[str]:
    """Processes that were started for a cluster with this folder and are still there."""
    for _ in range(600):
        left = processes_of(folder)
        if not left:
            break
        time.sleep(0.1)
    return left


def processes_of(folder: str) -> frozenset[str]:
    return frozenset(
        path.name for path in Path("/proc").glob("[0-9]*") if folder.encode() in environment_of(path)
    )


def environment_of(process: Path) -> bytes:
    try:
        return process.joinpath("environ").read_bytes()
    except OSError:
        return b""


CURATE = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.training.curating import curation
from tests.training.test_curation_ray import dying
from training.data.engine.curate import curate
from attribution.errors import ScAttribError
try:
    curate(curation(Path(sys.argv[1]), recipe=dying(Path(sys.argv[2])), ray=sys.argv[3]))
except ScAttribError as error:
    sys.exit(str(error))
"""


def dying(mark: Path):
    return replace(SMALL, cleaning=(DieOnce(mark=mark), *SMALL.cleaning))


def test_a_cluster_gives_the_same_bytes_though_a_worker_is_killed(cluster: Cluster, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    done = cluster.run(CURATE, tmp_path / "cluster", mark, cluster.address)
    assert done.returncode == 0, done.stderr
    assert mark.exists()
    curate(curation(tmp_path / "here", recipe=dying(mark)))
    assert digests(tmp_path / "cluster") == digests(tmp_path / "here")


@pytest.mark.parametrize("address", ["auto", "local"])
def test_the_command_finds_a_cluster_or_starts_one_and_ends_it(
    cluster: Cluster, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, address: str
) -> None:
    """``auto`` is the one whose files are where Ray's environment says; the result is that of one process."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(3):
        (tree / f"part_{number}.js").write_text(
            f"// SPDX-License-Identifier: MIT\n{script(f'part_{number}')}"
        )
    own = str(tmp_path_factory.mktemp("ray")) if address == "local" else None  # paths of sockets are short
    folder = own or cluster.environment["RAY_TMPDIR"]
    there = replace(cluster, environment={**cluster.environment, "RAY_TMPDIR": folder})
    words = [
        "train",
        "curate",
        "--tree",
        tree,
        "--vocabulary",
        "384",
        "--row-tokens",
        "128",
        "--processes",
        "1",
    ]
    done = there.call(SC_ATTRIB, *words, "--out", tmp_path / "ray", "--ray", address)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'ray' / 'card.md'}\n"), done.stderr
    assert "Traceback" not in done.stderr
    if own is not None:
        assert not left_after_a_while(own)
    assert cluster.call(SC_ATTRIB, *words, "--out", tmp_path / "here").returncode == 0
    assert digests(tmp_path / "ray") == digests(tmp_path / "here")


COMPLAIN = """
import os, sys
from pathlib import Path
from attribution.cluster import ray_tasks as cluster
from attribution.errors import ClusterError
cluster._RETRIES = 0
try:
    with cluster.ray_cluster(sys.argv[1], processes=1) as there:
        there.sharing(Path('/proc/self/cmdline'))
except ClusterError as error:
    print(error)
try:
    with cluster.ray_cluster(sys.argv[1], processes=1) as there:
        pool = there.sharing(Path(cluster.__file__))
        list(pool.map_in_order(os._exit, [1]))
except ClusterError as error:
    print(error)
try:
    with cluster.ray_cluster(sys.argv[1], processes=1) as there:
        pool = there.sharing(Path(cluster.__file__))
        list(pool.map_in_order(os.listdir, ['/no such folder']))
except FileNotFoundError as error:
    print(error.strerror)
"""


def test_a_cluster_that_cannot_be_used_is_one_sentence(cluster: Cluster) -> None:
    """A file that each process sees otherwise, a task that kills its worker, an error of the file system."""
    done = cluster.run(COMPLAIN, cluster.address)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stdout
    unseen, lost, error = lines
    assert unseen.startswith(f"Ray cluster {cluster.address}: ")
    assert unseen.endswith(" does not see /proc/self; name a folder that all machines share, under one path")
    assert lost.startswith(f"Ray cluster {cluster.address}: a task was lost 1 times (")
    assert lost.endswith("); run the same command again: it goes on where it stopped")
    assert error == "No such file or directory"


def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """At once: nobody listens at a port that was free a moment ago, and none has such a number."""
    for port in (free_port(), 10**9):
        address = f"127.0.0.1:{port}"
        with pytest.raises(ClusterError, match=rf"{address}: it cannot be reached .*'ray start --head'"):
            curate(curation(tmp_path / "out", ray=address))


def test_an_absent_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else find_spec(name))
    with pytest.raises(MissingExtraError, match=r"pip install 'sc-attrib\[ray\]'"):
        curate(curation(tmp_path / "out", ray="auto"))
