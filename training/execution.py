"""How a run is computed: choices that change its speed and memory, and its losses by rounding at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from training.attention import NAME, documents_as_mask, register
from training.errors import ExecutionError
from training.model import NextTokenLoss, blocks_of, flex_mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What no checkpoint depends on; exact resume needs the same choices again."""

    compiled: bool | None = None
    """Whether layers are compiled by ``torch.compile``; ``None`` where there is a GPU."""
    attention: Literal["documents", "sdpa", "flex"] | None = None
    """Document by document, which computes nothing that the mask hides; SDPA with the mask as a matrix; flex
    attention, which skips blocks that it hides, on a GPU only. ``None`` is the first on a CPU without
    compiled layers, otherwise the second."""
    recompute: bool = False
    """Keep no activations within layers, and compute them again in the backward pass."""


AS_USUAL = Execution()


def set_up(objective: NextTokenLoss, execution: Execution, *, on_gpu: bool) -> None:
    """Make a model compute as chosen, before it is cut among processes; raise :class:`ExecutionError`."""
    model = objective.model
    compiled = on_gpu if execution.compiled is None else execution.compiled
    chosen = execution.attention or ("sdpa" if on_gpu or compiled else "documents")
    if chosen == "documents":
        register()
        model.set_attn_implementation(NAME)
        objective.mask_of = documents_as_mask
    if chosen == "flex":
        if not model._supports_flex_attn:
            raise ExecutionError("this architecture has no flex attention", "--attention flex")
        if not on_gpu:
            raise ExecutionError("flex attention cannot be trained with on a CPU", "--attention flex")
        model.set_attn_implementation("flex_attention")
        objective.mask_of = flex_mask
    if execution.recompute:
        model.activation_checkpointing_enable()
    if compiled:
        for block in blocks_of(model):
            block.compile()
