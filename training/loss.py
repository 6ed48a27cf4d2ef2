"""Cross-entropy over a vocabulary without ever holding the logits of a whole batch.

Chunks of 256 positions keep logits inside the processor's cache, and the gradient is taken while they are
still there. Figures in docs/experiments.md; the plain formula is the oracle in the tests.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from training.data.shards import IGNORED

CHUNK_POSITIONS = 256
_GPU_CHUNK_POSITIONS = 4096
"""A GPU wants large products, and has the memory."""


class _SummedCrossEntropy(torch.autograd.Function):
    """Sum of the negative log-likelihoods; the gradients of its inputs are found in the forward pass."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        # float32 sums even under bf16 autocast
        hidden_gradient = torch.empty_like(hidden)
        weight_gradient = torch.zeros_like(weight, dtype=torch.float32) if ctx.needs_input_grad[1] else None
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        head = weight.to(hidden.dtype)
        size = CHUNK_POSITIONS if hidden.device.type == "cpu" else _GPU_CHUNK_POSITIONS
        for start in range(0, hidden.shape[0], size):
            part = slice(start, start + size)
            logits = (hidden[part] @ head.T).float()
            wanted = targets[part, None]
            logits -= logits.amax(dim=1, keepdim=True)
            wanted_logits = logits.gather(1, wanted)
            probabilities = logits.exp_()
            sums = probabilities.sum(dim=1, keepdim=True)
            total += (sums.log() - wanted_logits).sum()
            probabilities /= sums
            probabilities.scatter_add_(1, wanted, torch.full_like(wanted_logits, -1.0))
            gradient = probabilities.to(hidden.dtype)
            hidden_gradient[part] = gradient @ head
            if weight_gradient is not None:
                _add_product(weight_gradient, gradient.T, hidden[part])
        narrow = None if weight_gradient is None else weight_gradient.to(weight.dtype)
        ctx.save_for_backward(hidden_gradient, narrow)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor | None, None]:
        hidden_gradient, weight_gradient = ctx.saved_tensors
        scaled = None if weight_gradient is None else weight_gradient * gradients[0]  # a frozen head has none
        return hidden_gradient * gradients[0], scaled, None


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add a product to a float32 sum; of bfloat16 factors it is made in bfloat16, where a GPU is fast."""
    if left.dtype == total.dtype:
        total.addmm_(left, right)
    else:
        total += left @ right


def summed_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Sum of the negative log-likelihoods in nats over targets that are not ``IGNORED``.

    ``hidden`` (..., width), ``weight`` (vocabulary, width), ``targets`` (...).
    """
    counted = targets != IGNORED
    total: Tensor = _SummedCrossEntropy.apply(hidden[counted], weight, targets[counted])  # type: ignore[no-untyped-call]
    return total
