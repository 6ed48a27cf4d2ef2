"""Small StarCoder2 models on transformers' own classes, so that every checkpoint loads anywhere."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import Starcoder2Config, Starcoder2ForCausalLM

from training.recipes.recipe import ModelShape

END_OF_TEXT = 0


def make_config(shape: ModelShape) -> Starcoder2Config:
    """Describe a shape to transformers; no sliding window, because llama.cpp's graph has none."""
    return Starcoder2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.feed_forward,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=shape.context_tokens,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_base},
        initializer_range=shape.initial_std,
        sliding_window=None,
        tie_word_embeddings=True,
        use_cache=False,
        bos_token_id=END_OF_TEXT,
        eos_token_id=END_OF_TEXT,
    )


def make_model(shape: ModelShape, *, seed: int) -> Starcoder2ForCausalLM:
    """Make a model with random weights that depend on the seed alone; fp32, SDPA attention."""
    torch.manual_seed(seed)
    config = make_config(shape)
    config._attn_implementation = "sdpa"
    return Starcoder2ForCausalLM(config)


def count_parameters(model: torch.nn.Module) -> int:
    """Count weights, tied ones once."""
    return sum(parameter.numel() for parameter in model.parameters())


def document_mask(documents: Tensor) -> Tensor:
    """Let each position see itself and what precedes it in its own document.

    ``documents`` (rows, tokens) numbers the documents of a row; the answer has shape
    (rows, 1, tokens, tokens), true where attention is allowed.
    """
    tokens = documents.shape[1]
    causal = torch.ones(tokens, tokens, dtype=torch.bool, device=documents.device).tril()
    same = documents[:, :, None] == documents[:, None, :]
    return (same & causal)[:, None]
