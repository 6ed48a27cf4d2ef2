"""A model of StarCoder2-3B's shape whose weights are random: as slow as the real one, and of no use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

LAYERS, WIDTH, HIDDEN, HEADS, KEY_HEADS = 30, 3072, 12_288, 24, 2
CONTEXT, WORDS = 16_384, 49_152
_BLOCK, _BLOCK_BYTES = 32, 18
"""Of Q4_0: as many weights, in a half and as many nibbles."""
_SCALE = 0.004
_BORROWED = ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.merges")


def write_starcoder2_3b(path: Path, *, tokenizer: Path) -> Path:
    """Write it in Q4_0, 1.7 GB, with the vocabulary of another GGUF file, filled up to StarCoder2's size."""
    writer = gguf.GGUFWriter(path, "starcoder2")
    writer.add_name("random-3b")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_eps(1e-5)
    writer.add_rope_freq_base(999_999.44)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    _add_vocabulary(writer, gguf.GGUFReader(tokenizer))
    _add_tensors(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: gguf.GGUFWriter, known: gguf.GGUFReader) -> None:
    tokens, types, merges = (known.fields[name].contents() for name in _BORROWED)
    more = WORDS - len(tokens)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("starcoder")
    writer.add_token_list([*tokens, *(f"<unused_{number}>" for number in range(more))])
    writer.add_token_types([*types, *[gguf.TokenType.UNUSED] * more])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)


def _add_tensors(writer: gguf.GGUFWriter) -> None:
    """All layers share their numbers, which makes none of them faster."""
    keys = WIDTH // HEADS * KEY_HEADS
    square, narrow = _matrix(WIDTH, WIDTH), _matrix(keys, WIDTH)
    up, down = _matrix(HIDDEN, WIDTH), _matrix(WIDTH, HIDDEN)
    _add_quantised(writer, "token_embd.weight", _matrix(WORDS, WIDTH))
    _add_norm(writer, "output_norm")
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        _add_norm(writer, f"{block}.attn_norm")
        _add_norm(writer, f"{block}.ffn_norm")
        for name, matrix, rows in (
            ("attn_q", square, WIDTH),
            ("attn_k", narrow, keys),
            ("attn_v", narrow, keys),
            ("attn_output", square, WIDTH),
            ("ffn_up", up, HIDDEN),
            ("ffn_down", down, WIDTH),
        ):
            _add_quantised(writer, f"{block}.{name}.weight", matrix)
            writer.add_tensor(f"{block}.{name}.bias", np.zeros(rows, np.float32))


def _matrix(rows: int, columns: int) -> NDArray[np.uint8]:
    """Random weights in blocks of Q4_0, shape (rows, bytes of a row)."""
    size = rows * columns // _BLOCK
    blocks = np.random.default_rng(rows + columns).integers(0, 256, (size, _BLOCK_BYTES), dtype=np.uint8)
    blocks[:, :2] = np.array([_SCALE], dtype=np.float16).view(np.uint8)
    return blocks.reshape(rows, -1)


def _add_quantised(writer: gguf.GGUFWriter, name: str, matrix: NDArray[np.uint8]) -> None:
    kind: Any = gguf.GGMLQuantizationType.Q4_0
    writer.add_tensor(name, matrix, raw_dtype=kind)


def _add_norm(writer: gguf.GGUFWriter, name: str) -> None:
    writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
    writer.add_tensor(f"{name}.bias", np.zeros(WIDTH, np.float32))
