"""Writes random StarCoder2 models as GGUF: the real architecture, small enough for a test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

from assistant.fim import STARCODER2


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The size of a model."""

    context_tokens: int = 256
    width: int = 32
    layers: int = 2
    heads: int = 2


TINY = Shape()
SLOW = Shape(context_tokens=8192, width=256, layers=8, heads=4)
"""Takes seconds to read a prompt that fills its context."""


def write_tiny_gguf(
    path: Path,
    *,
    shape: Shape = TINY,
    control_tokens: bool = True,
    seed: int = 0,
    chat: tuple[str, tuple[str, ...]] | None = None,
) -> Path:
    """Write the model; its vocabulary is the control tokens of StarCoder2, the bytes and two merges.

    ``chat`` is a template and the control tokens that it writes.
    """
    writer = gguf.GGUFWriter(path, "starcoder2")
    writer.add_name("tiny-random")
    writer.add_context_length(shape.context_tokens)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(4 * shape.width)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    if chat is not None:
        writer.add_chat_template(chat[0])
    words = _add_vocabulary(writer, control_tokens=control_tokens, more=chat[1] if chat else ())
    for name, tensor in _tensors(shape, words=words, seed=seed):
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: gguf.GGUFWriter, *, control_tokens: bool, more: tuple[str, ...]) -> int:
    control = (*(STARCODER2.control_tokens if control_tokens else ("<|endoftext|>",)), *more)
    plain = [*_byte_symbols(), "re", "ret"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("starcoder")
    writer.add_token_list([*control, *plain])
    types = [gguf.TokenType.CONTROL] * len(control) + [gguf.TokenType.NORMAL] * len(plain)
    writer.add_token_types(types)
    writer.add_token_merges(["r e", "re t"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)
    return len(control) + len(plain)


def _byte_symbols() -> list[str]:
    """GPT-2's printable stand-ins for the 256 bytes."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    symbols = {byte: chr(byte) for byte in printable}
    symbols |= {byte: chr(256 + position) for position, byte in enumerate(others)}
    return [symbols[byte] for byte in range(256)]


def _tensors(shape: Shape, *, words: int, seed: int):
    random = np.random.default_rng(seed)
    width, head = shape.width, shape.width // shape.heads

    def matrix(rows: int, columns: int) -> np.ndarray:
        return random.normal(0, 0.2, (rows, columns)).astype(np.float32)

    def norm(name: str):
        yield f"{name}.weight", np.ones(width, np.float32)
        yield f"{name}.bias", np.zeros(width, np.float32)

    def linear(name: str, rows: int, columns: int):
        yield f"{name}.weight", matrix(rows, columns)
        yield f"{name}.bias", np.zeros(rows, np.float32)

    yield "token_embd.weight", matrix(words, width)
    yield from norm("output_norm")
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        yield from norm(f"{block}.attn_norm")
        yield from linear(f"{block}.attn_q", width, width)
        yield from linear(f"{block}.attn_k", head, width)
        yield from linear(f"{block}.attn_v", head, width)
        yield from linear(f"{block}.attn_output", width, width)
        yield from norm(f"{block}.ffn_norm")
        yield from linear(f"{block}.ffn_up", 4 * width, width)
        yield from linear(f"{block}.ffn_down", width, 4 * width)
