"""From ranked pieces to the repository context of a prompt, and how long it stays as it is.

What stands before the document in a prompt is evaluated once and reused as long as it does not change, so
nothing is ranked again while the cursor stays in its block of lines and no other file changes.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assistant.backends.protocol import CompletionBackend
from assistant.completion import CompletionRequest
from assistant.config import ContextUse
from assistant.context.pieces import Piece, cut
from assistant.context.ranking import Place, Ranking
from assistant.fim import ContextFile, RepositoryContext
from assistant.prompt import CUT_LINES

LEAST_CONTEXT_TOKENS = 2048
"""Of a model that is shown other files where the setting is ``auto``; measured, docs/experiments.md."""
LONGEST_WAIT_S = 0.25
"""For a choice, before a prompt goes without."""
_LARGEST_SHARE = 3
"""Other files take this part of the model's context at most: a third."""
_LEAST_ROOM = 24
_MOST_CHARACTERS_A_TOKEN = 16

Tokenize = Callable[[str], list[int]]


def context_room(use: ContextUse, backend: CompletionBackend, wanted: int) -> int:
    """How many tokens of other files a prompt of this model holds; 0 where it is to hold none."""
    ids = backend.fim_ids
    if use is ContextUse.OFF or ids.repo_name is None or ids.file_separator is None:
        return 0
    if use is ContextUse.AUTO and backend.context_tokens < LEAST_CONTEXT_TOKENS:
        return 0
    return min(wanted, backend.context_tokens // _LARGEST_SHARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """What a choice depends on; two that are equal share it."""

    path: str
    block: int
    room: int
    texts: Mapping[str, str]
    recent: tuple[str, ...]


class PromptContext:
    """Chooses pieces of other files for the prompts of one model; belongs to one event loop."""

    def __init__(self, backend: CompletionBackend, *, longest_wait_s: float | None = LONGEST_WAIT_S) -> None:
        """A choice that takes longer comes into later prompts; ``None`` always waits for it."""
        self._backend = backend
        self._longest_wait_s = longest_wait_s
        self._pieces: dict[str, tuple[str, tuple[Piece, ...]]] = {}
        self._key: _Key | None = None
        self._chosen: asyncio.Task[RepositoryContext | None] | None = None

    async def of(self, request: CompletionRequest, *, room: int) -> RepositoryContext | None:
        """What a prompt shows before the document; ``None`` where nothing fits or nothing is known.

        Ranking runs in a thread, and goes on where the request is cancelled or does not wait for the end of
        it: the next one needs it too.
        """
        if not room:
            return None
        key = _Key(
            path=request.path,
            block=request.prefix.count("\n") // CUT_LINES,
            room=room,
            texts={**request.unopened, **request.others},
            recent=tuple(request.others),
        )
        if self._chosen is None or self._failed() or key != self._key:
            self._key, self._chosen = key, asyncio.create_task(self._choose(request, key))
        chosen = self._chosen
        await asyncio.wait([chosen], timeout=self._longest_wait_s)
        return chosen.result() if chosen.done() else None

    def _failed(self) -> bool:
        task = self._chosen
        return task is not None and task.done() and (task.cancelled() or task.exception() is not None)

    async def _choose(self, request: CompletionRequest, key: _Key) -> RepositoryContext | None:
        ranked = await asyncio.to_thread(self._rank, request, key)
        path = name_in(request.root, request.path)
        return fitted(ranked, posixpath.basename(request.root), path, self._backend.tokenize, room=key.room)

    def _rank(self, request: CompletionRequest, key: _Key) -> list[Piece]:
        pieces: dict[str, tuple[str, tuple[Piece, ...]]] = {}
        for path, text in key.texts.items():
            known = self._pieces.get(path)
            is_known = known is not None and known[0] == text
            pieces[path] = known if known and is_known else (text, cut(name_in(request.root, path), text))
        self._pieces = pieces
        recent = [name_in(request.root, path) for path in key.recent]
        ranking = Ranking([cut_file for _, cut_file in pieces.values()], recent=recent)
        path = name_in(request.root, request.path)
        return ranking.best(Place(path=path, prefix=request.prefix, suffix=request.suffix))


def name_in(root: str, path: str) -> str:
    """A path as a prompt names it: from the workspace on; of a file elsewhere, its own name alone.

    >>> name_in("/w/boats", "/w/boats/src/a.py"), name_in("/w/boats", "/etc/x.py"), name_in("", "src/a.py")
    ('src/a.py', 'x.py', 'src/a.py')
    """
    path, root = path.replace("\\", "/"), root.replace("\\", "/").rstrip("/")
    if root and path.startswith(f"{root}/"):
        return path[len(root) + 1 :]
    return path if not posixpath.isabs(path) and ":" not in path else posixpath.basename(path)


def fitted(
    ranked: Sequence[Piece], name: str, path: str, tokenize: Tokenize, *, room: int
) -> RepositoryContext | None:
    """As many pieces as fit into ``room`` tokens, the best first; ``None`` if there are none.

    In the prompt the pieces of a file stand together in their order, and the best file last, next to the
    document.
    """
    name_ids, path_ids = tokenize(name), tokenize(f"{path}\n")
    room -= len(name_ids) + len(path_ids) + 2
    labels: dict[str, list[int]] = {}
    taken: dict[str, dict[int, list[int]]] = {}
    for piece in ranked:
        if room < _LEAST_ROOM:
            break
        if len(piece.text) > room * _MOST_CHARACTERS_A_TOKEN:
            continue
        label = labels.setdefault(piece.path, tokenize(f"{piece.path}\n"))
        code = tokenize(piece.text)
        cost = len(code) + (0 if piece.path in taken else len(label) + 1)
        if cost <= room:
            room -= cost
            taken.setdefault(piece.path, {})[piece.first_line] = code
    files = [ContextFile(path=labels[name], code=_in_order(taken[name])) for name in reversed(taken)]
    return RepositoryContext(name=name_ids, path=path_ids, files=files) if files else None


def _in_order(pieces: Mapping[int, Sequence[int]]) -> list[int]:
    return [token for line in sorted(pieces) for token in pieces[line]]
