"""How one model is talked to: its chat template and its control tokens, read from its file or folder.

It needs nothing of a back end but that it turns plain text into ids, so it is the same for all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from assistant.backends.gguf import GgufHeader, read_header
from assistant.chat.template import ChatTemplate, Piece
from assistant.errors import ModelUnusableError
from assistant.facts import CHAT_TEMPLATE, TOKENS, read_json
from assistant.fim import STARCODER2
from assistant.models import SCRIPT_SUFFIX

_TOKEN_TYPES = "tokenizer.ggml.token_type"
_CONTROL_TYPES = (3, 4)
"""Control tokens, and those that a model's makers added (``llama_token_type``)."""


@dataclass(frozen=True, kw_only=True)
class ChatFormat:
    """A chat template and the ids of the control tokens that it may write."""

    template: ChatTemplate
    control: Mapping[str, int]

    @cached_property
    def ids(self) -> frozenset[int]:
        """Ids that are no part of an answer's text: the first of them ends it."""
        return frozenset(self.control.values())

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self.control, key=len, reverse=True)
        return re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")

    def tokenize(self, piece: Piece, plain: Callable[[str], list[int]]) -> list[int]:
        """Turn a piece into ids: control tokens by name where the template wrote it, nowhere else."""
        if not piece.is_control or not self.control:
            return plain(piece.text)
        ids: list[int] = []
        for part in filter(None, self._pattern.split(piece.text)):
            ids += [self.control[part]] if part in self.control else plain(part)
        return ids


def read_chat(path: Path) -> ChatFormat | None:
    """Read it; ``None`` for a model without a template. Raises :class:`ModelUnusableError`."""
    if path.name.endswith(SCRIPT_SUFFIX):
        return _of_script(path)
    return _of_checkpoint(path) if path.is_dir() else _of_gguf(path)


def _of_gguf(path: Path) -> ChatFormat | None:
    header = read_header(path, arrays=(TOKENS, _TOKEN_TYPES))
    source = header.metadata.get(CHAT_TEMPLATE)
    if not isinstance(source, str):
        return None
    tokens = [str(token) for token in header.arrays.get(TOKENS, ())]
    kinds = header.arrays.get(_TOKEN_TYPES, ())
    numbered = enumerate(zip(tokens, kinds, strict=False))
    control = {token: number for number, (token, kind) in numbered if kind in _CONTROL_TYPES}
    template = ChatTemplate(
        source=source, beginning=_named(header, "bos", tokens), end=_named(header, "eos", tokens)
    )
    return ChatFormat(template=template, control=control)


def _named(header: GgufHeader, name: str, tokens: list[str]) -> str:
    number = header.metadata.get(f"tokenizer.ggml.{name}_token_id")
    return tokens[number] if isinstance(number, int) and 0 <= number < len(tokens) else ""


def _of_checkpoint(folder: Path) -> ChatFormat | None:
    config = read_json(folder, "tokenizer_config.json") if _has(folder, "tokenizer_config.json") else {}
    source = config.get("chat_template")
    if _has(folder, "chat_template.jinja"):
        source = (folder / "chat_template.jinja").read_text("utf-8", "replace")
    if not isinstance(source, str):
        return None
    added = read_json(folder, "tokenizer.json").get("added_tokens", ())
    try:
        control = {str(token["content"]): int(token["id"]) for token in added}
    except (KeyError, TypeError, ValueError) as error:
        remedy = "copy it again"
        raise ModelUnusableError(folder, "its tokenizer.json is no tokenizer's", remedy=remedy) from error
    template = ChatTemplate(
        source=source, beginning=_text(config.get("bos_token")), end=_text(config.get("eos_token"))
    )
    return ChatFormat(template=template, control=control)


def _has(folder: Path, name: str) -> bool:
    return (folder / name).is_file()


def _text(token: Any) -> str:
    """A token as ``tokenizer_config.json`` writes it: its text, or an object with it."""
    found = token.get("content") if isinstance(token, dict) else token
    return found if isinstance(found, str) else ""


def _of_script(path: Path) -> ChatFormat | None:
    """The template of a scripted back end: the entry ``chat_template`` of its script."""
    try:
        source = json.loads(path.read_text("utf-8")).get("chat_template")
    except (OSError, ValueError, AttributeError):
        return None
    control = {token: number for number, token in enumerate(STARCODER2.control_tokens)}
    return ChatFormat(template=ChatTemplate(source=source), control=control) if source else None
