"""Muon on matrices, AdamW on everything else, and one schedule for both.

Muon (Jordan et al. 2024): momentum, then the nearest semi-orthogonal matrix by Newton-Schulz iteration;
the update is scaled to AdamW's root mean square (Liu et al. 2025, "Muon is Scalable"). ``torch.optim.Muon``
is the oracle in the tests and not used itself: it iterates in bfloat16 whatever the device, which takes
seconds per update on a CPU without bf16 arithmetic (docs/experiments.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from training.model import CausalModel, head_weight
from training.recipes.recipe import OptimizerRecipe

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_RMS_OF_ADAMW = 0.2


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal; takes two-dimensional parameters only."""

    def __init__(
        self, params: Iterable[Tensor], *, rate: float, momentum: float, weight_decay: float
    ) -> None:
        super().__init__(params, {"lr": rate, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    self._update(matrix, matrix.grad, group)

    def _update(self, matrix: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        state["momentum"].lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(state["momentum"], group["momentum"])
        matrix.mul_(1 - group["lr"] * group["weight_decay"])
        matrix.add_(orthogonalize(ahead), alpha=-group["lr"] * _RMS_OF_ADAMW * max(matrix.shape) ** 0.5)


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
    """Split what is trained: matrices to ``muon``; embeddings, head, biases and norms to ``adamw``."""
    outer = _outer_weights(model)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [p for p in trained if p.ndim == 2 and p not in outer]
    others = [p for p in trained if p.ndim != 2 or p in outer]
    return {
        "muon": Muon(
            matrices, rate=recipe.matrix_rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        ),
        "adamw": torch.optim.AdamW(
            others, lr=recipe.other_rate, betas=recipe.betas, eps=1e-10, weight_decay=0.0
        ),
    }


def _outer_weights(model: CausalModel) -> set[Tensor]:
    """What stands at the ends of a model, tokens or positions on one side of it: no map between features."""
    embeddings = {m.weight for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    return embeddings | {head_weight(model)}


def rate_factor(update: int, updates: int, *, warmup_share: float, decay_share: float) -> float:
    """Warm-up, stable, linear decay to nothing (WSD, Hu et al. 2024): what to multiply rates by, 0 to 1.

    ``update`` counts from 0. The warm-up has at least one update.

    >>> [round(rate_factor(u, 10, warmup_share=0.2, decay_share=0.4), 2) for u in range(10)]
    [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    warmup = max(1.0, warmup_share * updates)
    decay = max(1.0, decay_share * updates)
    return min(1.0, (update + 1) / warmup, (updates - update) / decay)


def set_rates(optimizers: dict[str, torch.optim.Optimizer], recipe: OptimizerRecipe, factor: float) -> None:
    """Set the learning rates of an update."""
    for name, rate in (("muon", recipe.matrix_rate), ("adamw", recipe.other_rate)):
        for group in optimizers[name].param_groups:
            group["lr"] = rate * factor
