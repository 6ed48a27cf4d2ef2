"""Bits per byte of held-out text: what a model would need to compress it, whatever its tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.evaluation.held_out import HeldOutFile, some_of
from training.evaluation.infill import ServedModel

_MOST_WINDOW = 2048
"""Tokens; logits of a window are kept at once."""


def draw_windows(
    files: Sequence[HeldOutFile], model: ServedModel, *, count: int, seed: int = 0
) -> list[list[int]]:
    """Cut files into stretches of the model's context and draw some; each has two tokens at least.

    Of more than 8 MiB only a random part is looked at.
    """
    width = window_tokens(model)
    stretches: list[list[int]] = []
    for file in some_of(files, seed=seed):
        ids = model.encode(file.text)
        stretches += [ids[start : start + width] for start in range(0, len(ids), width)]
    stretches = [stretch for stretch in stretches if len(stretch) > 1]
    order = np.random.default_rng(seed).permutation(len(stretches))
    return [stretches[place] for place in order[:count]]


def window_tokens(model: ServedModel) -> int:
    """Tokens that are scored together."""
    return min(model.context_tokens, _MOST_WINDOW)


def scored_bytes(windows: Sequence[Sequence[int]], model: ServedModel) -> int:
    """Bytes of all tokens but the first of each window, which nothing precedes."""
    return sum(len(model.decode([token])) for window in windows for token in window[1:])


def model_bits(path: Path, windows: Sequence[Sequence[int]], *, width: int) -> float:
    """Bits that a GGUF model needs for all tokens of windows but the first ones."""
    from training.served import LlamaModel

    model = LlamaModel(path, all_logits=True, context_tokens=width)
    try:
        return sum(_bits(model.logits(list(window)), window) for window in windows)
    finally:
        model.close()


def _bits(logits: np.ndarray[tuple[int, ...], np.dtype[np.float32]], window: Sequence[int]) -> float:
    scores = logits[:-1].astype(np.float64)
    scores -= scores.max(axis=1, keepdims=True)
    of_token = scores[np.arange(len(window) - 1), list(window[1:])]
    return float((np.log(np.exp(scores).sum(axis=1)) - of_token).sum() / np.log(2))
