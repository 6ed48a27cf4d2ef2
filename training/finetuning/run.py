"""One tuning run: base, data, training, merging and export, resuming where it stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from assistant.quantize import GgufType
from attribution.errors import UsageError
from training.allocator import keep_freed_memory
from training.data.config import Plain, describe, digest, first_difference
from training.data.consent import ensure_obeyed, ids_to_obey
from training.data.engine.whole_files import write_whole_text
from training.data.shards import PackedRows, read_manifest
from training.distributed import World, joined_world
from training.errors import CheckpointMismatchError, CheckpointWriteError, ShardCorruptError
from training.execution import Execution
from training.export import export_gguf
from training.finetuning.adapters import attach, load_model, merge_adapter, save_adapter, write_model
from training.finetuning.base import Base, open_base
from training.finetuning.dialogue import CHAT_TEMPLATE
from training.finetuning.layout import TuningLayout
from training.finetuning.recipe import Purpose, TuningRecipe
from training.finetuning.shape import shape_of
from training.loop import RunData, held_out_bits_per_byte, train
from training.memory import memory_errors_explained
from training.metrics import plot_metrics, read_metrics
from training.model import CausalModel, NextTokenLoss
from training.tokenizer import byte_lengths, fingerprint

Prepare = Callable[[Base, TuningRecipe, str], None]
"""Makes rows for a base under a recipe; the last argument is a digest that their manifests must bear."""
Open = Callable[[Path, str], PackedRows]
"""Opens a split by its folder and the fingerprint of its tokenizer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Where the rows come from."""

    names: tuple[str, ...]
    """What is read, for the run's configuration."""
    prepare: Prepare
    open_train: Open = lambda path, tokenizer: PackedRows(path, tokenizer=tokenizer)
    open_held_out: Open = lambda path, tokenizer: PackedRows(path, tokenizer=tokenizer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run is carried out; the result does not depend on it but for the file's type."""

    opt_outs: frozenset[str] = frozenset()
    gguf_type: GgufType = GgufType.Q8_0
    name: str | None = None
    threads: int | None = None
    recompute: bool = False
    """Keep no activations within layers, and compute them again in the backward pass."""
    progress: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """How a run ended."""

    layout: TuningLayout
    updates: int
    base_bits_per_byte: float
    """Of the base, on the held-out rows."""
    bits_per_byte: float
    """Of the tuned model, on the same."""


def tune(
    base_path: Path, layout: TuningLayout, recipe: TuningRecipe, material: Material, options: Options
) -> Tuned:
    """Prepare what is missing, train until the budget is spent, merge, and export.

    The same call goes on where an earlier one was stopped. Raises
    :class:`training.errors.TrainingError`, and what reading the sources raises.
    """
    keep_freed_memory()
    if options.threads:
        torch.set_num_threads(options.threads)
    with joined_world() as world:
        if world.size > 1:
            raise UsageError("tuning runs in one process; start it without torchrun")
        base = open_base(base_path, imported=layout.imported)
        recipe = recipe.fitted(base.context_tokens)
        identity = _begin(layout, base, recipe, material)
        _prepare(layout, base, recipe, material, options, identity)
        data = _open(layout, base, material, identity)
        with memory_errors_explained():
            tuned = _train(layout, base, recipe, data, world, options)
    export_gguf(
        layout.merged,
        layout.gguf,
        gguf_type=options.gguf_type,
        name=options.name or layout.root.resolve().name,
    )
    return tuned


def _begin(layout: TuningLayout, base: Base, recipe: TuningRecipe, material: Material) -> str:
    """Write down what the run is, or refuse to go on with another one; answer a digest of it."""
    described: Plain = {
        "schema": 1,
        "base": base.identity,
        "recipe": describe(recipe),
        "sources": list(material.names),
    }
    if _has_rows(layout):
        _refuse_other(layout, described)
    else:
        layout.root.mkdir(parents=True, exist_ok=True)
        _write(layout.configuration, json.dumps(described, indent=1))
    return digest(described)


def _has_rows(layout: TuningLayout) -> bool:
    """Whether all rows are there; until then nothing is lost by other settings."""
    return read_manifest(layout.train) is not None and read_manifest(layout.held_out) is not None


def _refuse_other(layout: TuningLayout, described: Plain) -> None:
    """Raise :class:`CheckpointMismatchError` where the rows were made under other settings."""
    try:
        before = json.loads(layout.configuration.read_text("utf-8"))
    except (OSError, ValueError) as error:
        name = layout.configuration.name
        raise CheckpointMismatchError(layout.root, f"its {name} cannot be read ({error})") from error
    difference = first_difference(before, described)
    if difference is not None:
        raise CheckpointMismatchError(layout.root, f"it was begun with another configuration ({difference})")


def _write(path: Path, text: str) -> None:
    try:
        write_whole_text(path, text)
    except OSError as error:
        raise CheckpointWriteError(path, error.strerror or str(error)) from error


def _prepare(
    layout: TuningLayout,
    base: Base,
    recipe: TuningRecipe,
    material: Material,
    options: Options,
    identity: str,
) -> None:
    """Make the rows, unless they are there and may still be used."""
    if not _has_rows(layout):
        try:
            shutil.copyfile(base.folder / "tokenizer.json", layout.tokenizer)
            material.prepare(base, recipe, identity)
        except OSError as error:
            raise CheckpointWriteError(layout.root, error.strerror or str(error)) from error
    elif layout.files.is_file():
        ensure_obeyed(layout.opt_outs, layout.files, ids_to_obey(layout.index, options.opt_outs))


def _open(layout: TuningLayout, base: Base, material: Material, identity: str) -> RunData:
    name = fingerprint(base.tokenizer)
    train_rows = material.open_train(layout.train, name)
    held_out = material.open_held_out(layout.held_out, name)
    for rows, folder in ((train_rows, layout.train), (held_out, layout.held_out)):
        if rows.manifest.data != identity:
            raise ShardCorruptError(folder / "manifest.json", "it was made for another run")
    return RunData(
        train=train_rows,
        held_out=held_out,
        tokenizer=layout.tokenizer,
        byte_lengths=byte_lengths(base.tokenizer),
        identity=train_rows.manifest.digest[:16],
    )


def _train(
    layout: TuningLayout,
    base: Base,
    recipe: TuningRecipe,
    data: RunData,
    world: World,
    options: Options,
) -> Tuned:
    torch.manual_seed(recipe.seed)  # of what a base drops out
    model = load_model(base, recipe.method, world.device)
    if recipe.method.has_adapter:
        attach(model, recipe.adapter, base=base.folder, seed=recipe.seed)
    plan = recipe.as_recipe(shape_of(base.config, base.folder), len(data.train))
    before = held_out_bits_per_byte(NextTokenLoss(model).to(world.device), data, world.device, plan.budget)
    result = train(
        model,
        plan,
        data,
        layout.root,
        world=world,
        execution=Execution(compiled=False, recompute=options.recompute),
        start=base.identity,
        progress=options.progress,
    )
    _finish(layout, base, recipe, model)
    if recipe.purpose is Purpose.INSTRUCTIONS:
        _write(layout.merged / "chat_template.jinja", CHAT_TEMPLATE)
    plot_metrics(read_metrics(layout.root / "metrics.csv"), layout.root / "loss.png", title=plan.name)
    return Tuned(
        layout=layout, updates=plan.updates, base_bits_per_byte=before, bits_per_byte=result.bits_per_byte
    )


def _finish(layout: TuningLayout, base: Base, recipe: TuningRecipe, model: CausalModel) -> None:
    """Write the adapter as PEFT does, and the merged model as transformers does."""
    if not recipe.method.has_adapter:
        write_model(model, base, layout.merged)
        return
    try:
        layout.adapter.mkdir(exist_ok=True)
        save_adapter(model, recipe.adapter, layout.adapter, base=base.folder)
    except OSError as error:
        raise CheckpointWriteError(layout.adapter, error.strerror or str(error)) from error
    merge_adapter(base, layout.adapter, layout.merged)
