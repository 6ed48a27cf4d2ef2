"""What a model is made to infer in this process: every token that goes through ``llama_decode``."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts since the last reset."""

    tokens: int = 0
    """Tokens evaluated: of prompts that were not reused, and of answers."""
    calls: int = 0

    def reset(self) -> None:
        """Begin anew."""
        self.tokens = self.calls = 0


def tally_inference() -> Tally:
    """Count from now on, in this process, whoever calls llama.cpp."""
    import llama_cpp
    import llama_cpp.llama_cpp as binding

    tally, decode = Tally(), binding.llama_decode

    def counted(context: Any, batch: Any) -> ctypes.c_int32:
        tally.tokens += batch.n_tokens
        tally.calls += 1
        return decode(context, batch)

    llama_cpp.llama_decode = binding.llama_decode = counted
    return tally
