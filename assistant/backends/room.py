"""What a request leaves room for, and what of it a model knows already."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from assistant.errors import PromptTooLongError


def room_for(prompt: Sequence[int], *, max_tokens: int, context_tokens: int) -> int:
    """How many tokens may follow a prompt: what is wanted, as far as the context holds it.

    Raises :class:`ValueError` for a negative ``max_tokens`` and :class:`PromptTooLongError` where there is no
    room for one token.
    """
    if max_tokens < 0:
        raise ValueError("max_tokens is negative")
    if len(prompt) >= context_tokens:
        raise PromptTooLongError(prompt_tokens=len(prompt), context_tokens=context_tokens)
    return min(max_tokens, context_tokens - len(prompt))


def known_tokens(evaluated: Sequence[int], prompt: Sequence[int]) -> int:
    """How many tokens of a prompt were evaluated before, never its last: that one's logits are needed.

    >>> known_tokens([1, 2, 3, 4], [1, 2, 5]), known_tokens([1, 2, 3], [1, 2, 3]), known_tokens([1], [])
    (2, 2, 0)
    """
    pairs = zip(evaluated, prompt[:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
