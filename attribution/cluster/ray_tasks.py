"""Tasks on the machines of a Ray cluster, which share the folder that is worked on.

Tasks of Ray's core, not Ray Data: docs/curation.md has the figures. A task works on paths, or on files that
the driver has just read, and leaves a whole file, so there is nothing for a data set to hold.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import chdir, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from attribution.cluster.pool import Failure, Pool, R, T, answer_of, run_guarded
from attribution.errors import ClusterError, MissingExtraError

if TYPE_CHECKING:
    from ray import ObjectRef

LOCAL = "local"
"""Instead of an address: a cluster of this machine alone, which ends with the run."""
_RETRIES = 5
"""Of a task whose worker or machine is lost."""
_AHEAD = 2
"""Tasks taken ahead for each processor: answers come in order, and a slow one must not stop the others."""
_KNOCK_SECONDS = 10.0
_START_SECONDS = "180"
_LOST = "a task was lost {} times ({}); run the same command again: it goes on where it stopped"


@contextmanager
def ray_cluster(address: str, *, processes: int) -> Iterator[Cluster]:
    """Connect to a cluster.

    ``address`` is what Ray takes (``auto``, ``HOST:PORT``) or :data:`LOCAL`, where ``processes`` work. Who is
    connected to a cluster already uses that one, and stays so. Raises :class:`MissingExtraError` and
    :class:`ClusterError`.
    """
    if importlib.util.find_spec("ray") is None:
        raise MissingExtraError("working on a cluster", "ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when it is imported: nothing is reported to anybody
    os.environ.setdefault("RAY_raylet_start_wait_time_s", _START_SECONDS)  # a busy machine takes its time
    import ray

    is_ours = not ray.is_initialized()
    with redirect_stdout(sys.stderr):  # where a thread of Ray's tells of workers that died; ours is data
        if is_ours:
            _connect(address, processes)
        try:
            yield Cluster(address)
        finally:
            if is_ours:
                ray.shutdown()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Ray cluster that this process is connected to."""

    address: str

    @property
    def processors(self) -> int:
        """Processors of all machines."""
        return _processors()

    def sharing(self, shared: Path) -> Pool:
        """A pool of all processors; raises :class:`ClusterError` unless every machine sees this file."""
        _ensure_usable(self.address, shared)
        return _RayTasks(self.address)


def _connect(address: str, processes: int) -> None:
    import ray

    own: dict[str, Any] = {"num_cpus": processes, "include_dashboard": False} if address == LOCAL else {}
    try:
        _knock(address)
        with TemporaryDirectory() as nowhere, chdir(nowhere):  # what Ray's workers would import from, too
            ray.init(address=address, configure_logging=False, log_to_driver=False, **own)
    except Exception as error:  # Ray raises bare ones, too
        reason = " ".join(str(error).split())
        raise ClusterError(
            address, f"it cannot be reached ({reason})", remedy="start it with 'ray start --head'"
        ) from error


def _knock(address: str) -> None:
    """Raise :class:`OSError` where nobody listens: Ray itself would try for many minutes."""
    host, _, port = address.rpartition(":")
    if host and "/" not in host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()


class _RayTasks:
    """The processors of a connected cluster."""

    def __init__(self, address: str) -> None:
        self._address = address

    def map_in_order(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """As :class:`Pool` says; raises :class:`ClusterError` where a task is lost again and again."""
        import ray

        guarded: Any = ray.remote(num_cpus=1, max_retries=_RETRIES)(run_guarded)
        waiting: deque[ObjectRef[R | Failure]] = deque()
        try:
            for task in tasks:
                waiting.append(guarded.remote(function, task))
                if len(waiting) > _AHEAD * _processors():
                    yield self._answer(waiting.popleft())
            while waiting:
                yield self._answer(waiting.popleft())
        finally:
            for reference in waiting:
                ray.cancel(reference)

    def _answer(self, reference: ObjectRef[R | Failure]) -> R:
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            return answer_of(ray.get(reference))
        except RayTaskError as error:
            raise error.cause from None
        except RayError as error:
            reason = " ".join(str(error).partition("\n")[0].split())
            raise ClusterError(self._address, _LOST.format(_RETRIES + 1, reason)) from error


def _processors() -> int:
    import ray

    return int(_untyped(ray.cluster_resources)().get("CPU", 1))


def _ensure_usable(address: str, shared: Path) -> None:
    """Ask every machine for its installation and for a file of the run; raise :class:`ClusterError`."""
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(num_cpus=0)(_look)
    ours = _version()
    for node in _untyped(ray.nodes)():
        if not (node["Alive"] and node["Resources"].get("CPU")):
            continue
        name, here = node["NodeManagerAddress"], NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        try:
            version, content = ray.get(look.options(scheduling_strategy=here).remote(shared))
        except RayError as error:
            raise ClusterError(
                address,
                f"{name} cannot run sc-attrib ({' '.join(str(error).split())[-200:]})",
                remedy=f"install sc-attrib {ours} there",
            ) from error
        if version != ours:
            raise ClusterError(
                address, f"{name} has sc-attrib {version}", remedy=f"install sc-attrib {ours} there"
            )
        if content != shared.read_bytes():
            raise ClusterError(
                address,
                f"{name} does not see {shared.parent}",
                remedy="name a folder that all machines share, under one path",
            )


def _untyped(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of Ray without annotations, so that its calls are typed."""
    return function


def _look(shared: Path) -> tuple[str, bytes]:
    """On a machine of the cluster: which version it has, and what it reads there."""
    return _version(), shared.read_bytes() if shared.is_file() else b""


def _version() -> str:
    return importlib.metadata.version("sc-attrib")
