"""Real files to curate, in a fixed order, and what it takes to look at them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from attribution.model import License, Origin, SourceFile
from attribution.sources.files import read_code, walk_code
from training.data.corpus.reading import read_corpus

T = TypeVar("T")
_LICENSE = License(expression="MIT")
_BATCH = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A corpus, or folders; pickles, so that every process reads its own."""

    corpus: Path | None
    trees: tuple[Path, ...]
    """Read where there is no corpus, as if all of it were under one licence."""

    def files(self) -> Iterator[SourceFile]:
        """All of them."""
        return read_corpus(self.corpus, skipped=Counter()) if self.corpus else self._in_trees()

    def first(self, size: float) -> Iterator[SourceFile]:
        """The first files that have so many megabytes, or what there is."""
        for file in self.files():
            yield file
            size -= len(file.content) / 1e6
            if size <= 0:
                return

    def _in_trees(self) -> Iterator[SourceFile]:
        for root in self.trees:
            for path in walk_code(root, skipped=Counter()):
                content = read_code(path, skipped=Counter())
                if content is not None:
                    place = path.relative_to(root).as_posix()
                    url = f"https://example.org/{place.partition('/')[0]}"
                    yield SourceFile(content=content, origin=Origin(url=url, path=place, license=_LICENSE))


def batches(files: Iterable[SourceFile]) -> Iterator[list[SourceFile]]:
    """As many files at a time as a stage is given."""
    waiting = iter(files)
    while batch := list(islice(waiting, _BATCH)):
        yield batch


def megabytes(files: Iterable[SourceFile]) -> float:
    """Of source."""
    return sum(len(file.content) for file in files) / 1e6


def timed(function: Callable[[], T]) -> tuple[T, float]:
    """An answer, and the seconds of processor time that it took."""
    start = time.process_time()
    answer = function()
    return answer, max(time.process_time() - start, 1e-9)


def verdict(reached: bool) -> str:
    """Whether a goal is reached."""
    return "✓" if reached else "✗"
