"""The parts of an index as deployments of Ray Serve: each has replicas, on machines that see the folder."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.cluster.library import LiveCluster
from attribution.cluster.replica import PartReplica, Reply
from attribution.errors import ClusterError
from attribution.index.catalog import read_catalog
from attribution.index.parts import Question

if TYPE_CHECKING:
    from ray.serve.handle import DeploymentHandle

_PROCESSORS = 0.25
"""Of a machine, kept for each replica: it waits most of the time, and what it holds is mapped, not loaded."""
_AT_ONCE = 16
"""Look-ups that a replica works on together; kernels run outside Python's lock."""
_THROUGH_OBJECT_STORE = False
"""Answers are small and read once: straight from a replica they come in half the time (docs/cluster.md)."""


class ServedPart:
    """What Ray Serve runs."""

    def __init__(self, directory: str, number: int, parts: int) -> None:
        """Open a part."""
        self._replica = PartReplica(Path(directory), number, parts)

    async def reply(self, question: Question[Any], generation: str) -> Reply:
        """Answer in a thread, so that others are heard meanwhile."""
        return await asyncio.to_thread(self._replica.reply, question, generation)


class Ingress:
    """Ray Serve wants one deployment that the others belong to."""

    def __init__(self, *parts: DeploymentHandle[ServedPart]) -> None:
        """Nothing to do."""


@contextmanager
def served_index(
    directory: Path, *, parts: int, replicas: int, name: str = "sc-attrib"
) -> Iterator[LiveCluster]:
    """Serve an index from the cluster that this process is connected to, until the end.

    Every machine must see the folder under the same path. What changes in it is answered from as soon as it
    is committed. Raises :class:`ClusterError` where the parts do not come up, and a subclass of
    :class:`IndexUnusableError` where there is no index.
    """
    from ray import serve

    read_catalog(directory)
    logging.getLogger("ray.serve").setLevel(logging.ERROR)  # what goes wrong, whoever asks is told
    with redirect_stdout(sys.stderr):
        handles = _deploy(directory, parts=parts, replicas=replicas, name=name)
        try:
            yield LiveCluster(directory, handles)
        finally:
            serve.delete(name)


def _deploy(directory: Path, *, parts: int, replicas: int, name: str) -> list[DeploymentHandle[ServedPart]]:
    from ray import serve
    from ray.exceptions import RayError

    deployed: Any = serve.deployment
    deployment = deployed(
        num_replicas=replicas,
        max_ongoing_requests=_AT_ONCE,
        ray_actor_options={"num_cpus": _PROCESSORS},
    )(ServedPart)
    names = [f"part-{number}" for number in range(parts)]
    bound = [
        deployment.options(name=each).bind(str(directory), number, parts) for number, each in enumerate(names)
    ]
    ingress = deployed(ray_actor_options={"num_cpus": 0})(Ingress)
    try:
        serve.start(proxy_location="Disabled")
        serve.run(ingress.bind(*bound), name=name, route_prefix=None)
    except (RayError, RuntimeError) as error:
        reason = " ".join(str(error).split())[-300:]
        raise ClusterError("", f"the parts of {directory} cannot be served ({reason})") from error
    handles = [serve.get_deployment_handle(each, name) for each in names]
    return [handle.options(_by_reference=_THROUGH_OBJECT_STORE) for handle in handles]
