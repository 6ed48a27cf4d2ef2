"""Token ids of the document and of other files, kept from request to request: typing costs what was typed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from assistant.backends.lines import batches_of, end_of_last_line
from assistant.backends.protocol import CompletionBackend
from assistant.completion import CompletionRequest
from assistant.errors import BackendError
from assistant.ngrams.matches import MOST_TOKENS, SortedTexts, TokenIds, TokenTexts
from assistant.ngrams.mixing import NearbyCode

MOST_FILES = 320
"""That are looked at beside the one with the cursor: 64 open ones, and all that is read of a workspace."""
MOST_CHARACTERS = 1 << 16
"""Of each file, and on either side of the cursor."""
MOST_CHARACTERS_IN_ALL = 1 << 21
"""Of all other files: 560,000 tokens, which take 11 MB and are sorted in 0.1 s of a background thread."""
LONGEST_WAIT_S = 0.25
"""For open files that are new or changed, before a request does with what is known."""
_STEP = 1 << 12
"""By so many characters the start of what is looked at moves in a long file."""
_BATCH_CHARACTERS = 1 << 11
"""Tokenised at once in the background, while whoever types waits for the vocabulary."""
_NOTHING = SortedTexts(())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _File:
    text: str
    ids: TokenIds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Known:
    """Other files, ready to be looked through."""

    files: Mapping[str, _File] = field(default_factory=dict)
    """By path."""
    texts: SortedTexts = _NOTHING

    def has(self, path: str, text: str) -> bool:
        """Whether a file is known as it is."""
        file = self.files.get(path)
        return file is not None and file.text == text


class NearbyFiles:
    """What one model knows of the files of a workspace; belongs to one event loop."""

    def __init__(self, backend: CompletionBackend, *, longest_wait_s: float | None = LONGEST_WAIT_S) -> None:
        """What takes longer to read comes into later requests; ``None`` always waits, for all files."""
        self._backend = backend
        self._longest_wait_s = longest_wait_s
        self._before, self._after = _Growing(backend), _Growing(backend)
        self._known = _Known()
        self._reading: asyncio.Task[None] | None = None
        self._line_ends = np.zeros(0, dtype=np.bool_)

    async def shaping(self, before: str, request: CompletionRequest) -> NearbyCode:
        """What to mix into the chances behind ``before``, the code that the prompt ends with."""
        elsewhere = await self._elsewhere(request)
        start = -(-max(0, len(before) - MOST_CHARACTERS) // _STEP) * _STEP
        cut = max(start, end_of_last_line(before))
        line = np.array(self._backend.tokenize(before[cut:]), dtype=np.int32)
        prefix = np.concatenate([self._before.ids(before[start:cut]), line])
        suffix = self._after.ids(request.suffix[:MOST_CHARACTERS])
        return NearbyCode(
            prefix[-MOST_TOKENS:].tolist(),
            here=TokenTexts([suffix, prefix]),
            elsewhere=elsewhere,
            line_ends=self._ends_of_lines,
        )

    async def _elsewhere(self, request: CompletionRequest) -> TokenTexts:
        """The other files, as they are or were a moment ago; none of those that may not be shown any more.

        Files that are not open are only waited for where everything is.
        """
        texts = _bounded(request)
        new = {path for path, text in texts.items() if not self._known.has(path, text)}
        if new or self._known.files.keys() != texts.keys():
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read(texts))
            if self._longest_wait_s is None or not new.isdisjoint(request.others):
                await asyncio.wait([self._reading], timeout=self._longest_wait_s)
        is_permitted = self._known.files.keys() <= {*texts, request.path}
        return self._known.texts if is_permitted else _NOTHING

    async def _read(self, texts: Mapping[str, str]) -> None:
        with contextlib.suppress(BackendError):  # the model was replaced, and this with it
            self._known = await asyncio.to_thread(self._learn, texts)

    def _learn(self, texts: Mapping[str, str]) -> _Known:
        """Tokenise what is new, and sort all of it; in a thread."""
        known = self._known
        files = {
            path: known.files[path] if known.has(path, text) else _File(text=text, ids=self._ids(text))
            for path, text in texts.items()
        }
        return _Known(files=files, texts=SortedTexts(file.ids for file in files.values()))

    def _ids(self, text: str) -> TokenIds:
        batches = map(self._backend.tokenize, batches_of(text, _BATCH_CHARACTERS))
        return np.concatenate([np.array(batch, dtype=np.int32) for batch in batches])

    def _ends_of_lines(self, vocabulary: int) -> NDArray[np.bool_]:
        """Which tokens end a line or a completion; found once, in the thread that generates."""
        if len(self._line_ends) != vocabulary:
            pieces = (self._backend.detokenize([token]) for token in range(vocabulary))
            ends = np.array([piece.lstrip(b" \t\r").startswith(b"\n") for piece in pieces])
            ends[list(self._backend.fim_ids.stops)] = True
            self._line_ends = ends
        return self._line_ends


def _bounded(request: CompletionRequest) -> dict[str, str]:
    """Other files by path, open ones first, as many as may be."""
    texts: dict[str, str] = {}
    room = MOST_CHARACTERS_IN_ALL
    for path, whole in islice({**request.others, **request.unopened}.items(), MOST_FILES):
        text = whole[:MOST_CHARACTERS]
        if len(text) <= room:
            texts[path], room = text, room - len(text)
    return texts


class _Growing:
    """The ids of a text that stays as it is, or grows at its end, from one request to the next."""

    def __init__(self, backend: CompletionBackend) -> None:
        self._backend = backend
        self._text = ""
        self._ids: TokenIds = np.zeros(0, dtype=np.int32)

    def ids(self, text: str) -> TokenIds:
        """The ids of a text; what is new at its end is tokenised alone where it begins with a line end."""
        if text == self._text:
            return self._ids
        if not text.startswith((f"{self._text}\n", f"{self._text}\r")):
            self._text, self._ids = "", self._ids[:0]
        more = self._backend.tokenize(text[len(self._text) :])
        self._text, self._ids = text, np.concatenate([self._ids, np.array(more, dtype=np.int32)])
        return self._ids
