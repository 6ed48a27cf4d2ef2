"""Runs GGUF models through llama.cpp."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from assistant.backends.worker import LocalModel, WorkerBackend
from assistant.models import ModelOptions
from attribution.errors import MissingExtraError


class LlamaCppBackend(WorkerBackend):
    """A GGUF model; see :class:`~assistant.backends.protocol.CompletionBackend` for the contract."""

    @classmethod
    def open(cls, path: Path, options: ModelOptions | None = None) -> LlamaCppBackend:
        """Load the model in its worker thread and wait for it.

        Raises :class:`~assistant.errors.ModelUnusableError`,
        :class:`~attribution.errors.MissingExtraError`.
        """
        if importlib.util.find_spec("llama_cpp") is None:
            raise MissingExtraError("completing code with a GGUF model", "llama")

        def load() -> LocalModel:
            from assistant.backends.llama_model import LlamaModel

            return LlamaModel(path, options or ModelOptions())

        return cls.load(load, name="llama")
