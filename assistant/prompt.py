"""From a document and a cursor to prompt tokens, within the model's context.

Where the code before the cursor is longer than its budget it is cut at a line whose number is a multiple of
:data:`CUT_LINES`. So the prompt begins with the same tokens keystroke after keystroke, which is what lets a
back end reuse its work; a cut that moved with every token would throw all of it away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from assistant.backends.protocol import CompletionBackend
from assistant.fim import FimOrder, RepositoryContext, infill

CUT_LINES = 16
_LAST_TOKEN = re.compile(r" ?[^\W\d_]{1,32}\Z|[ \t]\Z")
_LONGEST_LAST_TOKEN = 33
_MAX_TOKEN_CHARACTERS = 6
"""Characters of code a token stands for, at most, on average: bounds what is tokenised at all."""
_CONTROL_TOKENS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many tokens of a document a prompt may hold."""

    prefix_tokens: int
    suffix_tokens: int

    @classmethod
    def within(
        cls, context_tokens: int, *, max_tokens: int, prefix_tokens: int, suffix_tokens: int
    ) -> Budget:
        """Fit the wishes into a context that must also hold the answer; the suffix gets a quarter at most."""
        room = max(1, context_tokens - min(max_tokens, context_tokens // 2) - _CONTROL_TOKENS)
        suffix = min(suffix_tokens, room // 4)
        return cls(prefix_tokens=min(prefix_tokens, room - suffix), suffix_tokens=suffix)


def split_last_token(prefix: str) -> tuple[str, str]:
    """Part the code before the cursor from its last word or space, which may be half a token.

    Byte-level tokenisers join a space to the word that follows it, so that after a lone space a model
    sees what it was hardly ever trained to go on from. What is parted is left out of the prompt, and the
    answer is required to begin with it.

    >>> split_last_token("for i in "), split_last_token("    ret"), split_last_token("x[1:")
    (('for i in', ' '), ('   ', ' ret'), ('x[1:', ''))
    """
    found = _LAST_TOKEN.search(prefix, max(0, len(prefix) - _LONGEST_LAST_TOKEN))
    return (prefix[: found.start()], found[0]) if found else (prefix, "")


def build_prompt(
    backend: CompletionBackend,
    prefix: str,
    suffix: str,
    *,
    budget: Budget,
    order: FimOrder,
    context: RepositoryContext | None = None,
) -> list[int]:
    """Build the infilling prompt for a document that is cut in two at the cursor.

    ``context`` is not counted against the budget.
    """
    return infill(
        backend.fim_ids,
        prefix=fit_prefix(backend, prefix, budget.prefix_tokens),
        suffix=fit_suffix(backend, suffix, budget.suffix_tokens),
        order=order,
        context=context,
    )


def fit_prefix(backend: CompletionBackend, prefix: str, budget: int) -> list[int]:
    """Tokenise as many whole lines before the cursor as the budget allows.

    A last line that is longer than the budget is cut inside.
    """
    tail = prefix[-budget * _MAX_TOKEN_CHARACTERS :]
    ids = backend.tokenize(tail)
    if len(ids) <= budget and len(tail) == len(prefix):
        return ids
    kept = backend.detokenize(ids[-budget:]).decode("utf-8", "ignore")
    start = _next_line_start(prefix, len(prefix) - min(len(kept), len(tail)))
    return backend.tokenize(prefix[start:])[-budget:] if start is not None else ids[-budget:]


def fit_suffix(backend: CompletionBackend, suffix: str, budget: int) -> list[int]:
    """Tokenise as many whole lines after the cursor as the budget allows, or a part of the first one."""
    head = suffix[: budget * _MAX_TOKEN_CHARACTERS]
    ids = backend.tokenize(head)
    if len(ids) <= budget and len(head) == len(suffix):
        return ids
    kept = backend.detokenize(ids[:budget]).decode("utf-8", "ignore")
    end = kept.rfind("\n") + 1
    return backend.tokenize(kept[:end])[:budget] if end else ids[:budget]


def _next_line_start(text: str, offset: int) -> int | None:
    """Find a line start at or after ``offset``, where possible one that begins a block of lines."""
    start = offset if offset == 0 else text.find("\n", offset - 1) + 1
    if offset > 0 and start == 0:
        return None
    aligned = start
    for _ in range(-text.count("\n", 0, start) % CUT_LINES):
        aligned = text.find("\n", aligned) + 1
        if aligned == 0:
            return start
    return aligned
