"""From a file's text to token documents that fit a row, half of them arranged for filling in the middle.

A row is far shorter than most files, so the file is first cut into pieces of whole lines and each piece is
split on its own ("context-level FIM", Bavarian et al. 2022, section 3.2): otherwise most middles would
stand in rows that lack their prefix or suffix. The parts of a split are tokenised apart, because that is
how an editor will present them: cut anywhere, also inside a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from assistant.fim import FimIds, FimOrder, training_document
from training.recipes.recipe import DataRecipe

_SPLIT_MARGIN_TOKENS = 12
"""Room for four control tokens and for words that a split cuts into more tokens."""
_SHORT_RATE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Consecutive whole lines of one file."""

    text: str
    ends_file: bool


class DocumentMaker:
    """Turns texts into documents of token ids, none longer than a row; draws from its own random stream."""

    def __init__(
        self, tokenizer: Tokenizer, ids: FimIds, recipe: DataRecipe, *, fim_rate: float, stream: int
    ) -> None:
        self._tokenizer = tokenizer
        self._ids = ids
        self._recipe = recipe
        self._fim_rate = fim_rate
        self._most = recipe.row_tokens - _SPLIT_MARGIN_TOKENS
        self._random = np.random.default_rng((recipe.seed, stream))

    def documents(self, text: str) -> Iterator[list[int]]:
        """Cut a text into pieces and encode each, some of them rearranged."""
        for piece in cut_pieces(self._tokenizer, text, self._most, draw_limit=self._draw_limit):
            if self._random.random() < self._fim_rate:
                yield self._rearranged(piece)
            else:
                yield self._plain(piece)

    def _draw_limit(self) -> int:
        """Tokens of the next piece: mostly a full row, sometimes less, which fills up the other rows."""
        if self._random.random() < _SHORT_RATE:
            return int(self._random.integers(self._most // 16, self._most + 1))
        return self._most

    def _plain(self, piece: Piece) -> list[int]:
        end = [self._ids.end_of_text] if piece.ends_file else []
        return [*self._encode(piece.text), *end][: self._recipe.row_tokens]

    def _rearranged(self, piece: Piece) -> list[int]:
        by_line = self._random.random() < self._recipe.line_rate
        start, end = line_span(piece.text, self._random) if by_line else random_span(piece.text, self._random)
        document = training_document(
            self._ids,
            prefix=self._encode(piece.text[:start]),
            middle=self._encode(piece.text[start:end]),
            suffix=self._encode(piece.text[end:]),
            order=FimOrder.PSM if self._random.random() < self._recipe.psm_rate else FimOrder.SPM,
        )
        return document if len(document) <= self._recipe.row_tokens else self._plain(piece)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def cut_pieces(
    tokenizer: Tokenizer, text: str, max_tokens: int, *, draw_limit: Callable[[], int]
) -> Iterator[Piece]:
    """Cut a text into runs of whole lines; a line of more than ``max_tokens`` is left out and ends its run.

    ``draw_limit`` answers the tokens that the next run should not exceed; a longer line stands alone.
    """
    lines = text.splitlines(keepends=True)
    costs = [len(e.ids) for e in tokenizer.encode_batch_fast(lines, add_special_tokens=False)]
    run: list[str] = []
    spent, limit = 0, draw_limit()
    for line, cost in zip(lines, costs, strict=True):
        if run and spent + cost > limit:
            yield Piece(text="".join(run), ends_file=False)
            run, spent, limit = [], 0, draw_limit()
        if cost <= max_tokens:
            run.append(line)
            spent += cost
    if run:
        yield Piece(text="".join(run), ends_file=True)


def random_span(text: str, random: np.random.Generator) -> tuple[int, int]:
    """Draw two characters, uniformly: the middle lies between them and may be empty."""
    start, end = sorted(random.integers(0, len(text) + 1, size=2))
    return int(start), int(end)


def line_span(text: str, random: np.random.Generator) -> tuple[int, int]:
    """Draw a line and a character in it: the middle is the rest of the line without its line break.

    Falls back to :func:`random_span` where every line is blank.
    """
    starts, position = [], 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            starts.append((position, line))
        position += len(line)
    if not starts:
        return random_span(text, random)
    position, line = starts[random.integers(len(starts))]
    content = line.rstrip("\r\n")
    indent = len(content) - len(content.lstrip())
    return position + int(random.integers(indent, len(content))), position + len(content)
