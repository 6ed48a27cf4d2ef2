"""Checkpoints: a folder that is whole or absent, and everything needed to go on to the same bit.

``checkpoint-000100/`` holds what transformers loads (``config.json``, ``model.safetensors``,
``tokenizer.json``) and what resuming needs: ``state.json``, and ``optimizer.safetensors`` or, of several
processes, ``sharded/`` with weights and optimiser state, each of them its part; ``SHA256SUMS`` lists all of
these. It is written under a temporary name, synced to disk and renamed; only then is the oldest one removed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.checksums import first_damage, write_checksums
from training.distributed import World, cut_like, gathered
from training.errors import CheckpointDamagedError, CheckpointMismatchError, CheckpointWriteError
from training.model import CausalModel
from training.sharded_checkpoint import FOLDER as SHARDED
from training.sharded_checkpoint import load_shards, save_shards

KEPT = 2
"""Checkpoints that stay on disk."""
_NAME = re.compile(r"checkpoint-[0-9]+")
_PARTIAL = ".partial"
_RANDOM_STATE = "random_state"
_STATE_KEYS = {"muon": ("momentum",), "adamw": ("step", "exp_avg", "exp_avg_sq")}
_FIXED_PARTS = {
    "model": "model",
    "data": "data",
    "tokenizer": "tokenizer",
    "update_rule": "seed, optimiser or batch size",
    "start": "beginning (--from)",
}
Optimizers = dict[str, torch.optim.Optimizer]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """Where a run stands."""

    update: int
    """Updates done."""
    tokens: int
    seconds: float
    """Training time so far, over all starts."""
    model: str
    """Digest of the recipe's model shape."""
    data: str
    """Digest of the recipe's data."""
    tokenizer: str
    """Fingerprint of the tokenizer."""
    update_rule: str = ""
    """Digest of seed, optimiser and batch; earlier versions did not record it."""
    recipe: str = ""
    """Name of the recipe; earlier versions did not record it."""
    start: str = ""
    """Digest of the weights that the run began with; empty where they were random."""


