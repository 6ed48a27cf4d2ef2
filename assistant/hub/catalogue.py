"""The models that are known by name: published figures, to choose by before anything is fetched.

Sizes: the StarCoder2 (2024), StarCoder (2023) and SantaCoder (2023) papers, and the configs of the models.
"""

from __future__ import annotations

from dataclasses import dataclass

from assistant.facts import Shape

OPENRAIL_M = "bigcode-openrail-m"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model of the family on the hub."""

    name: str
    repository: str
    parameters: int
    license: str
    trained_context: int
    shape: Shape


CATALOGUE = (
    KnownModel(
        name="starcoder2-3b",
        repository="bigcode/starcoder2-3b",
        parameters=3_030_371_328,
        license=OPENRAIL_M,
        trained_context=16_384,
        shape=Shape(layers=30, heads=24, kv_heads=2, head_size=128, vocabulary=49_152),
    ),
    KnownModel(
        name="starcoder2-7b",
        repository="bigcode/starcoder2-7b",
        parameters=7_173_923_840,
        license=OPENRAIL_M,
        trained_context=16_384,
        shape=Shape(layers=32, heads=36, kv_heads=4, head_size=128, vocabulary=49_152),
    ),
    KnownModel(
        name="starcoder2-15b",
        repository="bigcode/starcoder2-15b",
        parameters=15_957_889_024,
        license=OPENRAIL_M,
        trained_context=16_384,
        shape=Shape(layers=40, heads=48, kv_heads=4, head_size=128, vocabulary=49_152),
    ),
    KnownModel(
        name="starcoder",
        repository="bigcode/starcoder",
        parameters=15_517_456_384,
        license=OPENRAIL_M,
        trained_context=8_192,
        shape=Shape(layers=40, heads=48, kv_heads=1, head_size=128, vocabulary=49_152),
    ),
    KnownModel(
        name="santacoder",
        repository="bigcode/gpt_bigcode-santacoder",
        parameters=1_124_886_528,
        license=OPENRAIL_M,
        trained_context=2_048,
        shape=Shape(layers=24, heads=16, kv_heads=1, head_size=128, vocabulary=49_280),
    ),
)


def known_model(name: str) -> KnownModel | None:
    """The model of that name or repository, whatever its letters' case."""
    wanted = name.lower()
    return next((m for m in CATALOGUE if wanted in (m.name, m.repository)), None)
