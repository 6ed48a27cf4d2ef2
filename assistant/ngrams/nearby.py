"""Token ids of the open files, kept from request to request, so that typing costs only what was typed."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from assistant.backends.protocol import CompletionBackend
from assistant.ngrams.matches import TokenIds, TokenTexts
from assistant.ngrams.mixing import NearbyCode

MOST_FILES = 64
"""That are looked at beside the one with the cursor."""
MOST_CHARACTERS = 1 << 16
"""Of each file, and on either side of the cursor. As many are tokenised anew of all other files in one
request, which takes about 30 ms; the rest waits for the next one."""
_MOST_BLOCKS = 1 << 14
_BLOCK = re.compile(r"(?<=\n)(?=\S)")
"""Before a line that is not indented: an edit leaves all other blocks of a file as they are."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _File:
    text: str
    ids: TokenIds


class NearbyFiles:
    """What one model knows of the files that are open; belongs to one event loop."""

    def __init__(self, backend: CompletionBackend) -> None:
        self._backend = backend
        self._blocks = _Blocks(backend.tokenize)
        self._files: dict[str, _File] = {}
        self.waiting = 0
        """Files of the latest request that there was no time to read; a later one reads them."""
        self._elsewhere = TokenTexts(())
        self._line_ends = np.zeros(0, dtype=np.bool_)

    def shaping(self, before: str, after: str, others: Mapping[str, str]) -> NearbyCode:
        """What to mix into the chances behind ``before``; ``others`` are the texts of other files by path."""
        self._read(others)
        prefix = self._blocks.ids(before[-MOST_CHARACTERS:])
        suffix = self._blocks.ids(after[:MOST_CHARACTERS])
        return NearbyCode(
            prefix.tolist(),
            here=TokenTexts([suffix, prefix]),
            elsewhere=self._elsewhere,
            line_ends=self._ends_of_lines,
        )

    def _read(self, others: Mapping[str, str]) -> None:
        """Tokenise what is new, as far as one request may, and forget what is no longer there."""
        kept: dict[str, _File] = {}
        room = MOST_CHARACTERS
        self.waiting = 0
        for path, whole in islice(others.items(), MOST_FILES):
            text = whole[:MOST_CHARACTERS]
            file = self._files.get(path)
            if file is None or file.text != text:
                if len(text) <= room:
                    file, room = _File(text=text, ids=self._blocks.ids(text)), room - len(text)
                else:
                    self.waiting += 1
            if file is not None:
                kept[path] = file
        if list(kept.values()) != list(self._files.values()):
            self._elsewhere = TokenTexts(file.ids for file in kept.values())
        self._files = kept

    def _ends_of_lines(self, vocabulary: int) -> NDArray[np.bool_]:
        """Which tokens end a line or a completion; found once, in the thread that generates."""
        if len(self._line_ends) != vocabulary:
            pieces = (self._backend.detokenize([token]) for token in range(vocabulary))
            ends = np.array([piece.lstrip(b" \t\r").startswith(b"\n") for piece in pieces])
            ends[list(self._backend.fim_ids.stops)] = True
            self._line_ends = ends
        return self._line_ends


class _Blocks:
    """Tokenises texts block by block, and remembers the latest blocks."""

    def __init__(self, tokenize: Callable[[str], list[int]]) -> None:
        self._tokenize = tokenize
        self._known: OrderedDict[str, TokenIds] = OrderedDict()

    def ids(self, text: str) -> TokenIds:
        """The ids of a text; white space between blocks may be tokenised otherwise than in the whole."""
        blocks = [self._of(block) for block in _BLOCK.split(text)]
        while len(self._known) > _MOST_BLOCKS:
            self._known.popitem(last=False)
        return np.concatenate(blocks)

    def _of(self, block: str) -> TokenIds:
        ids = self._known.get(block)
        if ids is None:
            ids = np.array(self._tokenize(block), dtype=np.int32)
        self._known[block] = ids
        self._known.move_to_end(block)
        return ids
