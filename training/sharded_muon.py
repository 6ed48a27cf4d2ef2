"""Muon where matrices are cut among processes: every matrix is made orthogonal once, by one of them.

A part of a matrix cannot be made orthogonal without the rest. So as many matrices as there are processes are
taken at a time; in one exchange (all-to-all) each process gets all parts of one matrix, makes it orthogonal,
and in a second exchange everyone gets their part of each back. Work and traffic are spread evenly, and nobody
holds more than one whole matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor


def exchanged(matrices: Sequence[DTensor], compute: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """``compute`` of matrices that are cut along their rows, cut as they were.

    At most as many matrices as processes; ``compute`` answers the shape that it is given.
    """
    mesh = matrices[0].device_mesh
    group, rank, size = mesh.get_group(), mesh.get_local_rank(), mesh.size()
    parts = [matrix.to_local() for matrix in matrices]
    sent = [part.numel() for part in parts] + [0] * (size - len(parts))
    mine = matrices[rank] if rank < len(matrices) else None
    received = _part_sizes(mine.shape, size) if mine is not None else [0] * size

    gathered = parts[0].new_empty(sum(received))
    dist.all_to_all_single(gathered, torch.cat([p.flatten() for p in parts]), received, sent, group)
    if mine is not None:
        gathered = compute(gathered.view(mine.shape)).flatten()
    returned = torch.empty(sum(sent), dtype=parts[0].dtype, device=parts[0].device)
    dist.all_to_all_single(returned, gathered, sent, received, group)
    return [
        DTensor.from_local(
            part.view(local.shape), mesh, matrix.placements, shape=matrix.shape, stride=matrix.stride()
        )
        for part, local, matrix in zip(torch.split(returned, sent), parts, matrices, strict=False)
    ]


def _part_sizes(shape: torch.Size, processes: int) -> list[int]:
    """Elements of each process's part: FSDP2 gives the first ones ``ceil(rows / processes)`` rows.

    >>> _part_sizes(torch.Size((5, 10)), 4)
    [20, 20, 10, 0]
    """
    rows, columns = shape
    most = -(-rows // processes)
    return [max(0, min(most, rows - most * rank)) * columns for rank in range(processes)]
