"""Where a model lies, and which back end runs it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from assistant.backends.protocol import CompletionBackend
from assistant.config import Backend, ModelSettings, Precision

SCRIPT_SUFFIX = ".script.json"
DEFAULT_MODEL = Path(__file__).parent / "default" / "model.gguf"
"""The small model that is shipped with the package."""
_MIN_CONTEXT = 64
_MAX_DEFAULT_CONTEXT = 8192
_MAX_THREADS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """How a model is loaded."""

    context_tokens: int = 0
    """0: what the model was trained with, up to 8,192."""
    threads: int = 0
    """0: all cores but one, up to 8."""
    precision: Precision = Precision.AUTO
    """Of a checkpoint folder's weights."""
    gpu_layers: int = -1
    """Layers of a GGUF model on the GPU, where llama.cpp was built for one; -1: all."""
    lookup_tokens: int = 0
    """Tokens that llama.cpp guesses from the prompt and checks at once."""

    @classmethod
    def of(cls, settings: ModelSettings) -> ModelOptions:
        """Take them from the settings."""
        return cls(
            context_tokens=settings.context_tokens,
            threads=settings.threads,
            precision=settings.precision,
            gpu_layers=settings.gpu_layers,
            lookup_tokens=settings.lookup_tokens,
        )

    def context_within(self, trained_with: int) -> int:
        """The context that is wanted of a model that was trained with so many tokens."""
        return max(_MIN_CONTEXT, self.context_tokens or min(trained_with, _MAX_DEFAULT_CONTEXT))


def default_threads() -> int:
    """All cores of this process but one, which is left to the editor; at least 1, at most 8."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(_MAX_THREADS, available - 1))


def model_path(configured: str | None) -> Path:
    """Answer the file or folder that the user gives, otherwise the shipped one; it need not exist.

    What is no path here may be the name of a model that was pulled.
    """
    if not configured:
        return DEFAULT_MODEL
    path = expand_home(configured)
    if path.exists():
        return path
    from assistant.hub.store import find_pulled

    pulled = find_pulled(configured)
    return path if pulled is None else pulled.path


def expand_home(path: str) -> Path:
    """Put the home folder for ``~``; a path of a user who does not exist stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def open_model(settings: ModelSettings) -> CompletionBackend:
    """Open the model that the settings name, or the server; may take long, so call it in a thread.

    Raises what :func:`open_backend` raises.
    """
    if settings.backend is Backend.OPENAI:
        from assistant.backends.openai import OpenAiBackend

        return OpenAiBackend.open(settings)
    path, options = model_path(settings.path), ModelOptions.of(settings)
    if settings.backend is not Backend.AUTO:
        _ensure_fits(path, options)
    if settings.backend is Backend.TRANSFORMERS:
        from assistant.backends.transformers import TransformersBackend

        return TransformersBackend.open(path, options)
    if settings.backend is Backend.LLAMA_CPP:
        from assistant.backends.llama_cpp import LlamaCppBackend

        return LlamaCppBackend.open(path, options)
    return open_backend(path, options)


def open_backend(path: Path, options: ModelOptions) -> CompletionBackend:
    """Load the model; takes as long as reading the file does, so call it in a thread.

    A folder is run by transformers, a file by llama.cpp. Raises
    :class:`~assistant.errors.ModelUnusableError`, or :class:`~attribution.errors.MissingExtraError` where
    the library is not installed.
    """
    if path.name.endswith(SCRIPT_SUFFIX):
        from assistant.backends.scripted import ScriptedBackend

        return ScriptedBackend.open(path)
    _ensure_fits(path, options)
    if path.is_dir():
        from assistant.backends.transformers import TransformersBackend

        return TransformersBackend.open(path, options)
    from assistant.backends.llama_cpp import LlamaCppBackend

    return LlamaCppBackend.open(path, options)


def _ensure_fits(path: Path, options: ModelOptions) -> None:
    from assistant.fit import ensure_model_fits

    ensure_model_fits(path, options)
