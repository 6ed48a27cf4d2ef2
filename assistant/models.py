"""Where a model lies, and which back end runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assistant.backends.protocol import CompletionBackend

SCRIPT_SUFFIX = ".script.json"
DEFAULT_MODEL = Path(__file__).parent / "default" / "model.gguf"
"""The small model that is shipped with the package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """How a model is loaded."""

    context_tokens: int = 0
    """0: what the model was trained with, up to 8,192."""
    threads: int = 0
    """0: all cores but one, up to 8."""


def model_path(configured: str | None) -> Path:
    """Answer the file that the user gives, otherwise the shipped one; it need not exist."""
    return expand_home(configured) if configured else DEFAULT_MODEL


def expand_home(path: str) -> Path:
    """Put the home folder for ``~``; a path of a user who does not exist stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def open_backend(path: Path, options: ModelOptions) -> CompletionBackend:
    """Load the model; takes as long as reading the file does, so call it in a thread.

    Raises :class:`~assistant.errors.ModelUnusableError`, or
    :class:`~attribution.errors.MissingExtraError` where llama.cpp is not installed.
    """
    if path.name.endswith(SCRIPT_SUFFIX):
        from assistant.backends.scripted import ScriptedBackend

        return ScriptedBackend.open(path)
    from assistant.backends.llama_cpp import LlamaCppBackend

    return LlamaCppBackend.open(path, options)
