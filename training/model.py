"""Models of the StarCoder family on transformers' own classes, so that every checkpoint loads anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask
from transformers import GPTBigCodeConfig, GPTBigCodeForCausalLM, Starcoder2Config, Starcoder2ForCausalLM

from training.loss import summed_cross_entropy
from training.recipes.big_code import BigCodeShape
from training.recipes.recipe import ModelShape

END_OF_TEXT = 0
CausalModel: TypeAlias = Starcoder2ForCausalLM | GPTBigCodeForCausalLM
"""What the loop trains; anything of transformers with ``base_model`` and an output embedding would do."""


def make_config(shape: ModelShape | BigCodeShape) -> Starcoder2Config | GPTBigCodeConfig:
    """Describe a shape to transformers; nothing is dropped out."""
    if isinstance(shape, BigCodeShape):
        return _big_code_config(shape)
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
        sliding_window=shape.window_tokens,
        tie_word_embeddings=not shape.separate_head,
        use_cache=False,
        bos_token_id=END_OF_TEXT,
        eos_token_id=END_OF_TEXT,
    )


def _big_code_config(shape: BigCodeShape) -> GPTBigCodeConfig:
    return GPTBigCodeConfig(
        vocab_size=shape.vocabulary,
        n_embd=shape.hidden,
        n_inner=shape.feed_forward,
        n_layer=shape.layers,
        n_head=shape.heads,
        n_positions=shape.context_tokens,
        activation_function=shape.activation,
        initializer_range=shape.initial_std,
        multi_query=True,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        use_cache=False,
        bos_token_id=shape.end_of_text,
        eos_token_id=shape.end_of_text,
    )


def make_model(shape: ModelShape | BigCodeShape, *, seed: int) -> CausalModel:
    """Make a model with random weights that depend on the seed alone; fp32, SDPA attention."""
    torch.manual_seed(seed)
    config = make_config(shape)
    config._attn_implementation = "sdpa"
    return model_of(config)


def model_of(config: Starcoder2Config | GPTBigCodeConfig) -> CausalModel:
    """Make a model with the weights that torch's random state gives."""
    big_code = isinstance(config, GPTBigCodeConfig)
    return GPTBigCodeForCausalLM(config) if big_code else Starcoder2ForCausalLM(config)


def count_shape(shape: ModelShape | BigCodeShape) -> int:
    """Count the weights of a shape, tied ones once, without making them."""
    with torch.device("meta"):
        return count_parameters(model_of(make_config(shape)))


def count_parameters(model: torch.nn.Module) -> int:
    """Count weights, tied ones once."""
    return sum(parameter.numel() for parameter in model.parameters())


def head_weight(model: CausalModel) -> Tensor:
    """What turns hidden states into logits, shape (vocabulary, hidden): the embedding where they are tied."""
    weight: Tensor = model.get_output_embeddings().weight
    return weight


def window_of(model: CausalModel) -> int | None:
    """Nearest positions that each one sees, itself among them; ``None`` for all."""
    return getattr(model.config, "sliding_window", None)


def blocks_of(model: CausalModel) -> torch.nn.ModuleList:
    """The layers of a model, first to last."""
    return next(m for m in model.base_model.children() if isinstance(m, torch.nn.ModuleList))


def attention_mask(documents: Tensor, window: int | None) -> Tensor:
    """Let each position see itself and what precedes it in its own document, no further back than the window.

    ``documents`` (rows, tokens) numbers the documents of a row; the answer has shape
    (rows, 1, tokens, tokens), true where attention is allowed.
    """
    tokens = documents.shape[1]
    visible = torch.ones(tokens, tokens, dtype=torch.bool, device=documents.device).tril()
    if window is not None and window < tokens:
        visible = visible.triu(1 - window)
    same = documents[:, :, None] == documents[:, None, :]
    return (same & visible)[:, None]


def flex_mask(documents: Tensor, window: int | None) -> BlockMask:
    """:func:`attention_mask` for flex attention, which skips blocks of 128 by 128 that are all hidden."""

    def is_visible(row: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        visible = (query >= key) & (documents[row, query] == documents[row, key])
        return visible if window is None else visible & (query - key < window)

    rows, tokens = documents.shape
    return create_block_mask(is_visible, rows, None, tokens, tokens, device=documents.device)


class NextTokenLoss(torch.nn.Module):
    """A model together with its loss: all that uses weights happens in one ``forward``."""

    def __init__(self, model: CausalModel) -> None:
        super().__init__()
        self.model = model
        self.mask_of: Callable[[Tensor, int | None], Tensor | BlockMask] = attention_mask

    def forward(self, ids: Tensor, positions: Tensor, documents: Tensor, targets: Tensor) -> Tensor:
        """Sum of the negative log-likelihoods in nats; no attention across documents.

        All four have the shape (rows, tokens), as in :class:`training.data.shards.Batch`. On a CPU in
        float32; elsewhere products are bfloat16 and sums float32.
        """
        with torch.autocast(ids.device.type, dtype=torch.bfloat16, enabled=ids.device.type != "cpu"):
            hidden = self.model.base_model(
                input_ids=ids,
                position_ids=positions,
                attention_mask=self.mask_of(documents, window_of(self.model)),
            ).last_hidden_state
            if ids.device.type != "cpu":
                hidden = hidden.bfloat16()  # the last norm computes in float32; the head is a product again
        return summed_cross_entropy(hidden, head_weight(self.model), targets)
