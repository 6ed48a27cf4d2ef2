"""Checkpoints as GGUF files that llama.cpp serves.

The ``gguf`` package writes f16 and f32 from the checkpoint's own tensors; llama.cpp itself quantises from
there. Keys and tensor names follow llama.cpp's ``starcoder2`` graph, which has no sliding window.
"""

from __future__ import annotations

import ctypes
import json
import logging
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer
from transformers import Starcoder2Config, Starcoder2ForCausalLM

from training.checkpoint import read_state
from training.errors import CheckpointMismatchError, ExportError, TokenizerError
from training.tokenizer import control_ids, load_tokenizer

_log = logging.getLogger(__name__)

ARCHITECTURE = "starcoder2"
_TENSORS = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}


class GgufType(StrEnum):
    """How weights are stored."""

    F32 = "f32"
    F16 = "f16"
    Q8_0 = "q8_0"
    Q6_K = "q6_k"
    Q4_K_M = "q4_k_m"


_WRITTEN_HERE = (GgufType.F32, GgufType.F16)


def export_gguf(
    checkpoint: Path,
    gguf_path: Path,
    *,
    gguf_type: GgufType = GgufType.Q8_0,
    name: str | None = None,
    license: str | None = None,
) -> None:
    """Write a checkpoint as one GGUF file; nothing is left at ``gguf_path`` if that fails.

    ``name`` is what the model calls itself; by default the recipe that the checkpoint was made by, or its
    folder's name where that is unknown. ``license`` is an SPDX expression for the weights, left out by
    default. Raises :class:`ExportError` and :class:`TokenizerError`.
    """
    config = _read_config(checkpoint)
    tokenizer = load_tokenizer(checkpoint / "tokenizer.json")
    if tokenizer.get_vocab_size() != config.vocab_size:
        raise TokenizerError(
            checkpoint / "tokenizer.json",
            f"it has {tokenizer.get_vocab_size()} ids and the model {config.vocab_size}",
            remedy="export a checkpoint together with the tokenizer that it was trained with",
        )
    tensors = _read_tensors(checkpoint, config)
    labels = _Labels(name=name or _recipe_name(checkpoint), license=license)
    try:
        gguf_path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=gguf_path.parent, prefix=".export-") as folder:
            written = Path(folder, "written.gguf")
            plain_type = gguf_type if gguf_type in _WRITTEN_HERE else GgufType.F32
            _write(written, labels, config, tokenizer, tensors, plain_type)
            if gguf_type not in _WRITTEN_HERE:
                written = quantize(written, Path(folder, "quantized.gguf"), gguf_type)
            written.replace(gguf_path)
    except OSError as error:
        raise ExportError(
            gguf_path, f"cannot be written ({error.strerror})", remedy="make room or choose another folder"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Labels:
    """How a model introduces itself."""

    name: str
    license: str | None


def _recipe_name(checkpoint: Path) -> str:
    """The recipe's name if the checkpoint is one of ours and says so, else the folder's."""
    try:
        recipe = read_state(checkpoint).recipe
    except CheckpointMismatchError:
        recipe = ""
    return recipe or checkpoint.resolve().name


def _read_tensors(checkpoint: Path, config: Starcoder2Config) -> dict[str, NDArray[np.float32]]:
    """The weights under llama.cpp's names; without a head of its own where it is the embedding."""
    try:
        tensors = load_file(checkpoint / "model.safetensors")
    except (OSError, SafetensorError) as error:
        raise ExportError(
            checkpoint, f"its weights cannot be read ({error})", remedy="copy it again"
        ) from error
    shapes = _shapes(config)
    if config.tie_word_embeddings:
        tensors.pop("lm_head.weight", None)
        del shapes["lm_head.weight"]
    found = {name: tensor.shape for name, tensor in tensors.items()}
    for name in sorted(shapes.keys() | found.keys()):
        if shapes.get(name) != found.get(name):
            raise ExportError(
                checkpoint,
                f"its tensor {name} is {_described(found.get(name))}, and should be "
                f"{_described(shapes.get(name))}",
                remedy="only plain starcoder2 models can be exported, with all of their weights",
            )
    return {tensor_name(name): tensor for name, tensor in tensors.items()}


def _shapes(config: Starcoder2Config) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights that a config asks for."""
    with torch.device("meta"):
        model = Starcoder2ForCausalLM(config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def _described(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else f"of shape {shape}"


def _read_config(checkpoint: Path) -> Starcoder2Config:
    try:
        values = json.loads((checkpoint / "config.json").read_text())
        if not isinstance(values, dict):
            raise ValueError("its config.json is no object")
    except (OSError, ValueError) as error:
        raise ExportError(
            checkpoint, f"is not a checkpoint ({error})", remedy="name a folder checkpoint-… of a run"
        ) from error
    if values.get("model_type") != ARCHITECTURE:
        raise ExportError(
            checkpoint,
            f"holds a {values.get('model_type')} model",
            remedy="only starcoder2 models can be exported",
        )
    if values.get("sliding_window") is not None:
        raise ExportError(
            checkpoint,
            "has a sliding window, which llama.cpp's starcoder2 graph does not know",
            remedy="serve it with transformers, or train without one",
        )
    try:
        return Starcoder2Config(**values)
    except Exception as error:  # the library raises errors that share no other base
        reason = " ".join(str(error).split())
        raise ExportError(checkpoint, f"has a bad config.json ({reason})", remedy="copy it again") from error


def _write(
    path: Path,
    labels: _Labels,
    config: Starcoder2Config,
    tokenizer: Tokenizer,
    tensors: dict[str, NDArray[np.float32]],
    gguf_type: GgufType,
) -> None:
    writer = gguf.GGUFWriter(path, ARCHITECTURE)
    file_type = gguf.LlamaFileType.ALL_F32 if gguf_type is GgufType.F32 else gguf.LlamaFileType.MOSTLY_F16
    writer.add_name(labels.name)
    if labels.license:
        writer.add_license(labels.license)
    _add_shape(writer, config)
    writer.add_file_type(file_type)
    _add_tokenizer(writer, tokenizer)
    for name, tensor in tensors.items():
        wide = tensor.astype(np.float32)
        halved = gguf_type is GgufType.F16 and wide.ndim == 2
        writer.add_tensor(name, wide.astype(np.float16) if halved else wide)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_shape(writer: gguf.GGUFWriter, config: Starcoder2Config) -> None:
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_eps(config.norm_epsilon)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)


def _add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    model = json.loads(tokenizer.to_str())["model"]
    control = tokenizer.get_added_tokens_decoder()
    size = tokenizer.get_vocab_size()
    kinds = [gguf.TokenType.CONTROL if i in control else gguf.TokenType.NORMAL for i in range(size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("starcoder")
    writer.add_token_list([tokenizer.id_to_token(i) for i in range(size)])
    writer.add_token_types(kinds)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in model["merges"]])
    ids = control_ids(tokenizer)
    writer.add_bos_token_id(ids.end_of_text)
    writer.add_eos_token_id(ids.end_of_text)
    writer.add_add_bos_token(False)
    numbers = {
        "fim_pre": ids.fim_prefix,
        "fim_suf": ids.fim_suffix,
        "fim_mid": ids.fim_middle,
        "fim_pad": ids.fim_pad,
        "fim_rep": ids.repo_name,
        "fim_sep": ids.file_separator,
    }
    for key, token_id in numbers.items():
        if token_id is not None:
            writer.add_uint32(f"tokenizer.ggml.{key}_token_id", token_id)


def tensor_name(source: str) -> str:
    """Translate transformers' name of a tensor into llama.cpp's.

    >>> tensor_name("model.layers.3.self_attn.q_proj.weight")
    'blk.3.attn_q.weight'
    """
    module, _, kind = source.rpartition(".")
    if module.startswith("model.layers."):
        number, _, module = module.removeprefix("model.layers.").partition(".")
        return f"blk.{number}.{_TENSORS[module]}.{kind}"
    return f"{_TENSORS[module]}.{kind}"


def quantize(source: Path, target: Path, gguf_type: GgufType) -> Path:
    """Quantise an f32 or f16 GGUF file with llama.cpp; answers ``target``. Raises :class:`ExportError`."""
    kinds = {
        GgufType.Q8_0: llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
        GgufType.Q6_K: llama_cpp.LLAMA_FTYPE_MOSTLY_Q6_K,
        GgufType.Q4_K_M: llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
    }
    llama_cpp.llama_log_set(_log_quietly, None)
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = kinds[gguf_type]
    failed = llama_cpp.llama_model_quantize(
        str(source).encode(), str(target).encode(), ctypes.byref(parameters)
    )
    if failed:
        raise ExportError(source, f"llama.cpp could not quantise it to {gguf_type}", remedy="try --type f16")
    return target


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _log_quietly(_: int, text: bytes, __: ctypes.c_void_p) -> None:
    _log.debug("llama.cpp: %s", text.decode("utf-8", "replace").rstrip())
