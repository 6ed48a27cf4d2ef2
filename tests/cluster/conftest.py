"""A real Ray cluster of two nodes on loopback, each with processes of its own."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.training.test_curation_ray import address_when_started, left_after_a_while

ROOT = Path(__file__).parents[2]
RAY = Path(sys.executable).parent / "ray"
DRIVE = "tests.cluster.drive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where to connect, and how."""

    address: str
    folder: Path
    environment: dict[str, str]

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run a command that may connect, to its end."""
        return subprocess.run(
            [str(word) for word in words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )

    def drive(self, name: str, *words: object) -> str:
        """Run a function of :mod:`tests.cluster.drive` in a process of its own; what it prints."""
        done = self.run(
            sys.executable,
            "-P",
            "-W",
            "error",
            "-W",
            "ignore::DeprecationWarning",
            "-m",
            DRIVE,
            name,
            self.address,
            *words,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def start_node(self, *options: str) -> subprocess.Popen[bytes]:
        """One more machine, as far as Ray can tell."""
        command = [RAY, "start", "--block", "--num-cpus=1", f"--address={self.address}", *options]
        command += ["--object-store-memory=100000000", "--node-ip-address=127.0.0.1"]
        return subprocess.Popen(
            [str(word) for word in command],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A head and a second node, of one processor each; nothing of them outlives the tests."""
    folder = tmp_path_factory.mktemp("ray")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),  # workers import nothing from the folder that a driver runs in
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "300",  # on a busy machine
        "RAY_TMPDIR": str(folder),
    }
    command = [RAY, "start", "--head", "--block", "--num-cpus=1", "--include-dashboard=false"]
    command += ["--object-store-memory=100000000", "--node-ip-address=127.0.0.1"]
    command += ["--port=0", f"--temp-dir={folder}"]
    head = subprocess.Popen(
        [str(word) for word in command], env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    nodes = [head]
    try:
        there = Cluster(
            address=address_when_started(folder, head),
            folder=tmp_path_factory.mktemp("empty"),
            environment=environment,
        )
        nodes.append(there.start_node())
        there.drive("wait_for_nodes", 2)
        yield there
    finally:
        for node in reversed(nodes):
            node.send_signal(signal.SIGTERM)
        for node in nodes:
            node.wait()
        assert not left_after_a_while(str(folder))
