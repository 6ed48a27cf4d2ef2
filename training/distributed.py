"""The processes that train one model together: torchrun starts them, FSDP2 cuts the model among them.

Every process reads its own share of the rows of an update. The weights, their gradients and the optimiser's
state are cut along the first dimension (``fully_shard``, block by block), so each process keeps an equal
part; a block is put together while it is computed with. Gradients are summed, not averaged: losses are
divided by the number of targets of all processes beforehand, so every token weighs the same.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from attribution.errors import ScAttribError
from training.errors import TrainingError, UnevenBatchError
from training.model import NextTokenLoss, blocks_of

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One process among those that train together."""

    rank: int
    """From 0."""
    size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def sum(self, value: float) -> float:
        """Add a number up over all processes, in double precision."""
        if self.size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return total.item()

    def share(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of an update that this process reads; raise :class:`UnevenBatchError`."""
        if len(rows) % self.size:
            raise UnevenBatchError(rows=len(rows), processes=self.size)
        each = len(rows) // self.size
        return rows[self.rank * each : (self.rank + 1) * each]

    def on_main(self, action: Callable[[], object]) -> None:
        """Let the main process act while the others wait; what goes wrong there is raised in all."""
        failure: Exception | None = None
        if self.is_main:
            try:
                action()
            except Exception as error:
                failure = error
        if self.size > 1:
            told = [failure and portable(failure)]
            dist.broadcast_object_list(told, device=self.device)
            failure = failure or told[0]
        if failure is not None:
            raise failure

    def main_first(self, action: Callable[[], Result]) -> Result:
        """Let every process act, the main one before the others, who find what it has made."""
        results: list[Result] = []
        self.on_main(lambda: results.append(action()))
        return results[0] if results else action()


def portable(error: Exception) -> Exception:
    """What another process can raise instead of an error: the same, or one of ours in its words.

    Pickle makes an exception anew from its message alone, which ours are not made of.
    """
    if isinstance(error, ScAttribError):
        return TrainingError(str(error))
    try:
        restored: Exception = pickle.loads(pickle.dumps(error))
    except Exception:  # whatever the makers of an exception did not think of
        return RuntimeError(f"{type(error).__name__}: {error}")
    return restored


@contextmanager
def joined_world() -> Iterator[World]:
    """Join the processes that torchrun started; a process that it did not start is a world of its own."""
    on_gpu = torch.cuda.is_available()
    if not dist.is_torchelastic_launched():
        yield World(rank=0, size=1, device=torch.device("cuda" if on_gpu else "cpu"))
        return
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield World(rank=dist.get_rank(), size=dist.get_world_size(), device=device)
    finally:
        dist.destroy_process_group()


def leave(code: int) -> int:
    """Answer the exit code; a process that torchrun started ends with it here, once all is said and written.

    Threads of gloo may still hold tensors. If one lets go of them while the interpreter is taken down, the
    process ends with SIGABRT, and torchrun calls a run failed that did not
    (https://github.com/pytorch/pytorch/pull/179291).
    """
    if dist.is_torchelastic_launched():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def is_main_process() -> bool:
    """Whether this process is the one that speaks, known before and after it joined the others."""
    return int(os.environ.get("RANK", "0")) == 0 or not dist.is_torchelastic_launched()


def place(objective: NextTokenLoss, world: World) -> None:
    """Put a model on the device, or block by block, cut, on those of all processes."""
    if world.size == 1:
        objective.to(world.device)
        return
    mesh = init_device_mesh(world.device.type, (world.size,))
    policy = MixedPrecisionPolicy()
    if world.device.type != "cpu":
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for module in (*blocks_of(objective.model), objective):
        fully_shard(module, mesh=mesh, mp_policy=policy)
    for module in objective.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)


def clip_gradients(parameters: Iterable[Tensor], most: float) -> float:
    """Scale gradients so that their norm over all processes is at most ``most``; answer the norm before."""
    norm = torch.nn.utils.clip_grad_norm_(parameters, most)
    return whole(norm).item()


def whole(tensor: Tensor) -> Tensor:
    """Put a tensor together that is cut among processes; all of them must ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def cut_like(value: Tensor, model: Tensor) -> Tensor:
    """Keep of a whole tensor the part that this process has of another one; no process talks to another."""
    value = value.to(model.device)
    if not isinstance(model, DTensor):
        return value
    return distribute_tensor(value, model.device_mesh, model.placements, src_data_rank=None)


def gathered(tensors: dict[str, Tensor], world: World) -> dict[str, Tensor]:
    """Put tensors together on the main process, one after the other; the others get none."""
    kept: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        full: Any = whole(tensor.detach())
        if world.is_main:
            kept[name] = full.cpu().contiguous() if world.size > 1 else full.contiguous()
    return kept
