"""A GGUF file back as a folder that transformers loads: the way of :mod:`training.export`, walked backwards.

Quantised weights become float32 by ``gguf``'s own formulas, so nothing is lost that was there, and nothing
comes back that was not.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf.quants import dequantize
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import GPTBigCodeConfig, Starcoder2Config

from training.architectures import STARCODER, STARCODER2, Architecture, Config
from training.errors import BaseModelError
from training.tokenizer import save_tokenizer

_BY_NAME = {architecture.name: architecture for architecture in (STARCODER2, STARCODER)}
_PRE_TOKENIZER = "starcoder"


def import_gguf(path: Path, folder: Path) -> None:
    """Write config, weights (float32) and tokenizer of a GGUF file into a folder; all are in memory at once.

    Raises :class:`BaseModelError` for what is no GGUF file of the family, and :class:`OSError`.
    """
    reader = _open(path)
    values = {name: field.contents() for name, field in reader.fields.items()}
    name = str(values.get("general.architecture"))
    architecture = _BY_NAME.get(name)
    if architecture is None:
        raise BaseModelError(
            path, f"holds a {name} model", remedy=f"only {' and '.join(_BY_NAME)} models can be tuned"
        )
    try:
        tokenizer = _tokenizer(values)
        config = _CONFIGS[name](values)
        tensors = _tensors(reader, architecture)
        config.tie_word_embeddings = "lm_head.weight" not in tensors
    except (KeyError, ValueError, TypeError, IndexError, NotImplementedError) as error:
        raise _unreadable(path, error) from error
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    save_tokenizer(tokenizer, folder / "tokenizer.json")


def _open(path: Path) -> gguf.GGUFReader:
    try:
        return gguf.GGUFReader(path)
    except Exception as error:  # a cut or foreign file ends in whatever numpy makes of it
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> BaseModelError:
    reason = " ".join(str(error).split())[:200]
    return BaseModelError(
        path, f"cannot be read as GGUF ({reason})", remedy="name a whole GGUF file or a checkpoint's folder"
    )


def _starcoder2_config(values: Mapping[str, Any]) -> Config:
    return Starcoder2Config(
        vocab_size=len(values["tokenizer.ggml.tokens"]),
        hidden_size=values["starcoder2.embedding_length"],
        intermediate_size=values["starcoder2.feed_forward_length"],
        num_hidden_layers=values["starcoder2.block_count"],
        num_attention_heads=values["starcoder2.attention.head_count"],
        num_key_value_heads=values["starcoder2.attention.head_count_kv"],
        max_position_embeddings=values["starcoder2.context_length"],
        norm_epsilon=_decimal(values["starcoder2.attention.layer_norm_epsilon"]),
        rope_parameters={"rope_type": "default", "rope_theta": values["starcoder2.rope.freq_base"]},
        sliding_window=None,  # none within the context that the file was written for
        use_cache=False,
        bos_token_id=values["tokenizer.ggml.bos_token_id"],
        eos_token_id=values["tokenizer.ggml.eos_token_id"],
    )


def _starcoder_config(values: Mapping[str, Any]) -> Config:
    return GPTBigCodeConfig(
        vocab_size=len(values["tokenizer.ggml.tokens"]),
        n_embd=values["starcoder.embedding_length"],
        n_inner=values["starcoder.feed_forward_length"],
        n_layer=values["starcoder.block_count"],
        n_head=values["starcoder.attention.head_count"],
        n_positions=values["starcoder.context_length"],
        layer_norm_epsilon=_decimal(values["starcoder.attention.layer_norm_epsilon"]),
        activation_function="gelu_pytorch_tanh",  # what llama.cpp computes
        multi_query=True,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        use_cache=False,
        bos_token_id=values["tokenizer.ggml.bos_token_id"],
        eos_token_id=values["tokenizer.ggml.eos_token_id"],
    )


_CONFIGS = {"starcoder2": _starcoder2_config, "starcoder": _starcoder_config}


def _decimal(value: float) -> float:
    """A number that went through float32 as it was written.

    >>> _decimal(9.999999747378752e-06)
    1e-05
    """
    return float(f"{value:.6g}")


def _tensors(reader: gguf.GGUFReader, architecture: Architecture) -> dict[str, torch.Tensor]:
    """Every tensor under transformers' name; raise KeyError for one that has none."""
    modules = {theirs: ours for ours, theirs in architecture.tensors.items()}
    tensors = {}
    for tensor in reader.tensors:
        name = _source_name(tensor.name, architecture, modules)
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        tensors[name] = torch.from_numpy(np.ascontiguousarray(values))
    return tensors


def _source_name(name: str, architecture: Architecture, modules: Mapping[str, str]) -> str:
    module, _, kind = name.rpartition(".")
    if not module.startswith("blk."):
        return f"{modules[module]}.{kind}"
    _, number, module = module.split(".", 2)
    return f"{architecture.blocks}{number}.{modules[module]}.{kind}"


def _tokenizer(values: Mapping[str, Any]) -> Tokenizer:
    """Byte-level BPE as the metadata describe it; padding ids get no token."""
    if (values["tokenizer.ggml.model"], values["tokenizer.ggml.pre"]) != ("gpt2", _PRE_TOKENIZER):
        raise ValueError("its tokenizer is not StarCoder's kind of byte-level BPE")
    tokens, types = values["tokenizer.ggml.tokens"], values["tokenizer.ggml.token_type"]
    kinds = dict(zip(tokens, map(gguf.TokenType, types), strict=True))
    ids = {token: number for number, token in enumerate(tokens) if kinds[token] is not gguf.TokenType.UNUSED}
    merges = [tuple(merge.split(" ")) for merge in values["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = (gguf.TokenType.CONTROL, gguf.TokenType.USER_DEFINED)
    tokenizer.add_tokens(
        [
            AddedToken(token, special=kinds[token] is gguf.TokenType.CONTROL, normalized=False)
            for token in ids
            if kinds[token] in special
        ]
    )
    tokenizer.encode_special_tokens = True
    return tokenizer
