"""What several commands read alike: numbers within their bounds, and how weights are stored."""

from __future__ import annotations

import argparse
from collections.abc import Callable

GGUF_TYPES = ("q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m", "f16", "f32")
"""Those of :class:`assistant.quantize.GgufType`, which ``--help`` need not load."""


def whole(least: int, most: int, *, multiple_of: int = 1) -> Callable[[str], int]:
    """A reader of whole numbers for argparse; both bounds are allowed."""
    kind = "whole number" if multiple_of == 1 else f"multiple of {multiple_of:,}"

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most or value % multiple_of:
            raise argparse.ArgumentTypeError(f"{text:.40} is no {kind} from {least:,} to {most:,}")
        return value

    return read


def number(least: float, most: float, *, above: bool = False) -> Callable[[str], float]:
    """A reader of numbers; both bounds are allowed, or the upper one alone."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most or (above and value == least):
            bounds = f"above {least:g} and at most {most:g}" if above else f"from {least:g} to {most:g}"
            raise argparse.ArgumentTypeError(f"{text:.40} is no number {bounds}")
        return value

    return read
