"""Attention document by document: what the mask of a packed row hides is not computed at all.

SDPA under a mask computes the whole square of a row and hides most of it again. A document by itself is a
plain causal triangle, for which SDPA has kernels that skip what lies above the diagonal.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

NAME = "documents"
"""Under which transformers finds it."""


def register() -> None:
    """Make it known to transformers; may be repeated."""
    AttentionInterface.register(NAME, attend_documents)
    AttentionMaskInterface.register(NAME, sdpa_mask)


def documents_as_mask(documents: Tensor, _window: int | None) -> Tensor:
    """What :func:`attend_documents` takes for a mask: the numbers themselves, shape (rows, 1, 1, tokens)."""
    return documents[:, None, None, :]


def attend_documents(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **_others: Any,
) -> tuple[Tensor, None]:
    """Attend as under :func:`training.model.attention_mask`; the answer is (rows, tokens, heads, width).

    ``query`` (rows, heads, tokens, width), ``key`` and ``value`` with one head for one or more of it, and
    ``attention_mask`` from :func:`documents_as_mask`. Each document is one run of its row.
    """
    rows = []
    for row, documents in enumerate(attention_mask[:, 0, 0]):
        parts = [
            _attend(
                *(whole[row : row + 1, :, start:end] for whole in (query, key, value)),
                scale=scaling,
                dropout=dropout,
                window=sliding_window,
            )
            for start, end in _runs(documents)
        ]
        rows.append(torch.cat(parts, dim=2) if len(parts) > 1 else parts[0])
    attended = torch.cat(rows) if len(rows) > 1 else rows[0]
    return attended.transpose(1, 2).contiguous(), None


def _runs(documents: Tensor) -> Iterator[tuple[int, int]]:
    """Where each document of a row begins, and where it ends."""
    ends = (documents[1:] != documents[:-1]).nonzero()[:, 0] + 1
    bounds = [0, *ends.tolist(), len(documents)]
    return pairwise(bounds)


def _attend(
    query: Tensor, key: Tensor, value: Tensor, *, scale: float | None, dropout: float, window: int | None
) -> Tensor:
    tokens = query.shape[2]
    shares_heads = key.shape[1] != query.shape[1]
    if window is None or window >= tokens:
        return scaled_dot_product_attention(
            query, key, value, dropout_p=dropout, is_causal=True, scale=scale, enable_gqa=shares_heads
        )
    visible = torch.ones(tokens, tokens, dtype=torch.bool, device=query.device).tril().triu(1 - window)
    return scaled_dot_product_attention(
        query, key, value, attn_mask=visible, dropout_p=dropout, scale=scale, enable_gqa=shares_heads
    )
