r"""From the files of a repository to rows of tokens, in StarCoder2's format (section 3 of its paper).

``<repo_name>NAME<file_sep>PATH\nCODE<file_sep>…<|endoftext|>``: in some repositories names are shown, in
some files are rearranged for filling in the middle. A row is far shorter than most repositories, so each row
begins with the repository's name again and holds whole files as far as they fit; a longer file is cut into
stretches (:mod:`training.data.stretches`), each with its path and rearranged by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from assistant.fim import FimIds, FimOrder, repository_file, repository_head, training_file
from training.data.pieces import line_span, random_span
from training.data.stretches import cut_stretches
from training.recipes.curation.recipe import TokenRecipe

_MARGIN_TOKENS = 16
"""Room for control tokens and for words that a split cuts into more tokens."""
_LEAST_ROOM = 64
"""A file is begun in a row only where so many tokens of its code may fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryText:
    """One file as it is to be learned."""

    path: str
    text: str


class RepositoryPacker:
    """Turns the files of one repository into rows; draws from a random stream of the repository's own."""

    def __init__(
        self, tokenizer: Tokenizer, ids: FimIds, recipe: TokenRecipe, *, name: str, key: int
    ) -> None:
        """``key`` names the repository's random stream."""
        self._tokenizer = tokenizer
        self._ids = ids
        self._recipe = recipe
        self._random = np.random.default_rng((recipe.seed, key))
        self._shows_names = self._random.random() < recipe.metadata_rate
        self._rearranges = self._random.random() < recipe.fim_repository_rate
        self._most_name = recipe.row_tokens // 8
        shown = self._encode(name)[: self._most_name]
        self._head = repository_head(ids, shown) if self._shows_names else []

        self.tokens: list[int] = []
        """Of each file that :meth:`rows` was given the tokens of its text, as it is without rearrangement."""

    def rows(self, files: Sequence[RepositoryText]) -> Iterator[list[int]]:
        """Yield documents of at most ``row_tokens`` tokens, files in random order."""
        self.tokens = [0] * len(files)
        row = list(self._head)
        for position in self._random.permutation(len(files)):
            for segment in self._segments(files[position], position):
                if len(row) + len(segment) > self._recipe.row_tokens and len(row) > len(self._head):
                    yield row
                    row = list(self._head)
                row += segment
        if len(row) > len(self._head):
            yield [*row, self._ids.end_of_text] if len(row) < self._recipe.row_tokens else row

    def _segments(self, file: RepositoryText, position: int) -> Iterator[list[int]]:
        """The file, or its pieces, each with a separator before it; none is longer than what a row holds."""
        path = self._encode(f"{file.path}\n")[: self._most_name] if self._shows_names else []
        most = self._recipe.row_tokens - len(self._head) - len(path) - _MARGIN_TOKENS
        if most < _LEAST_ROOM:
            raise ValueError(f"rows of {self._recipe.row_tokens} tokens are too short for repositories")
        is_rearranged = self._rearranges and self._random.random() < self._recipe.fim_rate
        room = self._recipe.row_tokens - len(self._head)
        for stretch in cut_stretches(self._tokenizer, file.text, most):
            segment = self._rearranged(path, stretch.text) if is_rearranged else None
            if segment is None or len(segment) > room:
                segment = repository_file(self._ids, [*path, *stretch.ids])
            self.tokens[position] += len(stretch.ids)
            yield segment

    def _rearranged(self, path: list[int], text: str) -> list[int]:
        by_line = self._random.random() < self._recipe.line_rate
        start, end = line_span(text, self._random) if by_line else random_span(text, self._random)
        body = training_file(
            self._ids,
            path=path,
            prefix=self._encode(text[:start]),
            middle=self._encode(text[start:end]),
            suffix=self._encode(text[end:]),
            order=FimOrder.PSM if self._random.random() < self._recipe.psm_rate else FimOrder.SPM,
        )
        return repository_file(self._ids, body)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids
