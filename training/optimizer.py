"""Muon on matrices, AdamW on everything else or on all, and one schedule for both.

Muon (Jordan et al. 2024): momentum, then the nearest semi-orthogonal matrix by Newton-Schulz iteration;
the update is scaled to AdamW's root mean square (Liu et al. 2025, "Muon is Scalable"). ``torch.optim.Muon``
is the oracle in the tests and not used itself: it iterates in bfloat16 whatever the device, which takes
seconds per update on a CPU without bf16 arithmetic (docs/experiments.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from training.model import CausalModel, head_weight
from training.recipes.recipe import Budget, OptimizerRecipe
from training.sharded_muon import exchanged

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_RMS_OF_ADAMW = 0.2


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal; takes two-dimensional parameters only."""

    def __init__(self, groups: Iterable[dict[str, Any]], *, momentum: float) -> None:
        """``groups`` have ``params``, ``lr`` and ``weight_decay``."""
        super().__init__(groups, {"momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            # matrices of one shape side by side, so that processes that share them have equal work
            matrices = sorted((m for m in group["params"] if m.grad is not None), key=lambda m: -m.numel())
            for part in _at_a_time(matrices):
                for matrix, direction in zip(part, orthogonal(self._aheads(part, group)), strict=True):
                    rate = group["lr"] * _RMS_OF_ADAMW * max(matrix.shape) ** 0.5
                    matrix.mul_(1 - group["lr"] * group["weight_decay"])
                    matrix.add_(direction, alpha=-rate)

    def _aheads(self, matrices: Sequence[Tensor], group: dict[str, Any]) -> list[Tensor]:
        """Nesterov's look ahead: the gradient, mixed with the momentum that it has just changed."""
        aheads = []
        for matrix in matrices:
            gradient, state = matrix.grad, self.state[matrix]
            if gradient is None:
                raise AssertionError("matrices without a gradient were left out")
            if not state:
                state["momentum"] = torch.zeros_like(matrix)
            state["momentum"].lerp_(gradient, 1 - group["momentum"])
            aheads.append(gradient.lerp(state["momentum"], group["momentum"]))
        return aheads


def _at_a_time(matrices: Sequence[Tensor]) -> Iterator[Sequence[Tensor]]:
    """One by one, or as many as there are processes that share them."""
    first = next(iter(matrices), None)
    count = first.device_mesh.size() if isinstance(first, DTensor) else 1
    for start in range(0, len(matrices), count):
        yield matrices[start : start + count]


def orthogonal(matrices: Sequence[Tensor]) -> list[Tensor]:
    """:func:`orthogonalize` matrices, each by one of the processes among which they are cut, if they are."""
    cut = [matrix for matrix in matrices if isinstance(matrix, DTensor)]
    return exchanged(cut, orthogonalize) if cut else [orthogonalize(matrix) for matrix in matrices]


def orthogonalize(matrix: Tensor) -> Tensor:
    """Bring all singular values of a matrix near 1 by a quintic Newton-Schulz iteration.

    In float32 on a CPU, in bfloat16 on an accelerator.
    """
    a, b, c = _COEFFICIENTS
    x = matrix.float() if matrix.device.type == "cpu" else matrix.bfloat16()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).to(matrix.dtype)


def make_optimizers(model: CausalModel, recipe: OptimizerRecipe) -> dict[str, torch.optim.Optimizer]:
    """Split what is trained: matrices as the recipe says; embeddings, head, biases and norms to ``adamw``.

    An optimiser that would have nothing to do is left out.
    """
    outer = _outer_weights(model)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [p for p in trained if p.ndim == 2 and p not in outer]
    others = [p for p in trained if p.ndim != 2 or p in outer]
    groups = [
        {"params": matrices, "lr": recipe.matrix_rate, "weight_decay": recipe.weight_decay},
        {"params": others, "lr": recipe.other_rate, "weight_decay": 0.0},
    ]
    optimizers: dict[str, torch.optim.Optimizer] = {}
    if recipe.matrices == "muon":
        matrix_group = groups.pop(0)
        if matrices:
            optimizers["muon"] = Muon([matrix_group], momentum=recipe.momentum)
    groups = [group for group in groups if group["params"]]
    if groups:
        optimizers["adamw"] = torch.optim.AdamW(groups, betas=recipe.betas, eps=1e-10)
    for group in (group for optimizer in optimizers.values() for group in optimizer.param_groups):
        group["full_rate"] = group["lr"]
    return optimizers


def _outer_weights(model: CausalModel) -> set[Tensor]:
    """What stands at the ends of a model, tokens or positions on one side of it: no map between features."""
    embeddings = {m.weight for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    return embeddings | {head_weight(model)}


def rate_factor(update: int, updates: int, budget: Budget) -> float:
    """What to multiply rates by at an update, 0 to 1; ``update`` counts from 0.

    After a linear warm-up of at least one update, ``wsd`` (Hu et al. 2024) stays and then decays linearly;
    ``cosine`` falls along half a cosine. Both end at ``final_share``.

    >>> budget = Budget(tokens=1, warmup_share=0.2, decay_share=0.4)
    >>> [round(rate_factor(u, 10, budget), 2) for u in range(10)]
    [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    >>> budget = Budget(tokens=1, warmup_share=0.2, schedule="cosine", final_share=0.1)
    >>> [round(rate_factor(u, 10, budget), 2) for u in range(10)]
    [0.5, 1.0, 1.0, 0.97, 0.87, 0.72, 0.55, 0.38, 0.23, 0.13]
    """
    warmup = max(1.0, budget.warmup_share * updates)
    if budget.schedule == "cosine":
        done = max(0.0, update - warmup) / max(1.0, updates - warmup)
        left = (1 + math.cos(math.pi * done)) / 2
    else:
        left = min(1.0, (updates - update) / max(1.0, budget.decay_share * updates))
    return min((update + 1) / warmup, budget.final_share + (1 - budget.final_share) * left)


def set_rates(optimizers: dict[str, torch.optim.Optimizer], factor: float) -> None:
    """Set the learning rates of an update."""
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = group["full_rate"] * factor
