"""Ids for a server that takes prompts as text alone: control tokens, and three bytes of text an id.

The ids are ours; the server never sees them. Three bytes are a little less than what a token of the
StarCoder family stands for, so budgets that count tokens hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from assistant.fim import FORMATS, Family, FimIds, resolve_ids

_BYTES = 3
_CONTROL_LOOKALIKE = re.compile(
    "|".join(
        [
            *(re.escape(token) for known in FORMATS for token in known.control_tokens),
            r"<\|[^<>|\s]{1,40}\|>",
            r"<(?:fim|file|repo|issue|jupyter|commit|gh|empty|code_to|intermediate_to|pr)[_-][a-z_-]{1,40}>",
        ]
    )
)


class TextVocabulary:
    """The control tokens of one family, and an id for every one, two or three bytes."""

    def __init__(self, family: Family) -> None:
        fim_format = next(known for known in FORMATS if known.name is family)
        self._controls = fim_format.control_tokens
        numbers = {token: number for number, token in enumerate(self._controls)}
        ids = resolve_ids(numbers.get)
        assert ids is not None, "the vocabulary is made of these tokens"
        self.fim_ids: FimIds = ids

    def tokenize(self, text: str) -> list[int]:
        """Cut text into ids; a lone surrogate becomes a question mark."""
        return self.ids_of(text.encode("utf-8", "replace"))

    def ids_of(self, text: bytes) -> list[int]:
        """Cut bytes into ids: after the control tokens, each is its bytes behind a leading one."""
        pieces = (text[start : start + _BYTES] for start in range(0, len(text), _BYTES))
        return [int.from_bytes(b"\x01" + piece) + len(self._controls) for piece in pieces]

    def piece(self, token: int) -> bytes:
        """Answer the bytes of an id; none for a control token."""
        number = token - len(self._controls)
        return b"" if number < 0 else number.to_bytes(1 + _BYTES).lstrip(b"\0")[1:]

    def prompt(self, ids: Sequence[int]) -> str:
        """Spell a prompt as text in which the control tokens that were put in by id are the only ones.

        What the document has that looks like one gets a space behind its first character, here alone: a
        server that reads text cannot tell them apart otherwise.
        """
        return "".join(self._spelt(ids))

    def _spelt(self, ids: Sequence[int]) -> Iterator[str]:
        for is_control, run in groupby(ids, key=lambda number: number < len(self._controls)):
            if is_control:
                yield from (self._controls[number] for number in run)
            else:
                text = b"".join(map(self.piece, run)).decode("utf-8", "replace")
                yield _CONTROL_LOOKALIKE.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)
