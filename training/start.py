"""Weights to begin a run with: those of a checkpoint, of another stage or of somebody else's training."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from training.checkpoint import load_weights
from training.errors import CheckpointMismatchError, ExportError
from training.model import CausalModel
from training.tokenizer import fingerprint, load_tokenizer
from training.weights import Weights


def begin_with(checkpoint: Path, model: CausalModel, *, tokenizer: str) -> str:
    """Give a model the weights of a folder that transformers loads; answer their digest.

    Context and RoPE base may differ, since no weight depends on them; ``tokenizer`` is the fingerprint of the
    one that made the ids to learn from. Raises :class:`training.errors.TrainingError`.
    """
    if not (checkpoint / "config.json").is_file():
        raise ExportError(
            checkpoint,
            "is no model",
            remedy="name a folder checkpoint-… of a run, or any that transformers loads",
        )
    if fingerprint(load_tokenizer(checkpoint / "tokenizer.json")) != tokenizer:
        raise CheckpointMismatchError(checkpoint, "its tokenizer is not the one that made these shards")
    weights = Weights(checkpoint)
    tensors = {name: torch.from_numpy(weights.read(name)) for name in weights.shapes}
    try:
        load_weights(model, tensors)
    except RuntimeError as error:
        raise CheckpointMismatchError(
            checkpoint, f"its weights are not of the shape that this recipe has ({error})"
        ) from error
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(name.encode())
        found.update(tensors[name].numpy().tobytes())
    return found.hexdigest()[:16]
