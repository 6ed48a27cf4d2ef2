"""How much arithmetic a token costs, and how much a device could do: the two halves of MFU.

Model FLOPs utilisation (Chowdhery et al. 2022, appendix B): what forward and backward of a model must
compute, over what the device could have computed in that time. A token costs 6 operations a weight that it
is multiplied with, and 12 × layers × width × length for attention over a row. Both follow that paper:
attention counts the whole square though half of it is masked, and recomputed activations do not count.
"""

from __future__ import annotations

import time
from functools import lru_cache

import torch

from training.model import CausalModel, blocks_of, head_weight, window_of

_PEAKS = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "RTX 4090": 165e12,
    "A10": 125e12,
    "T4": 65e12,
}
"""Dense bfloat16 operations a second (T4: float16), by data sheets; the first that a name contains."""


def flops_per_token(model: CausalModel, row_tokens: int) -> int:
    """Operations of forward and backward for one position of a row."""
    looked_up = {m.weight for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    looked_up -= {head_weight(model)}
    weights: int = sum(p.numel() for p in model.parameters() if p not in looked_up)
    seen = min(row_tokens, window_of(model) or row_tokens)
    width: int = model.config.hidden_size
    return 6 * weights + 12 * len(blocks_of(model)) * width * seen


def peak_flops(device: torch.device) -> float | None:
    """Operations a second that a device can do; ``None`` for an accelerator that the table does not know.

    A CPU is measured: the fastest of a few products of float32 matrices, with the threads that torch has now.
    """
    if device.type == "cpu":
        return _measured_peak(torch.get_num_threads())
    name = torch.cuda.get_device_name(device)
    return next((peak for known, peak in _PEAKS.items() if known in name), None)


@lru_cache
def _measured_peak(threads: int) -> float:
    """By processor time, so that neighbours do not make the machine look smaller than it is."""
    size = 2048
    left, right = torch.ones(size, size), torch.ones(size, size)
    seconds = []
    for _ in range(4):
        started = time.process_time()
        left @ right
        seconds.append((time.process_time() - started) / threads)
    return 2 * size**3 / min(seconds)
