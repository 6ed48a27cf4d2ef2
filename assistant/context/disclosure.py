"""Which open files a model may see.

Neither those that hold secrets, by name or by text, nor those that git ignores. Git is asked, and texts are
looked through, in threads; a file stays out until both have answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from assistant.context.ignored import ignored_among, work_tree_of
from assistant.context.privacy import holds_secret, is_private_path

MOST_CHARACTERS = 1 << 16
"""Of a file that are ever shown, or looked at for secrets."""
_LONGEST_WAIT_S = 0.25
_STALE_AFTER_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    is_ignored: bool
    at: float


class Disclosure:
    """Remembers what git and the texts say of open files; belongs to one event loop."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: dict[str, _Answer] = {}
        self._asking: asyncio.Task[None] | None = None
        self._secrets: dict[str, tuple[str, bool]] = {}
        """Texts as they were when they were looked through, by path, and whether a secret stands in them."""
        self._looking: asyncio.Task[None] | None = None

    async def permitted(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Those that may be shown, in their order, and of each as much as may be.

        What is new is waited for a moment, then left out until it is known.
        """
        heads = {path: text[:MOST_CHARACTERS] for path, text in texts.items() if not is_private_path(path)}
        self._answers = {path: answer for path, answer in self._answers.items() if path in heads}
        self._secrets = {path: known for path, known in self._secrets.items() if path in heads}
        waited_for = [task for task in (self._ask(heads), self._look(heads)) if task is not None]
        if waited_for:
            await asyncio.wait(waited_for, timeout=_LONGEST_WAIT_S)
        return {path: text for path, text in heads.items() if self._is_open(path, text)}

    def _is_open(self, path: str, text: str) -> bool:
        answer = self._answers.get(path)
        return answer is not None and not answer.is_ignored and self._secrets.get(path) == (text, False)

    def _look(self, heads: Mapping[str, str]) -> asyncio.Task[None] | None:
        """Have texts looked through that are new; answer what to wait for, if any are."""
        new = {path: text for path, text in heads.items() if not self._is_known(path, text)}
        if new and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look_through(new))
        return self._looking if new else None

    def _is_known(self, path: str, text: str) -> bool:
        known = self._secrets.get(path)
        return known is not None and known[0] == text

    async def _look_through(self, texts: Mapping[str, str]) -> None:
        found = await asyncio.to_thread(lambda: {path: holds_secret(text) for path, text in texts.items()})
        self._secrets |= {path: (texts[path], holds) for path, holds in found.items()}

    def _ask(self, paths: Collection[str]) -> asyncio.Task[None] | None:
        """Have git asked about what is not known or was asked long ago; answer what to wait for, if any."""
        now = self._clock()
        old = [p for p in paths if p not in self._answers or now - self._answers[p].at > _STALE_AFTER_S]
        if old and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._answer(old))
        return self._asking if any(path not in self._answers for path in paths) else None

    async def _answer(self, paths: Collection[str]) -> None:
        ignored = await asyncio.to_thread(_ignored, paths)
        now = self._clock()
        self._answers |= {path: _Answer(is_ignored=path in ignored, at=now) for path in paths}


def _ignored(paths: Collection[str]) -> frozenset[str]:
    """Those that git ignores, each asked in its own repository; all of one in which git cannot say."""
    by_tree: dict[Path, dict[Path, str]] = {}
    found: set[str] = set()
    for path in paths:
        try:
            resolved = Path(path).resolve()
            tree = work_tree_of(resolved.parent)
        except (OSError, ValueError, RuntimeError):  # no path of this system, or links in a ring
            found.add(path)
            continue
        if tree is not None:
            by_tree.setdefault(tree, {})[resolved] = path
    for tree, named in by_tree.items():
        found.update(named[place] for place in ignored_among(tree, list(named)))
    return frozenset(found)
