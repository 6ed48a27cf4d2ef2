"""Checkpoints as GGUF files that llama.cpp serves.

The ``gguf`` package writes f16 and f32 from the checkpoint's own tensors, one at a time; llama.cpp itself
quantises from there. What is particular to an architecture is in ``architectures.py``.
"""

from __future__ import annotations

import json
import logging
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from assistant.quantize import GgufType, quantize
from training.architectures import ARCHITECTURES, Architecture, Config
from training.checkpoint import read_state
from training.errors import CheckpointDamagedError, ExportError
from training.gguf_tokenizer import add_tokenizer, tokenizer_for
from training.model import model_of
from training.weights import Weights

_log = logging.getLogger(__name__)

_WRITTEN_HERE = (GgufType.F32, GgufType.F16)
_HEAD = "lm_head.weight"


def export_gguf(
    checkpoint: Path,
    gguf_path: Path,
    *,
    gguf_type: GgufType = GgufType.Q8_0,
    name: str | None = None,
    license: str | None = None,
) -> None:
    """Write a checkpoint as one GGUF file; nothing is left at ``gguf_path`` if that fails.

    ``checkpoint`` is a folder that transformers loads, with its ``tokenizer.json``. ``name`` is what the
    model calls itself; by default the recipe that the checkpoint was made by, or its folder's name where that
    is unknown. ``license`` is an SPDX expression for the weights, left out by default. Raises
    :class:`ExportError`, :class:`TokenizerError` and :class:`~assistant.quantize.QuantizationError`.
    """
    model = read_model(checkpoint)
    labels = _Labels(name=name or _recipe_name(checkpoint), license=license)
    try:
        gguf_path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=gguf_path.parent, prefix=".export-") as folder:
            written = Path(folder, "written.gguf")
            plain_type = gguf_type if gguf_type in _WRITTEN_HERE else GgufType.F32
            _write(written, labels, model, plain_type)
            if gguf_type not in _WRITTEN_HERE:
                written = quantize(written, Path(folder, "quantized.gguf"), gguf_type)
            written.replace(gguf_path)
    except OSError as error:
        reason = error.strerror or "the disk takes no more"  # numpy does not pass on why it wrote a part
        raise ExportError(
            gguf_path, f"cannot be written ({reason})", remedy="make room or choose another folder"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Labels:
    """How a model introduces itself."""

    name: str
    license: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedModel:
    """A checkpoint that was looked through, and can be written."""

    architecture: Architecture
    config: Config
    tokenizer: Tokenizer
    weights: Weights
    tensors: tuple[str, ...]
    """Those to write, by transformers' names: all but a head that is the embedding."""


def _recipe_name(checkpoint: Path) -> str:
    """The recipe's name if the checkpoint is one of ours and says so, else the folder's."""
    try:
        recipe = read_state(checkpoint).recipe
    except CheckpointDamagedError:
        recipe = ""
    return recipe or checkpoint.resolve().name


def read_model(checkpoint: Path) -> CheckedModel:
    """Look a checkpoint through without reading its weights; raise ExportError and TokenizerError."""
    architecture, config = _read_config(checkpoint)
    tokenizer = tokenizer_for(checkpoint / "tokenizer.json", config.vocab_size)
    weights = Weights(checkpoint)
    expected = _shapes(config)
    _compare(checkpoint, expected, weights, may_be_there=_HEAD)
    served = architecture.context_tokens(config)
    if served < config.max_position_embeddings:
        _log.info(
            "%s is served at a context of %d tokens, its window: llama.cpp's %s graph has no sliding window",
            checkpoint,
            served,
            architecture.name,
        )
    return CheckedModel(
        architecture=architecture,
        config=config,
        tokenizer=tokenizer,
        weights=weights,
        tensors=tuple(expected),
    )


def _compare(
    checkpoint: Path, expected: dict[str, tuple[int, ...]], weights: Weights, *, may_be_there: str
) -> None:
    """Raise :class:`ExportError` unless the weights are those of the config."""
    found = dict(weights.shapes)
    if may_be_there not in expected:
        found.pop(may_be_there, None)
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise ExportError(
                checkpoint,
                f"its tensor {name} is {_described(found.get(name))}, and should be "
                f"{_described(expected.get(name))}",
                remedy="only plain models of the family can be exported, with all of their weights",
            )


def _shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights that a config asks for, without a head that is the embedding."""
    with torch.device("meta"):
        shapes = {name: tuple(tensor.shape) for name, tensor in model_of(config).state_dict().items()}
    if config.tie_word_embeddings:
        del shapes[_HEAD]
    return shapes


def _described(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else f"of shape {shape}"


def _read_config(checkpoint: Path) -> tuple[Architecture, Config]:
    try:
        values = json.loads((checkpoint / "config.json").read_text())
        if not isinstance(values, dict):
            raise ValueError("its config.json is no object")
    except (OSError, ValueError) as error:
        raise ExportError(
            checkpoint, f"is not a checkpoint ({error})", remedy="name a folder checkpoint-… of a run"
        ) from error
    architecture = ARCHITECTURES.get(str(values.get("model_type")))
    if architecture is None:
        raise ExportError(
            checkpoint,
            f"holds a {values.get('model_type')} model",
            remedy=f"only {' and '.join(ARCHITECTURES)} models can be exported",
        )
    try:
        config = architecture.config_class(**values)
    except Exception as error:  # the library raises errors that share no other base
        reason = " ".join(str(error).split())
        raise ExportError(checkpoint, f"has a bad config.json ({reason})", remedy="copy it again") from error
    lacking = architecture.lacking(config)
    if lacking is not None:
        raise ExportError(
            checkpoint,
            f"{lacking}, which llama.cpp's {architecture.name} graph does not know",
            remedy="serve it with transformers",
        )
    return architecture, config


def _write(path: Path, labels: _Labels, model: CheckedModel, gguf_type: GgufType) -> None:
    file_type = gguf.LlamaFileType.ALL_F32 if gguf_type is GgufType.F32 else gguf.LlamaFileType.MOSTLY_F16
    with closing(gguf.GGUFWriter(path, model.architecture.name)) as writer:
        writer.add_name(labels.name)
        if labels.license:
            writer.add_license(labels.license)
        writer.add_context_length(model.architecture.context_tokens(model.config))
        model.architecture.add_shape(writer, model.config)
        writer.add_file_type(file_type)
        add_tokenizer(writer, model.tokenizer, vocabulary=model.config.vocab_size)
        _write_tensors(writer, model, gguf_type)


def _write_tensors(writer: gguf.GGUFWriter, model: CheckedModel, gguf_type: GgufType) -> None:
    """Announce all tensors, then write one after another; only one is in memory."""
    types = {name: _stored_type(model.weights.shapes[name], gguf_type) for name in model.tensors}
    for name, dtype in types.items():
        shape = model.weights.shapes[name]
        size = int(np.prod(shape)) * dtype.itemsize
        writer.add_tensor_info(model.architecture.tensor_name(name), shape, dtype, size)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for name, dtype in types.items():
        tensor: NDArray[np.floating] = model.weights.read(name)
        writer.write_tensor_data(tensor.astype(dtype, copy=False))


def _stored_type(shape: tuple[int, ...], gguf_type: GgufType) -> np.dtype[np.floating]:
    """Norms and biases stay float32."""
    return np.dtype(np.float16 if gguf_type is GgufType.F16 and len(shape) == 2 else np.float32)
