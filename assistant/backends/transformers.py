"""Runs checkpoint folders through transformers: any precision that torch or bitsandbytes has."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from assistant.backends.worker import LocalModel, WorkerBackend
from assistant.errors import ModelNotFoundError
from assistant.models import ModelOptions
from attribution.errors import MissingExtraError


class TransformersBackend(WorkerBackend):
    """A checkpoint folder; see :class:`~assistant.backends.protocol.CompletionBackend` for the contract."""

    @classmethod
    def open(cls, folder: Path, options: ModelOptions | None = None) -> TransformersBackend:
        """Load the model in its worker thread and wait for it.

        Raises :class:`~assistant.errors.ModelUnusableError`,
        :class:`~attribution.errors.MissingExtraError`.
        """
        if not folder.is_dir():
            raise ModelNotFoundError(folder)
        if any(importlib.util.find_spec(name) is None for name in ("torch", "transformers")):
            raise MissingExtraError("completing code with a checkpoint folder", "transformers")

        def load() -> LocalModel:
            from assistant.backends.transformers_model import TransformersModel

            return TransformersModel(folder, options or ModelOptions())

        return cls.load(load, name="transformers")