def save_checkpoint(
    run: Path,
    model: CausalModel,
    optimizers: Optimizers,
    state: TrainingState,
    *,
    tokenizer: Path,
    world: World,
) -> Path:
    """Write a checkpoint into a run's folder; raise :class:`CheckpointWriteError`, older ones unharmed.

    All processes must call it; what one of them cannot write is an error of all.
    """
    final = run / f"checkpoint-{state.update:06d}"
    partial = final.with_name(final.name + _PARTIAL)
    weights, tensors = stored_weights(model), _optimizer_tensors(model, optimizers)
    whole_weights = gathered(weights, world)

    def begin() -> None:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        model.config.save_pretrained(partial)
        shutil.copyfile(tokenizer, partial / "tokenizer.json")

    def finish() -> None:
        save_file(whole_weights, partial / "model.safetensors", metadata={"format": "pt"})
        if world.size == 1:
            save_file(tensors, partial / "optimizer.safetensors")
        (partial / "state.json").write_text(json.dumps(asdict(state), indent=1))
        write_checksums(partial)
        _sync(partial)
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
        _sync_folder(run)

    try:
        world.on_main(begin)
        if world.size > 1:
            save_shards(partial / SHARDED, _sharded_tensors(weights, tensors))
        world.on_main(finish)
    except (OSError, SafetensorError) as error:
        if world.is_main:
            shutil.rmtree(partial, ignore_errors=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise CheckpointWriteError(final, reason) from error
    if world.is_main:
        for old in list_checkpoints(run)[:-KEPT]:
            shutil.rmtree(old)
    return final


def _sharded_tensors(weights: dict[str, Tensor], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**{f"model/{name}": weight for name, weight in weights.items()}, **tensors}


def list_checkpoints(run: Path) -> list[Path]:
    """The whole checkpoints of a run, oldest first."""
    found = [p for p in run.glob("checkpoint-*") if _NAME.fullmatch(p.name) and (p / "state.json").is_file()]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def read_state(checkpoint: Path) -> TrainingState:
    """Read where a checkpoint stands; raise :class:`CheckpointDamagedError` where it cannot be told."""
    try:
        return TrainingState(**json.loads((checkpoint / "state.json").read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointDamagedError(checkpoint, f"its state.json cannot be read ({error})") from error


def load_checkpoint(
    checkpoint: Path, model: CausalModel, optimizers: Optimizers, expected: TrainingState, *, world: World
) -> TrainingState:
    """Put weights, optimiser state and random state back; all processes must call it.

    ``expected`` names shape, data, tokenizer and update rule of the run at hand. Raises
    :class:`CheckpointMismatchError` where the checkpoint has others, and :class:`CheckpointDamagedError`
    where its files are not those that were written.
    """
    state = read_state(checkpoint)
    _refuse_other(checkpoint, state, expected)
    world.on_main(lambda: _ensure_whole(checkpoint))
    if (checkpoint / SHARDED).is_dir():
        _load_shards(checkpoint, model, optimizers)
    else:
        _load_whole(checkpoint, model, optimizers)
    return state


def _ensure_whole(checkpoint: Path) -> None:
    damage = first_damage(checkpoint)
    if damage is not None:
        raise CheckpointDamagedError(checkpoint, damage)


def _load_whole(checkpoint: Path, model: CausalModel, optimizers: Optimizers) -> None:
    """What one process wrote; each process keeps its part."""
    try:
        weights = load_file(checkpoint / "model.safetensors")
        tensors = load_file(checkpoint / "optimizer.safetensors")
    except (OSError, SafetensorError) as error:
        raise CheckpointDamagedError(checkpoint, f"its weights cannot be read ({error})") from error
    try:
        load_weights(model, weights)
    except (KeyError, RuntimeError) as error:
        raise CheckpointMismatchError(checkpoint, "its weights are not those of this model") from error
    try:
        torch.set_rng_state(tensors.pop(_RANDOM_STATE))
        _restore_optimizers(model, optimizers, tensors)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise CheckpointMismatchError(checkpoint, "its optimiser state is not that of this model") from error


def _load_shards(checkpoint: Path, model: CausalModel, optimizers: Optimizers) -> None:
    """What several processes wrote, however many there are now."""
    _begin_states(optimizers)
    tensors = _optimizer_tensors(model, optimizers)
    try:
        load_shards(checkpoint / SHARDED, _sharded_tensors(stored_weights(model), tensors))
    except OSError as error:
        raise CheckpointDamagedError(checkpoint, f"its shards cannot be read ({error})") from error
    except (ValueError, KeyError, RuntimeError) as error:
        raise CheckpointMismatchError(
            checkpoint, f"its shards are not those of this model ({error})"
        ) from error
    torch.set_rng_state(tensors[_RANDOM_STATE])


def _begin_states(optimizers: Optimizers) -> None:
    """Give every parameter the state that it has before its first update, to be filled."""
    for kind, optimizer in optimizers.items():
        for parameter in (p for group in optimizer.param_groups for p in group["params"]):
            state = optimizer.state[parameter]
            for key in _STATE_KEYS[kind]:
                state[key] = torch.tensor(0.0) if key == "step" else torch.zeros_like(parameter)


def _refuse_other(checkpoint: Path, state: TrainingState, expected: TrainingState) -> None:
    """Going on under any other of these would not continue the run that was begun."""
    if not state.update_rule:
        raise CheckpointMismatchError(
            checkpoint, "an earlier version saved it, which did not record seed, optimiser and batch size"
        )
    for part, words in _FIXED_PARTS.items():
        if getattr(state, part) != getattr(expected, part):
            raise CheckpointMismatchError(checkpoint, f"it was made with another {words} than this run has")


def stored_weights(model: CausalModel) -> dict[str, Tensor]:
    """The weights as transformers saves them: a head that is the embedding is not stored twice.

    Of a model that is frozen in part only what is trained: the rest is its base's, and lies there.
    """
    left_out = _tied_names(model) | _frozen_names(model)
    return {name: w.contiguous() for name, w in model.state_dict().items() if name not in left_out}


def load_weights(model: CausalModel, weights: dict[str, Tensor]) -> None:
    """Put stored weights into a model; raise RuntimeError unless they are exactly those that it stores."""
    here = stored_weights(model)
    if set(weights) != set(here):
        raise RuntimeError("other tensors are there than this model stores")
    for name, weight in weights.items():
        if weight.shape != here[name].shape:
            raise RuntimeError(f"{name} has the shape {tuple(weight.shape)}")
    parts = {name: cut_like(weight, here[name]) for name, weight in weights.items()}
    model.load_state_dict(parts, strict=False)


def _frozen_names(model: CausalModel) -> set[str]:
    """All but what is trained, where anything is not."""
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    is_whole = all(parameter.requires_grad for parameter in model.parameters())
    return set() if is_whole else set(model.state_dict()) - trained


def _tied_names(model: CausalModel) -> set[str]:
    return {"lm_head.weight"} if model.config.tie_word_embeddings else set()


def _optimizer_tensors(model: torch.nn.Module, optimizers: Optimizers) -> dict[str, Tensor]:
    """Name every tensor of the optimisers ``optimizer/parameter/key``, and add the random state."""
    tensors = {_RANDOM_STATE: torch.get_rng_state()}
    for kind, optimizer in optimizers.items():
        for name, parameter in model.named_parameters():
            for key, value in optimizer.state.get(parameter, {}).items():
                tensors[f"{kind}/{name}/{key}"] = value.contiguous()
    return tensors


def _state_names(parameters: dict[str, torch.nn.Parameter], optimizers: Optimizers) -> set[str]:
    """What the tensors of the optimisers are called once each has taken a step."""
    names = {parameter: name for name, parameter in parameters.items()}
    return {
        f"{kind}/{names[parameter]}/{key}"
        for kind, optimizer in optimizers.items()
        for group in optimizer.param_groups
        for parameter in group["params"]
        for key in _STATE_KEYS[kind]
    }


def _restore_optimizers(model: torch.nn.Module, optimizers: Optimizers, tensors: dict[str, Tensor]) -> None:
    """Raise ValueError where a tensor is missing, too many or of another shape."""
    parameters = dict(model.named_parameters())
    if set(tensors) != _state_names(parameters, optimizers):
        raise ValueError("other tensors are there than these optimisers keep")
    for full_name, value in tensors.items():
        kind, name, key = full_name.split("/")
        parameter = parameters[name]
        if value.ndim and value.shape != parameter.shape:
            raise ValueError(f"{full_name} has the shape {tuple(value.shape)}")
        # AdamW's step counter has no dimension and stays on the CPU
        optimizers[kind].state[parameter][key] = cut_like(value, parameter) if value.ndim else value


def _sync(folder: Path) -> None:
    """Force every file of a folder, and the folder itself, to disk."""
    for path in folder.iterdir():
        if path.is_dir():
            _sync(path)
            continue
        with path.open("rb+") as stream:
            os.fsync(stream.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
