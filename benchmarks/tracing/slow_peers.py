"""The peers that answer slowly, and are asked only a part: infini-gram's suffix array, and copydetect."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.model import SourceFile
from tracing.finders import ANSWERS, Answer, as_text, content_id, size_of


class InfiniGram:
    """infini-gram's suffix array: the longest match from the start of every line, a vote of the files."""

    name = "infini-gram"
    needs = "infini_gram"
    most = 25
    note = (
        "the pip package, bytes as tokens: longest match from the first sign of each line (60 to 120 of them "
        "in a longer text) by its own `find`, files vote with the matched bytes from 20 on (its `attribute`, "
        "from every byte, takes 0.6 ms a byte here); only 25 questions a kind and language; always answers"
    )
    _SHORTEST, _MOST_PLACES, _MOST_LINES = 20, 20, 120

    @cached_property
    def version(self) -> str:
        """Version of infini-gram."""
        return f"infini-gram {version('infini-gram')} by lines 2"

    def prepare(self, files: list[SourceFile], folder: Path) -> float:
        """Write the files as its tokens, have its own program sort the suffixes, and open its engine."""
        home = (folder / "infini-gram").resolve()
        starts = np.cumsum([0] + [len(file.content) + 1 for file in files])
        if not (home / "complete").exists():
            home.mkdir(parents=True, exist_ok=True)
            _build_suffix_array(home, files, starts[:-1])
            (home / "complete").touch()
        engine = import_module("infini_gram.cpp_engine")

        # A vocabulary of 256 does not fit its u8 engine; 255 is its separator.
        with contextlib.redirect_stdout(io.StringIO()):
            self._engine = engine.Engine_U8([str(home)], 255, 255, 4, False, 1, 3, 3, set(), 512, False, {})
        table, text = home / "table.0", home / "tokenized.0"
        self._width = table.stat().st_size // text.stat().st_size
        self._table = np.memmap(table, dtype=np.uint8, mode="r")
        self._starts, self._ids = starts, [content_id(file) for file in files]
        self._contents = files
        return size_of(home)

    def ask(self, text: bytes, path: str) -> Answer:
        """Vote with the longest match of each line's start."""
        votes: Counter[int] = Counter()
        extent: dict[int, list[int]] = {}
        matched_to = 0
        starts = list(_line_starts(text))
        for start in starts[:: 1 + len(starts) // self._MOST_LINES]:
            length, first, last = self._longest(text, start)
            if length < self._SHORTEST or start + length <= matched_to:
                continue
            matched_to = start + length
            places = [self._pointer(rank) for rank in range(first, min(last, first + self._MOST_PLACES))]
            owners = {int(np.searchsorted(self._starts, place, "right")) - 1: place for place in places}
            for owner, place in owners.items():
                votes[owner] += length
                extent.setdefault(owner, []).extend((place, place + length - 1))
        best = [owner for owner, _ in votes.most_common(ANSWERS)]
        if not best:
            return Answer()
        return Answer(
            files=tuple(self._ids[owner] for owner in best), lines=self._lines(best[0], extent[best[0]])
        )

    def _longest(self, text: bytes, start: int) -> tuple[int, int, int]:
        """Length of the longest match from ``start``, and its range in the suffix array."""
        low, high, found = 0, len(text) - start + 1, (0, 0, 0)
        probe = self._SHORTEST
        while high - low > 1:
            probe = min(probe, high - 1)
            (first, last) = self._engine.find(input_ids=list(text[start : start + probe])).segment_by_shard[0]
            if last > first:
                low, found = probe, (probe, first, last)
                probe = probe * 2 if high > len(text) - start else (low + high) // 2
            elif probe <= self._SHORTEST:
                break
            else:
                high = probe
                probe = (low + high) // 2
        return found

    def _pointer(self, rank: int) -> int:
        return (
            int.from_bytes(self._table[rank * self._width : (rank + 1) * self._width].tobytes(), "little") - 1
        )

    def _lines(self, owner: int, places: list[int]) -> tuple[int, int]:
        content, base = self._contents[owner].content, int(self._starts[owner])
        return (
            content.count(b"\n", 0, max(0, min(places) - base)) + 1,
            content.count(b"\n", 0, max(0, max(places) - base)) + 1,
        )


def _line_starts(text: bytes) -> Iterator[int]:
    """Where the first sign of every line stands that is not blank."""
    return (found.start(1) for found in re.finditer(rb"^[^\S\n]*(\S)", text, re.MULTILINE))


def _build_suffix_array(home: Path, files: list[SourceFile], starts: NDArray[np.int64]) -> None:
    """The package's own indexing, without the tokenizer (and the libraries) that bytes do not need."""
    indexing = import_module("infini_gram.indexing")

    with (home / "tokenized.0").open("wb") as stream:
        for file in files:
            stream.write(b"\xff" + file.content.replace(b"\xff", b"?"))
    starts.astype(np.uint64).tofile(home / "offset.0")
    settings = argparse.Namespace(
        save_dir=str(home), temp_dir=str(home), shards=1, workers=1, worker_id=0, mem=4, cpus=2, token_width=1
    )
    here = Path.cwd()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            indexing.build_sa(settings)
    finally:
        os.chdir(here)


class CopyDetect:
    """copydetect: every query beside every file of a subset, as it knows no index."""

    name = "copydetect"
    needs = "copydetect"
    most = 12
    _FILES = 150
    note = (
        f"compares pairs, so only {most} questions a kind and language beside {_FILES} files (theirs, then "
        "others): an easier search than everyone else's; its defaults (k 25, window 1, yes from 33%)"
    )
    _NOISE, _YES = 25, 0.33

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted

    @cached_property
    def version(self) -> str:
        """Version of copydetect, and its choice of files."""
        chosen = hashlib.sha1(" ".join(sorted(self._wanted)).encode()).hexdigest()
        return f"copydetect {version('copydetect')} {self._FILES} {chosen}"

    def prepare(self, files: list[SourceFile], folder: Path) -> None:
        """Fingerprint the subset: the files that its queries come from, then others."""
        logging.disable(logging.WARNING)  # It warns of every query whose name has no extension.
        theirs = [file for file in files if content_id(file) in self._wanted]
        others = (
            file
            for file in files[:: max(1, len(files) // self._FILES)]
            if content_id(file) not in self._wanted
        )
        chosen = theirs + list(islice(others, max(0, self._FILES - len(theirs))))
        self._prints = [
            (content_id(file), self._fingerprint(file.content, file.origin.path)) for file in chosen
        ]
        self.note = self.note.replace(f"beside {self._FILES} files", f"beside {len(chosen)} files")

    def ask(self, text: bytes, path: str) -> Answer:
        """Compare with each file, and rank by the share of the query that is in it."""
        compare = import_module("copydetect").compare_files
        query = self._fingerprint(text, path)
        compared = []
        for name, known in self._prints:
            _, (share, _), _ = compare(query, known)
            if share > 0:
                compared.append((float(share), name))
        compared.sort(reverse=True)
        return Answer(
            files=tuple(name for _, name in compared[:ANSWERS]),
            flagged=bool(compared and compared[0][0] >= self._YES),
        )

    def _fingerprint(self, content: bytes, path: str) -> Any:
        return import_module("copydetect").CodeFingerprint(
            path, self._NOISE, 1, fp=io.StringIO(as_text(content))
        )
