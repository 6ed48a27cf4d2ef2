"""Model shapes by name: the published models of the StarCoder family, and small ones of StarCoder2's kind.

Sources: the ``config.json`` of bigcode/starcoder2-3b, -7b and -15b, bigcode/starcoder and
bigcode/gpt_bigcode-santacoder; Lozhkov et al. 2024, "StarCoder 2 and The Stack v2" (4k base stage, then a
long-context stage at 16k with ten times the RoPE base); Li et al. 2023, "StarCoder: may the source be with
you!"; Ben Allal et al. 2023, "SantaCoder: don't reach for the stars!". Published counts are those of the
models' cards on the Hub.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from training.errors import UnknownPresetError
from training.recipes.big_code import BigCodeShape
from training.recipes.recipe import ModelShape

BASE_CONTEXT_TOKENS = 4096
"""What StarCoder2 saw in its first stage; the presets are those of the long-context stage after it."""
_LONG_CONTEXT_TOKENS = 16_384
_WINDOW_TOKENS = 4096
_VOCABULARY = 49_152


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A shape with a name."""

    name: str
    shape: ModelShape | BigCodeShape
    published_parameters: str | None = None
    """As its authors round it; ``None`` for a shape of ours."""
    base_rope_base: float | None = None
    """RoPE base of the stage before the long-context one, where there is one."""

    @property
    def base_stage(self) -> ModelShape | BigCodeShape:
        """The shape before the long-context stage, where there is one.

        No position looks further back than 4,096 in either stage, so there is no window in the first.
        """
        if isinstance(self.shape, ModelShape) and self.base_rope_base is not None:
            return replace(
                self.shape,
                context_tokens=BASE_CONTEXT_TOKENS,
                window_tokens=None,
                rope_base=self.base_rope_base,
            )
        return self.shape


def _small(name: str, *, layers: int, hidden: int, heads: int, vocabulary: int) -> Preset:
    """StarCoder2's proportions with heads of 64; no window, so that llama.cpp serves all of the context."""
    return Preset(
        name=name,
        shape=ModelShape(
            layers=layers,
            hidden=hidden,
            feed_forward=4 * hidden,
            heads=heads,
            kv_heads=2,
            context_tokens=2048,
            vocabulary=vocabulary,
        ),
    )


PRESETS = (
    Preset(
        name="starcoder2-3b",
        published_parameters="3.03B",
        base_rope_base=100_000.0,
        shape=ModelShape(
            layers=30,
            hidden=3072,
            feed_forward=12_288,
            heads=24,
            kv_heads=2,
            context_tokens=_LONG_CONTEXT_TOKENS,
            vocabulary=_VOCABULARY,
            rope_base=999_999.4420358813,
            initial_std=0.018042,
            window_tokens=_WINDOW_TOKENS,
        ),
    ),
    Preset(
        name="starcoder2-7b",
        published_parameters="7.17B",
        base_rope_base=100_000.0,
        shape=ModelShape(
            layers=32,
            hidden=4608,
            feed_forward=18_432,
            heads=36,
            kv_heads=4,
            context_tokens=_LONG_CONTEXT_TOKENS,
            vocabulary=_VOCABULARY,
            rope_base=1_000_000.0,
            initial_std=0.018042,
            window_tokens=_WINDOW_TOKENS,
        ),
    ),
    Preset(
        name="starcoder2-15b",
        published_parameters="16B",
        base_rope_base=10_000.0,
        shape=ModelShape(
            layers=40,
            hidden=6144,
            feed_forward=24_576,
            heads=48,
            kv_heads=4,
            context_tokens=_LONG_CONTEXT_TOKENS,
            vocabulary=_VOCABULARY,
            rope_base=100_000.0,
            initial_std=0.01275,
            window_tokens=_WINDOW_TOKENS,
            separate_head=True,
        ),
    ),
    Preset(
        name="starcoder",
        published_parameters="15.5B",
        shape=BigCodeShape(
            layers=40,
            hidden=6144,
            feed_forward=24_576,
            heads=48,
            context_tokens=8192,
            vocabulary=_VOCABULARY,
            end_of_text=0,
            activation="gelu",
        ),
    ),
    Preset(
        name="santacoder",
        published_parameters="1.1B",
        shape=BigCodeShape(
            layers=24,
            hidden=2048,
            feed_forward=8192,
            heads=16,
            context_tokens=2048,
            vocabulary=49_280,
            end_of_text=49_152,
        ),
    ),
    _small("5m", layers=4, hidden=256, heads=4, vocabulary=8192),
    _small("20m", layers=8, hidden=384, heads=6, vocabulary=16_384),
    _small("60m", layers=12, hidden=640, heads=10, vocabulary=16_384),
    _small("160m", layers=20, hidden=768, heads=12, vocabulary=_VOCABULARY),
)
NAMES = tuple(preset.name for preset in PRESETS)


def find_preset(name: str) -> Preset:
    """Find a preset by name; raise :class:`UnknownPresetError`."""
    for preset in PRESETS:
        if preset.name == name:
            return preset
    raise UnknownPresetError(name, NAMES)
