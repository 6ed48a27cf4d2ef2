"""Running steps in child processes under limits, and keeping the indexes that they build."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scaling.child import Task
from scaling.engines import ENGINES, Engine

_HERE = Path(__file__).parents[1]
_BUILT = "built.json"
_POLL_S = 0.1
_FREE_BYTES = 6 << 30
"""A step is ended when less than this is left on the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where a step is given up."""

    seconds: float
    memory_bytes: int


class NotFinishedError(Exception):
    """A step reached a limit, or failed; the text says which."""


def run_step(step: str, task: Task, limits: Limits) -> dict[str, Any]:
    """Run one step in a process group of its own; raise :class:`NotFinishedError` where it is given up."""
    with tempfile.TemporaryDirectory(prefix="sc-attrib-scale-") as folder:
        task_path, result_path, log_path = (Path(folder, n) for n in ("task", "result", "log"))
        task_path.write_bytes(pickle.dumps(task))
        paths = os.pathsep.join([str(_HERE), str(_HERE.parent)])
        # copydetect hashes with Python's own salt, and its fingerprints travel from one step to the next
        environment = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "0"}
        with log_path.open("wb") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "scaling.child", step, task_path, result_path],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
            try:
                anonymous = _wait(child, limits, task.directory)
            finally:
                _end(child)
        if child.returncode != 0:
            last = log_path.read_text("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
            raise NotFinishedError(f"failed: {last[0][:120]}")
        result: dict[str, Any] = json.loads(result_path.read_text(encoding="utf-8"))
        return {**result, "peak_anonymous_bytes": anonymous}


def _wait(child: subprocess.Popen[bytes], limits: Limits, directory: Path) -> int:
    """Wait under the limits; answer the most anonymous memory that the process group was seen to hold."""
    started, most = time.monotonic(), 0
    while child.poll() is None:
        seen = _anonymous_bytes(child.pid)
        most = max(most, seen)
        if time.monotonic() - started > limits.seconds:
            raise NotFinishedError(f"not finished in {limits.seconds:,.0f} s")
        if seen > limits.memory_bytes:
            raise NotFinishedError(f"needs more than {limits.memory_bytes / 2**30:.0f} GiB of memory")
        if shutil.disk_usage(_existing(directory)).free < _FREE_BYTES:
            raise NotFinishedError("fills the disk")
        time.sleep(_POLL_S)
    return most


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _anonymous_bytes(group: int) -> int:
    """Anonymous memory of all processes of a group."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                    total += _field(entry / "status", "RssAnon")
    return total


def _field(status: Path, name: str) -> int:
    line = next((row for row in status.read_text().splitlines() if row.startswith(name + ":")), "x 0")
    return int(line.split()[1]) << 10


def _end(child: subprocess.Popen[bytes]) -> None:
    """End what is left of the child's group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def build_kept(engine: Engine, task: Task, limits: Limits, root: Path, corpus: str) -> dict[str, Any]:
    """Build an index, or take the one that the same engine built of the same files before.

    Indexes of other versions of the engine at this size are deleted. ``task.directory`` must be the one
    that :func:`index_folder` names.
    """
    folder = task.directory.parent
    kept = folder / _BUILT
    if kept.is_file():
        figures: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return figures | {"kept": True}
    for other in root.glob(f"{engine.name}-{task.documents}-*"):
        shutil.rmtree(other)
    folder.mkdir(parents=True)
    try:
        figures = run_step("build", task, limits)
        figures |= {
            "disk_bytes": disk_bytes(task.directory),
            "corpus": corpus,
            "built": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        }
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    kept.write_text(json.dumps(figures), encoding="utf-8")
    return figures


def index_folder(root: Path, engine: str, documents: int, corpus: str) -> Path:
    """Where an index lies: its name says engine, size, version and corpus."""
    adapter = zlib.crc32(inspect.getsource(ENGINES[engine].build).encode())
    return root / f"{engine}-{documents}-{ENGINES[engine].version()}-{adapter:08x}-{corpus}" / "index"


def disk_bytes(directory: Path) -> int:
    """Bytes that the files of a folder take."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
