"""A base's config as the shape that recipes speak of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import GPTBigCodeConfig

from training.architectures import Config
from training.errors import BaseModelError
from training.recipes.big_code import BigCodeShape
from training.recipes.recipe import ModelShape


def shape_of(config: Config, folder: Path) -> ModelShape | BigCodeShape:
    """Describe a model; raise :class:`BaseModelError` for one that recipes cannot describe."""
    try:
        return _big_code(config) if isinstance(config, GPTBigCodeConfig) else _starcoder2(config)
    except ValueError as error:
        raise BaseModelError(
            folder, f"its shape is no model's of the family ({error})", remedy="choose another base"
        ) from error


def _starcoder2(config: Any) -> ModelShape:
    return ModelShape(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        feed_forward=config.intermediate_size,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        context_tokens=config.max_position_embeddings,
        vocabulary=config.vocab_size,
        rope_base=config.rope_parameters["rope_theta"],
        initial_std=config.initializer_range,
        window_tokens=config.sliding_window,
        separate_head=not config.tie_word_embeddings,
    )


def _big_code(config: Any) -> BigCodeShape:
    is_exact = config.activation_function == "gelu"
    return BigCodeShape(
        layers=config.n_layer,
        hidden=config.n_embd,
        feed_forward=config.n_inner or 4 * config.n_embd,
        heads=config.n_head,
        context_tokens=config.n_positions,
        vocabulary=config.vocab_size,
        end_of_text=config.eos_token_id,
        activation="gelu" if is_exact else "gelu_pytorch_tanh",
        initial_std=config.initializer_range,
    )
