"""Guesses the next tokens from those before them: prompt-lookup speculation.

Code repeats itself: where the last tokens stood before, what followed them there is likely to follow again.
A guess costs one look-up, and the model checks several guessed tokens in one evaluation. Source: Saxena 2023,
"Prompt Lookup Decoding".
"""

from __future__ import annotations

from collections.abc import Iterable

_RUNS = (4, 3)
"""Lengths of the last tokens that are looked up, longest first; shorter ones guess wrong too often."""


class PromptLookup:
    """What stood where in the tokens so far."""

    def __init__(self, tokens: Iterable[int]) -> None:
        self._tokens: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}
        """Where the latest continuation of a run begins."""
        for token in tokens:
            self.add(token)

    def add(self, token: int) -> None:
        """Note the next token."""
        for length in _RUNS:
            if len(self._tokens) >= length:
                self._after[tuple(self._tokens[-length:])] = len(self._tokens)
        self._tokens.append(token)

    def guess(self, limit: int) -> list[int]:
        """Guess at most so many tokens that follow; none where the last ones are new.

        >>> PromptLookup([1, 2, 3, 4, 5, 9, 1, 2, 3]).guess(2)
        [4, 5]
        """
        for length in _RUNS:
            start = self._after.get(tuple(self._tokens[-length:]))
            if start is not None:
                return self._tokens[start : start + max(0, limit)]
        return []
