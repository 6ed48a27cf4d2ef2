"""The shape of StarCoder and SantaCoder: GPT-2 with multi-query attention, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class BigCodeShape:
    """A decoder of the GPTBigCode architecture: one key-value head, learnt positions, tied embeddings."""

    layers: int
    hidden: int
    feed_forward: int
    heads: int
    context_tokens: int
    """Positions that have an embedding; there is nothing beyond them."""
    vocabulary: int
    """A multiple of 128."""
    end_of_text: int
    """Its id: 0, or the first one after SantaCoder's merges."""
    activation: Literal["gelu", "gelu_pytorch_tanh"] = "gelu_pytorch_tanh"
    initial_std: float = 0.02

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values: all query heads share one (MQA)."""
        return 1

    def __post_init__(self) -> None:
        if self.hidden % self.heads:
            raise ValueError("hidden must be a multiple of heads")
        if self.vocabulary % 128 or self.vocabulary > 1 << 16:
            raise ValueError("the vocabulary must be a multiple of 128 and fit 16 bits")
