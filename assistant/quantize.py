"""Narrower types of GGUF files, made by llama.cpp itself."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import tempfile
from enum import StrEnum
from functools import cache
from pathlib import Path

from assistant.errors import AssistantError
from attribution.errors import MissingExtraError

_log = logging.getLogger(__name__)


class GgufType(StrEnum):
    """How weights are stored."""

    F32 = "f32"
    F16 = "f16"
    Q8_0 = "q8_0"
    Q6_K = "q6_k"
    Q5_K_M = "q5_k_m"
    Q4_K_M = "q4_k_m"
    Q3_K_M = "q3_k_m"


class QuantizationError(AssistantError):
    """A model cannot be quantised."""

    def __init__(self, path: Path, reason: str, *, remedy: str) -> None:
        self.path = path
        super().__init__(f"{path}: {reason}; {remedy}")


def quantize(source: Path, target: Path, gguf_type: GgufType, *, threads: int = 0) -> Path:
    """Quantise an f32, f16 or bf16 GGUF file with llama.cpp; answers ``target``, which is whole or not there.

    ``threads`` of 0 takes all cores. Raises :class:`QuantizationError`, :class:`MissingExtraError`.
    """
    if importlib.util.find_spec("llama_cpp") is None:
        raise MissingExtraError("quantising a model", "llama")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".quantize-") as folder:
            written = Path(folder, "model.gguf")
            _run(source, written, gguf_type, threads)
            with written.open("rb") as file:
                os.fsync(file.fileno())
            written.replace(target)
    except OSError as error:
        raise QuantizationError(
            target, f"cannot be written ({error.strerror})", remedy="make room or choose another folder"
        ) from error
    return target


def _run(source: Path, target: Path, gguf_type: GgufType, threads: int) -> None:
    import llama_cpp

    _, complaints = _log_of_llama_cpp()
    complaints.clear()
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_{_FILE_TYPES[gguf_type]}")
    parameters.nthread = threads
    places = os.fsencode(source), os.fsencode(target)
    failed = llama_cpp.llama_model_quantize(*places, ctypes.byref(parameters))
    if failed:
        why = complaints[-1] if complaints else "it does not say why"
        raise QuantizationError(
            source,
            f"llama.cpp could not quantise it to {gguf_type} ({why})",
            remedy="start from a whole f32, f16 or bf16 file, with room for the result on the disk",
        )


_FILE_TYPES = {
    GgufType.F32: "ALL_F32",
    GgufType.F16: "MOSTLY_F16",
    GgufType.Q8_0: "MOSTLY_Q8_0",
    GgufType.Q6_K: "MOSTLY_Q6_K",
    GgufType.Q5_K_M: "MOSTLY_Q5_K_M",
    GgufType.Q4_K_M: "MOSTLY_Q4_K_M",
    GgufType.Q3_K_M: "MOSTLY_Q3_K_M",
}
_LOG_ERROR = 4


@cache
def _log_of_llama_cpp() -> tuple[object, list[str]]:
    """Have llama.cpp complain into a list; the first of the pair is what it calls, and must live on."""
    import llama_cpp

    complaints: list[str] = []

    def collect(level: int, text: bytes, _: object) -> None:
        line = text.decode("utf-8", "replace").strip()
        if level == _LOG_ERROR and line:
            complaints.append(line)
        _log.debug("llama.cpp: %s", line)

    callback = llama_cpp.llama_log_callback(collect)
    llama_cpp.llama_log_set(callback, None)
    return callback, complaints
