"""Whether a model fits into memory: its weights, and the keys and values of its context."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from assistant.config import Precision
from assistant.errors import ModelUnusableError
from assistant.facts import ModelFacts, ModelForm, Shape, read_facts
from assistant.memory import available_bytes
from assistant.models import ModelOptions

_HALF, _FLOAT = 2, 4
_BATCH_TOKENS = 512
"""Tokens that llama.cpp evaluates at once."""
_ACTIVATIONS = 16
"""Vectors of the model's width that a token takes at once, those of the feed-forward layer included."""
_MIN_CONTEXT = 256
GIB = 1 << 30
_BITS = {"q8_0": 8.5, "q6_k": 6.6, "q5_k_m": 5.7, "q4_k_m": 4.9, "q3_k_m": 3.9}
"""Bits a weight, the tables of scales included, by llama.cpp's quantisations; widest first."""
_WIDE = 16.0
_LOADED_BITS = {
    Precision.AUTO: 32.0,
    Precision.F32: 32.0,
    Precision.BF16: 16.0,
    Precision.INT8: 8.5,
    Precision.NF4: 4.6,
}
"""Bits a weight that transformers loads on a CPU, whatever the file has."""


class ModelTooLargeError(ModelUnusableError):
    """A model does not fit into this machine's memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Bytes that a model takes once it is loaded."""

    weights: int
    cache: int
    """Keys and values of the whole context, as halves."""
    scratch: int
    """What evaluating a batch takes: the mask, activations and logits."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.cache + self.scratch


def needed(facts: ModelFacts, *, context_tokens: int, bits: float | None = None) -> Need:
    """Estimate it for a context of so many tokens; ``bits`` a weight in place of those it has."""
    shape = facts.shape
    cache = 2 * shape.layers * shape.kv_heads * shape.head_size * context_tokens * _HALF
    weights = facts.weight_bytes if bits is None else int(facts.parameters * bits / 8)
    return Need(weights=weights, cache=cache, scratch=_scratch(shape, context_tokens))


def _scratch(shape: Shape, context_tokens: int) -> int:
    """Both llama.cpp and transformers attend in blocks, so there is never a matrix of all scores."""
    width = shape.heads * shape.head_size
    numbers = context_tokens + shape.vocabulary + _ACTIVATIONS * width
    return min(_BATCH_TOKENS, context_tokens) * numbers * _FLOAT


def ensure_fits(facts: ModelFacts, *, context_tokens: int, bits: float | None = None) -> None:
    """Raise :class:`ModelTooLargeError` with what would fit, unless it does; unknown memory is enough."""
    available = available_bytes()
    need = needed(facts, context_tokens=context_tokens, bits=bits)
    if available is None or need.total <= available:
        return
    reason = (
        f"it needs {gib(need.total)} of memory ({gib(need.weights)} of weights, {gib(need.cache)} for a "
        f"context of {context_tokens:,} tokens, {gib(need.scratch)} to compute), "
        f"and {gib(available)} is free"
    )
    remedy = what_fits(facts, available=available, context_tokens=context_tokens, bits=bits)
    raise ModelTooLargeError(facts.path, reason, remedy=remedy)


def ensure_model_fits(path: Path, options: ModelOptions) -> None:
    """Raise :class:`ModelTooLargeError` for a model that cannot be loaded with these options.

    What cannot be read is left for the back end to refuse, and a model that a GPU holds to that GPU.
    """
    try:
        facts = read_facts(path)
    except ModelUnusableError:
        return
    if not _is_held_by_gpu(facts, options):
        bits = _LOADED_BITS[options.precision] if facts.form is ModelForm.CHECKPOINT else None
        context = options.context_within(facts.trained_context)
        ensure_fits(facts, context_tokens=context, bits=bits)


def _is_held_by_gpu(facts: ModelFacts, options: ModelOptions) -> bool:
    if facts.form is ModelForm.CHECKPOINT:
        return _has_cuda()
    if options.gpu_layers == 0 or find_spec("llama_cpp") is None:
        return False
    import llama_cpp

    return bool(llama_cpp.llama_supports_gpu_offload())


def _has_cuda() -> bool:
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def what_fits(facts: ModelFacts, *, available: int, context_tokens: int, bits: float | None = None) -> str:
    """Say which context or quantisation of the model would fit, or that none does."""
    context = context_tokens // 2
    while context >= _MIN_CONTEXT:
        if needed(facts, context_tokens=context, bits=bits).total <= available:
            return f"it fits with a context of {context:,}: set model.contextTokens to that"
        context //= 2
    narrow = _narrower(facts, available=available, context_tokens=context_tokens)
    if narrow is not None:
        how = f"sc-attrib model quantize {facts.path} --type {narrow}"
        return f"it would fit as {narrow} ({gib(_as(facts, narrow, context_tokens))}): {how}"
    least = gib(_as(facts, list(_BITS)[-1], _MIN_CONTEXT))
    return f"even as {list(_BITS)[-1]} it would take {least}: choose a smaller model"


def _narrower(facts: ModelFacts, *, available: int, context_tokens: int) -> str | None:
    """The widest quantisation that would fit, for weights that are not quantised yet."""
    is_wide = facts.weight_bytes * 8 >= _WIDE * facts.parameters
    if not is_wide:
        return None
    return next((name for name in _BITS if _as(facts, name, context_tokens) <= available), None)


def _as(facts: ModelFacts, quantisation: str, context_tokens: int) -> int:
    return needed(facts, context_tokens=context_tokens, bits=_BITS[quantisation]).total


def gib(size: int) -> str:
    """Spell a size for people."""
    return f"{size / GIB:.1f} GiB" if size >= GIB // 10 else f"{size / (1 << 20):.0f} MiB"
