"""A pack: many source files in one file on disk, in a fixed order.

It is read with ``pread``, not mapped: a build's peak memory must not count the files it reads.

``contents.bin`` holds the contents end to end, ``files.tsv`` one line a file: language, URL of its package,
path. ``offsets.npy`` says where each content and each line starts. A pack exists when ``offsets.npy`` does:
it is renamed into place last.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from attribution.model import Origin, SourceFile

_CONTENTS, _OFFSETS, _FILES = "contents.bin", "offsets.npy", "files.tsv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What is known of a file besides its content."""

    language: str
    url: str
    path: str

    @property
    def name(self) -> str:
        """Package and path: what an engine should answer."""
        return f"{self.url} {self.path}"

    def line(self) -> bytes:
        """One line of ``files.tsv``, without its end."""
        return "\t".join((self.language, self.url, self.path)).encode("utf-8", "surrogateescape")

    @classmethod
    def parse(cls, line: bytes) -> Label:
        """The inverse of :meth:`line`."""
        language, url, path = line.decode("utf-8", "surrogateescape").split("\t")
        return cls(language=language, url=url, path=path)


class PackWriter:
    """Writes a pack file by file; use it in a ``with`` statement."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._contents = (directory / _CONTENTS).open("wb", buffering=1 << 20)
        self._labels = (directory / _FILES).open("wb", buffering=1 << 20)
        self._offsets = [(0, 0)]

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(
        self, error: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._contents.close()
        self._labels.close()
        if error is None:
            unfinished = self._directory / ("part-" + _OFFSETS)
            np.save(unfinished, np.array(self._offsets, dtype=np.int64))
            unfinished.replace(self._directory / _OFFSETS)

    def add(self, content: bytes | memoryview, label: Label) -> None:
        """Append one file."""
        (at, line_at), line = self._offsets[-1], label.line() + b"\n"
        self._contents.write(content)
        self._labels.write(line)
        self._offsets.append((at + len(content), line_at + len(line)))


class Pack:
    """Reads what :class:`PackWriter` wrote."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._offsets: NDArray[np.int64] = np.load(directory / _OFFSETS)
        self._contents = (directory / _CONTENTS).open("rb", buffering=0)
        self._labels = (directory / _FILES).open("rb", buffering=0)

    @staticmethod
    def exists(directory: Path) -> bool:
        """Whether a finished pack lies there."""
        return (directory / _OFFSETS).is_file()

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def content(self, number: int) -> bytes:
        """The bytes of one file."""
        return self._read(self._contents, number, 0)

    def label(self, number: int) -> Label:
        """Language, package and path of one file."""
        return Label.parse(self._read(self._labels, number, 1)[:-1])

    def _read(self, file: FileIO, number: int, column: int) -> bytes:
        start, stop = self._offsets[number : number + 2, column].tolist()
        return os.pread(file.fileno(), stop - start, start)

    def size(self, first: int = 0, last: int | None = None) -> int:
        """Bytes of the files from ``first`` to before ``last``."""
        return int(self._offsets[len(self) if last is None else last, 0] - self._offsets[first, 0])

    def file(self, number: int) -> SourceFile:
        """One file as the engine takes it."""
        label = self.label(number)
        return SourceFile(content=self.content(number), origin=Origin(url=label.url, path=label.path))

    def files(self, last: int | None = None) -> Iterator[SourceFile]:
        """The files up to ``last``, in order."""
        for number in range(len(self) if last is None else min(last, len(self))):
            yield self.file(number)

    def languages(self, last: int | None = None) -> Counter[str]:
        """Count the files by language."""
        return Counter(self.label(number).language for number in range(len(self) if last is None else last))
