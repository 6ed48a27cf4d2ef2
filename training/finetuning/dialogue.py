"""Instructions and answers as one text: StarCoder2-Instruct's headings, and which tokens are learned.

::

    <|endoftext|>SYSTEM

    ### Instruction
    QUESTION

    ### Response
    ANSWER<|endoftext|>

A dialogue goes on with the next instruction after its answer. Loss is taken on answers and on what ends them
alone; parts are tokenised apart, because that is how a program asks: up to ``### Response`` and a line break.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tokenizers import Tokenizer

CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}"
    "{% elif message['role'] == 'user' %}{{ '### Instruction\\n' + message['content'] + '\\n\\n' }}"
    "{% else %}{{ '### Response\\n' + message['content'] + eos_token }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Response\\n' }}{% endif %}"
)
"""The same for transformers' ``apply_chat_template``."""


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """Turns of which at least one is the assistant's, and where they stand."""

    messages: tuple[Message, ...]
    place: str
    """``FILE:LINE``."""

    @property
    def answers(self) -> tuple[str, ...]:
        """What the assistant says."""
        return tuple(m.content for m in self.messages if m.role is Role.ASSISTANT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A dialogue for a model."""

    ids: list[int]
    is_answer: list[int]
    """1 where a token is to be learned, 0 elsewhere; as long as ``ids``."""


def tokenize(messages: Sequence[Message], tokenizer: Tokenizer, *, end_of_text: int) -> Tokens:
    """Spell a dialogue in tokens; what the messages say never becomes a control token."""
    ids, is_answer = [end_of_text], [0]
    for message in messages:
        for text, learned in _parts(message):
            encoded = tokenizer.encode(text, add_special_tokens=False).ids
            ids += encoded
            is_answer += [learned] * len(encoded)
        if message.role is Role.ASSISTANT:
            ids.append(end_of_text)
            is_answer.append(1)
    return Tokens(ids=ids, is_answer=is_answer)


def _parts(message: Message) -> tuple[tuple[str, int], ...]:
    if message.role is Role.SYSTEM:
        return ((f"{message.content}\n\n", 0),)
    if message.role is Role.USER:
        return ((f"### Instruction\n{message.content}\n\n", 0),)
    return (("### Response\n", 0), (message.content, 1))
