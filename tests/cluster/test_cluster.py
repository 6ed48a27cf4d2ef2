"""An index built and served by a cluster of several nodes, while workers, nodes and replicas are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from attribution.cluster.building import build_of_parts
from attribution.cluster.pool import Here
from attribution.index.builder import BuildOptions, build_index
from attribution.index.index import Index
from attribution.index.verify import verify_index
from attribution.sources.tree import read_tree
from tests.cluster import drive
from tests.cluster.conftest import Cluster
from tests.conftest import SC_ATTRIB


@pytest.fixture(scope="session")
def tree(stdlib: Path) -> Path:
    """Real files: a package of the standard library."""
    return stdlib / "asyncio"


@pytest.fixture(scope="session")
def built_here(tmp_path_factory: pytest.TempPathFactory, tree: Path) -> Path:
    """The same parts, built by this process one after another."""
    directory = tmp_path_factory.mktemp("here") / "index"
    sources = drive.sources(str(tree), "", -1)
    build_of_parts(directory, sources, drive.read, pool=lambda _: Here(), options=BuildOptions())
    return directory


def ids_of(directory: Path) -> list[str]:
    assert not verify_index(directory).damages
    assert not verify_index(directory).strays
    return [row.id for row in Index.open(directory).rows]


def digests_of(directory: Path) -> set[bytes]:
    segments = Index.open(directory).segments
    return {bytes(digest) for segment in segments for digest in segment.documents.all_digests()}


def test_parts_hold_together_what_one_build_holds(built_here: Path, tree: Path, tmp_path: Path) -> None:
    build_index(tmp_path / "index", read_tree(tree, skipped=Counter()))
    assert digests_of(built_here) == digests_of(tmp_path / "index")


def test_a_cluster_builds_the_same_segments(
    cluster: Cluster, built_here: Path, tree: Path, tmp_path: Path
) -> None:
    cluster.drive("build", tmp_path / "index", tree, tmp_path / "mark")
    assert ids_of(tmp_path / "index") == ids_of(built_here)


def test_a_worker_that_is_killed_loses_nothing(
    cluster: Cluster, built_here: Path, tree: Path, tmp_path: Path
) -> None:
    cluster.drive("build", tmp_path / "index", tree, tmp_path / "mark", 0)
    assert (tmp_path / "mark").exists()
    assert ids_of(tmp_path / "index") == ids_of(built_here)


def test_a_node_that_is_killed_loses_nothing(
    cluster: Cluster, built_here: Path, tree: Path, tmp_path: Path
) -> None:
    """A third node is there when the build begins, and gone with all its processes before it ends."""
    node = cluster.start_node()
    try:
        cluster.drive("wait_for_nodes", 3)
        cluster.drive("build", tmp_path / "index", tree, tmp_path / "mark", raylet_of(node))
        assert (tmp_path / "mark").exists()
    finally:
        os.killpg(node.pid, signal.SIGKILL)
        node.wait()
    cluster.drive("wait_for_nodes", 2)
    assert ids_of(tmp_path / "index") == ids_of(built_here)


def raylet_of(node: subprocess.Popen[bytes]) -> int:
    """The process that speaks for a node: without it the node is gone."""
    children = subprocess.run(
        ["ps", "--no-headers", "-o", "pid,comm", "-s", str(node.pid)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    (raylet,) = [int(line.split()[0]) for line in children if line.split()[1] == "raylet"]
    return raylet


@pytest.mark.parametrize("parts", [1, 3])
def test_a_served_index_answers_as_the_one_in_the_folder(
    cluster: Cluster, built_here: Path, tree: Path, parts: int
) -> None:
    texts = [tree / "queues.py", tree / "base_events.py"]
    assert int(cluster.drive("compare", built_here, parts, *texts)) == drive.PARTS


def test_replicas_that_are_killed_never_make_an_answer_wrong(
    cluster: Cluster, built_here: Path, tree: Path
) -> None:
    outcomes = json.loads(cluster.drive("kill_replicas", built_here, tree / "queues.py"))
    assert outcomes["right"] >= 10
    assert outcomes["killed"] == 3
    assert "wrong" not in outcomes


def test_changes_of_the_index_are_answered_from_at_once(
    cluster: Cluster, tree: Path, stdlib: Path, tmp_path: Path
) -> None:
    build_index(tmp_path / "index", read_tree(tree, skipped=Counter()), segment_bytes=100_000)
    outcomes = json.loads(
        cluster.drive("roll", tmp_path / "index", tree / "queues.py", stdlib / "concurrent")
    )
    assert set(outcomes) == {"right"}


def test_the_command_builds_on_a_cluster_and_says_so(cluster: Cluster, tree: Path, tmp_path: Path) -> None:
    """In a folder that has packages named like ours: nothing of it is imported anywhere."""
    for name in ("attribution", "lsp"):
        (cluster.folder / name).mkdir(exist_ok=True)
        (cluster.folder / name / "__init__.py").write_text("raise SystemExit('the workspace was imported')\n")
    done = cluster.run(
        SC_ATTRIB, "index", "build", "--index", tmp_path / "index", "--tree", tree, "--ray", cluster.address
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path / 'index'}: ")
    assert "Traceback" not in done.stderr


def test_sources_without_code_leave_what_was_there(
    cluster: Cluster, built_here: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    before = ids_of(built_here)
    done = cluster.run(
        SC_ATTRIB,
        "index",
        "build",
        "--index",
        built_here,
        "--tree",
        tmp_path / "empty",
        "--ray",
        cluster.address,
    )
    assert done.returncode == 2
    assert "the sources hold no source code" in done.stderr
    assert ids_of(built_here) == before
