"""A model's chat template, rendered so that what people write never becomes a control token.

Templates are Jinja programs that come with a model, so they run in Jinja's sandbox. They are given marks in
place of what people wrote; the rendered text is cut at the marks, and only what lies between them, which the
template itself wrote, is read with control tokens.

Source: chat templates as in transformers' documentation; the variables are those that it names.
"""

from __future__ import annotations

import importlib.util
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from assistant.errors import AssistantError
from attribution.errors import MissingExtraError


class ChatError(AssistantError):
    """A chat could not be held; the sentence says why."""


class Message(TypedDict):
    """One turn of a chat."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of a prompt."""

    text: str
    is_control: bool
    """Whether the template wrote it; otherwise a person did, or a file that is shown to the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTemplate:
    """The template of one model."""

    source: str
    """Jinja."""
    beginning: str = ""
    """Text of the token that begins a document; empty where there is none."""
    end: str = ""

    def render(self, messages: Sequence[Message]) -> list[Piece]:
        """Render a chat up to where the model answers; raises :class:`ChatError`.

        A template that leaves a message out, changes it or writes it twice is refused.
        """
        marks = [f"x{secrets.token_hex(12)}x" for _ in messages]
        marked = [Message(role=m["role"], content=mark) for m, mark in zip(messages, marks, strict=True)]
        contents = {mark: m["content"] for m, mark in zip(messages, marks, strict=True)}
        parts = re.split(f"({'|'.join(marks)})", self._run(marked))
        if [part for part in parts if part in contents] != marks:
            raise ChatError(
                "the model's chat template does not show every message once; choose another model"
            )
        return [
            Piece(text=contents.get(part, part), is_control=part not in contents) for part in parts if part
        ]

    def _run(self, messages: Sequence[Message]) -> str:
        if importlib.util.find_spec("jinja2") is None:
            raise MissingExtraError("talking to a model", "llama")
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        try:
            text: str = environment.from_string(self.source).render(
                messages=messages,
                add_generation_prompt=True,
                bos_token=self.beginning,
                eos_token=self.end,
                tools=None,
            )
        except (TemplateError, TypeError, ValueError, OverflowError, RecursionError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ChatError(f"the model's chat template cannot be used ({reason}); choose another") from error
        return text


def _refuse(message: str) -> str:
    raise ChatError(f"the model's chat template refuses the question ({message}); choose another model")
