"""Completes code through a server that speaks OpenAI's completions protocol, at an address the user set."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from typing import Any

from assistant.backends.openai_model import IdVocabulary, OpenAiModel, ServerVocabulary, printable
from assistant.backends.openai_server import Address, Server
from assistant.backends.text_vocabulary import TextVocabulary
from assistant.backends.worker import WorkerBackend
from assistant.config import ModelSettings
from assistant.errors import BackendError, ModelUnusableError
from assistant.models import expand_home
from attribution.errors import MissingExtraError

_DEFAULT_CONTEXT = 4096
"""Where neither the settings nor the server say how much its model can hold."""


class OpenAiBackend(WorkerBackend):
    """A server; see :class:`~assistant.backends.protocol.CompletionBackend` for the contract.

    Whether a cancelled request ends at the server too is the server's affair: its connection is closed.
    """

    sees_logits = False

    @classmethod
    def open(cls, settings: ModelSettings, *, environment: Mapping[str, str] = os.environ) -> OpenAiBackend:
        """Ask the server for its models; raises :class:`ModelUnusableError`, :class:`MissingExtraError`."""
        server = _server(settings, environment)
        vocabulary = _vocabulary(settings)

        def load() -> OpenAiModel:
            try:
                models = server.models()
            except BackendError as error:
                raise _unusable(
                    settings.url, str(error), "then change a setting of model, or ask again"
                ) from error
            model = _chosen(models, settings)
            return OpenAiModel(
                server,
                name=str(model["id"]),
                vocabulary=vocabulary,
                context_tokens=settings.context_tokens or _context_of(model),
            )

        return cls.load(load, name="openai")


def _server(settings: ModelSettings, environment: Mapping[str, str]) -> Server:
    try:
        address = Address.parse(settings.url)
    except ValueError as error:
        remedy = "set model.url to one such as http://127.0.0.1:8000/v1"
        raise _unusable(settings.url or "(none)", str(error), remedy) from error
    key_name = settings.api_key_environment
    key = environment.get(key_name, "").strip() if key_name else ""
    if key_name and not (key and key.isascii() and key.isprintable()):
        reason = f"the environment variable {key_name} holds no key"
        raise _unusable(
            settings.url, reason, "set it where the editor is started, or model.apiKeyEnvironment"
        )
    return Server(address, key=key, key_name=key_name)


def _vocabulary(settings: ModelSettings) -> ServerVocabulary:
    if not settings.tokenizer:
        return TextVocabulary(settings.family)
    if importlib.util.find_spec("tokenizers") is None:
        raise MissingExtraError("prompting a server by token ids", "transformers")
    from assistant.backends.byte_level import ByteLevelTokenizer

    return IdVocabulary(ByteLevelTokenizer(expand_home(settings.tokenizer)))


def _chosen(models: list[dict[str, Any]], settings: ModelSettings) -> dict[str, Any]:
    """The model of that name, or the first one; servers that list none are trusted to know the name."""
    if not settings.name:
        if not models:
            raise _unusable(settings.url, "it lists no models", "set model.name to one that it has")
        return models[0]
    if not models:
        return {"id": settings.name}
    named = next((model for model in models if model["id"] == settings.name), None)
    if named is None:
        known = ", ".join(printable(str(model["id"])) for model in models[:5])
        raise _unusable(
            settings.url, f"it has no model {settings.name}", f"set model.name to one of: {known}"
        )
    return named


def _context_of(model: Mapping[str, Any]) -> int:
    """What vLLM says of its model, otherwise a usual size."""
    limit = model.get("max_model_len")
    return limit if isinstance(limit, int) and limit > 0 else _DEFAULT_CONTEXT


def _unusable(url: str, reason: str, remedy: str) -> ModelUnusableError:
    return ModelUnusableError(url, reason, remedy=remedy)
