"""The peers: what others would answer to the same queries, each built once and kept in the cache folder."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from finders import ANSWERS, Answer, Finder, content_id
from numpy.typing import NDArray
from questions import Question, first_of_each

from attribution.model import SourceFile

_WORDS = re.compile(rb"\w+")


class Bm25:
    """tantivy's BM25, the words of the query as an OR query."""

    name = "BM25"
    most = None
    note = "tantivy, the query's words joined by OR; always answers, so it has no false accusations to count"

    @cached_property
    def version(self) -> str:
        """Version of tantivy."""
        return "tantivy " + version("tantivy")

    def prepare(self, files: list[SourceFile], folder: Path) -> float:
        """Index the text of the files, without storing it."""
        import tantivy

        home = folder / "tantivy"
        schema = tantivy.SchemaBuilder()
        schema.add_text_field("body", stored=False, index_option="freq")
        schema.add_unsigned_field("number", stored=True)
        built = schema.build()
        fresh = not home.exists()
        home.mkdir(parents=True, exist_ok=True)
        self._index = tantivy.Index(built, path=str(home))
        if fresh:
            writer = self._index.writer(heap_size=256 << 20, num_threads=1)
            for number, file in enumerate(files):
                writer.add_document(tantivy.Document(body=_text(file.content), number=number))
            writer.commit()
            writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()
        self._schema, self._ids = built, [content_id(file) for file in files]
        return _size(home)

    def ask(self, text: bytes, path: str) -> Answer:
        """The best documents by BM25."""
        import tantivy

        words = set(_WORDS.findall(text.lower()))
        terms = [
            tantivy.Query.term_query(self._schema, "body", word.decode("utf-8", "replace")) for word in words
        ]
        query = tantivy.Query.boolean_query([(tantivy.Occur.Should, term) for term in terms])
        hits = self._searcher.search(query, ANSWERS).hits
        return Answer(files=tuple(self._ids[self._searcher.doc(at)["number"][0]] for _, at in hits))


class Winnowing:
    """SCANOSS's fingerprint: gram 30 and window 64 on normalised bytes, a vote of the files."""

    name = "winnowing"
    most = None
    version = "gram 30 window 64, 3"
    note = (
        "as SCANOSS does it (letters and digits in lower case, gram 30, window 64, the file with most hits; "
        "says yes from 3 hits); own implementation in numpy, without its database"
    )
    _GRAM, _WINDOW, _LEAST = 30, 64, 3

    def prepare(self, files: list[SourceFile], folder: Path) -> float:
        """Keep hash, file and line of every selected gram, sorted by hash."""
        kept = folder / "winnowing.npz"
        if not kept.exists():
            made = [self._select(file.content) for file in files]
            owners = np.repeat(np.arange(len(files), dtype=np.uint32), [len(hashes) for hashes, _ in made])
            hashes = np.concatenate([hashes for hashes, _ in made])
            order = np.argsort(hashes, kind="stable")
            lines = np.concatenate([lines for _, lines in made])
            _save(kept, hashes=hashes[order], owners=owners[order], lines=lines[order])
        with np.load(kept) as arrays:
            self._hashes, self._owners, self._lines = arrays["hashes"], arrays["owners"], arrays["lines"]
        self._ids = [content_id(file) for file in files]
        return float(self._hashes.nbytes + self._owners.nbytes + self._lines.nbytes)

    def ask(self, text: bytes, path: str) -> Answer:
        """Count for every file how many of the query's hashes it holds."""
        hashes = np.unique(self._select(text)[0])
        first, last = (np.searchsorted(self._hashes, hashes, side) for side in ("left", "right"))
        places = _ranges(first, last)
        which = np.repeat(np.arange(len(hashes)), last - first)
        pairs = np.unique(np.column_stack([self._owners[places], which]), axis=0)[:, 0]
        owners, votes = np.unique(pairs, return_counts=True)
        if not len(owners):
            return Answer(flagged=False)
        best = np.argsort(-votes, kind="stable")[:ANSWERS]
        lines = self._lines[places[self._owners[places] == owners[best[0]]]]
        return Answer(
            files=tuple(self._ids[owner] for owner in owners[best]),
            flagged=bool(votes[best[0]] >= self._LEAST),
            lines=(int(lines.min()), int(lines.max())),
        )

    def _select(self, content: bytes) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
        """Hashes of the grams that winnowing keeps, and their lines."""
        data = np.frombuffer(content.lower(), dtype=np.uint8)
        kept = np.flatnonzero(_ALPHANUMERIC[data])
        if len(kept) < self._GRAM:
            return np.empty(0, np.uint32), np.empty(0, np.uint16)
        grams = _gram_hashes(data[kept], self._GRAM)
        if len(grams) < self._WINDOW:
            at = np.array([grams.argmin()]) if len(grams) else np.empty(0, np.int64)
        else:
            windows = np.lib.stride_tricks.sliding_window_view(grams, self._WINDOW)
            at = np.unique(windows.argmin(axis=1) + np.arange(len(windows)))
        line = np.cumsum(data == 10)[kept[at]] + 1
        return grams[at], line.astype(np.uint16)


_ALPHANUMERIC = np.zeros(256, dtype=np.bool_)
_ALPHANUMERIC[np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyz", dtype=np.uint8)] = True
_MULTIPLIER = 0x9E3779B97F4A7C15
_POWERS = np.cumprod(np.full(30, _MULTIPLIER, dtype=np.uint64))[::-1].copy()


def _gram_hashes(data: NDArray[np.uint8], gram: int) -> NDArray[np.uint32]:
    """A 32-bit hash of every gram (SCANOSS: CRC32C; any good hash selects alike)."""
    total = np.zeros(len(data) - gram + 1, dtype=np.uint64)
    wide = data.astype(np.uint64)
    for offset in range(gram):
        total += wide[offset : len(data) - gram + 1 + offset] * _POWERS[offset]
    total ^= total >> np.uint64(29)
    total *= np.uint64(0xBF58476D1CE4E5B9)
    return (total >> np.uint64(32)).astype(np.uint32)


class Lsh:
    """datasketch's MinHash LSH over whole files, its answers ranked by estimated Jaccard."""

    most = None
    _PERMUTATIONS = 128

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.name = f"LSH {threshold}"
        self.note = f"datasketch, whole files, 5-grams of words, 128 permutations, threshold {threshold}"

    @cached_property
    def version(self) -> str:
        """Version of datasketch."""
        return f"datasketch {version('datasketch')} {self.threshold}"

    def prepare(self, files: list[SourceFile], folder: Path) -> float:
        """Sign all files once, and put the signatures into buckets."""
        from datasketch import MinHash, MinHashLSH

        kept = folder / "minhash.npy"
        if not kept.exists():
            _save_array(kept, np.array([self._sketch(file.content).hashvalues for file in files]))
        signatures = np.load(kept)
        self._lsh = MinHashLSH(threshold=self.threshold, num_perm=self._PERMUTATIONS)
        template = self._sketch(b"")
        self._sketches = []
        for number, values in enumerate(signatures):
            sketch = MinHash(
                num_perm=self._PERMUTATIONS,
                hashvalues=values,
                scheme=template.scheme,
                hashfunc=_shingle_hash(),
            )
            self._sketches.append(sketch)
            self._lsh.insert(number, sketch)
        self._ids = [content_id(file) for file in files]
        return float(signatures.nbytes + len(files) * self._lsh.b * 16)

    def ask(self, text: bytes, path: str) -> Answer:
        """The candidates that share a bucket."""
        sketch = self._sketch(text)
        found = sorted(self._lsh.query(sketch), key=lambda n: -sketch.jaccard(self._sketches[n]))
        return Answer(files=tuple(self._ids[number] for number in found[:ANSWERS]), flagged=bool(found))

    def _sketch(self, content: bytes) -> Any:
        from datasketch import MinHash

        words = _WORDS.findall(content.lower())
        sketch = MinHash(num_perm=self._PERMUTATIONS, hashfunc=_shingle_hash())
        shingles = {b" ".join(words[at : at + 5]) for at in range(max(1, len(words) - 4))} if words else set()
        if shingles:
            sketch.update_batch(sorted(shingles))
        return sketch


def _shingle_hash() -> Callable[[bytes], int]:
    """A hash that costs little: datasketch's own default is SHA-1."""
    import zlib

    return zlib.crc32


class InfiniGram:
    """The suffix array of infini-gram: the longest match from the start of every line, a vote of the files."""

    name = "infini-gram"
    most = 40
    note = (
        "the pip package, bytes as tokens: longest match from the first sign of each line by its own `find`, files "
        "vote with the matched bytes from 20 on (its `attribute`, from every byte, takes 0.6 ms a byte here); a "
        "subset of the queries; always answers"
    )
    _SHORTEST, _MOST_PLACES, _MOST_LINES = 20, 20, 60

    @cached_property
    def version(self) -> str:
        """Version of infini-gram."""
        return f"infini-gram {version('infini-gram')} by lines 1"

    def prepare(self, files: list[SourceFile], folder: Path) -> float:
        """Write the files as its tokens, have its own program sort the suffixes, and open its engine."""
        home = (folder / "infini-gram").resolve()
        starts = np.cumsum([0] + [len(file.content) + 1 for file in files])
        if not (home / "complete").exists():
            home.mkdir(parents=True, exist_ok=True)
            _build_suffix_array(home, files, starts[:-1])
            (home / "complete").touch()
        from infini_gram import cpp_engine

        # A vocabulary of 256 does not fit its u8 engine; 255 is its separator.
        with contextlib.redirect_stdout(io.StringIO()):
            self._engine = cpp_engine.Engine_U8(
                [str(home)], 255, 255, 4, False, 1, 3, 3, set(), 512, False, {}
            )
        table, text = home / "table.0", home / "tokenized.0"
        self._width = table.stat().st_size // text.stat().st_size
        self._table = np.memmap(table, dtype=np.uint8, mode="r")
        self._starts, self._ids = starts, [content_id(file) for file in files]
        self._contents = files
        return _size(home)

    def ask(self, text: bytes, path: str) -> Answer:
        """Vote with the longest match of each line's start."""
        votes: Counter[int] = Counter()
        extent: dict[int, list[int]] = {}
        matched_to = 0
        for start in list(_line_starts(text))[: self._MOST_LINES]:
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


def _line_starts(text: bytes) -> Iterable[int]:
    """Where the first sign of every line stands that is not blank."""
    return (found.start(1) for found in re.finditer(rb"^[^\S\n]*(\S)", text, re.MULTILINE))


def _build_suffix_array(home: Path, files: list[SourceFile], starts: NDArray[np.int64]) -> None:
    """The package's own indexing, without the tokenizer (and the libraries) that bytes do not need."""
    from infini_gram import indexing

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
    most = 12
    _FILES = 150
    note = (
        f"compares pairs, so only {most} queries a kind and language beside {_FILES} files (theirs, then others): an "
        "easier search than everyone else's; its defaults (k 25, window 1, yes from 33% of the query)"
    )
    _NOISE, _YES = 25, 0.33

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted

    @cached_property
    def version(self) -> str:
        """Version of copydetect."""
        return f"copydetect {version('copydetect')} {self._FILES}"

    def prepare(self, files: list[SourceFile], folder: Path) -> float:
        """Fingerprint the subset: the files that its queries come from, then others."""
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
        return float("nan")

    def ask(self, text: bytes, path: str) -> Answer:
        """Compare with each file, and rank by the share of the query that is in it."""
        import copydetect

        query = self._fingerprint(text, path)
        compared = []
        for name, known in self._prints:
            _, (share, _), _ = copydetect.compare_files(query, known)
            if share > 0:
                compared.append((float(share), name))
        compared.sort(reverse=True)
        return Answer(
            files=tuple(name for _, name in compared[:ANSWERS]),
            flagged=bool(compared and compared[0][0] >= self._YES),
        )

    def _fingerprint(self, content: bytes, path: str) -> Any:
        import copydetect

        return copydetect.CodeFingerprint(path, self._NOISE, 1, fp=io.StringIO(_text(content)))


def all_peers(questions: list[Question]) -> list[Finder]:
    """Every peer; copydetect is given the files that its share of the questions comes from."""
    wanted = frozenset(question.source for question in first_of_each(questions, CopyDetect.most))
    return [Bm25(), Winnowing(), Lsh(0.1), Lsh(0.5), InfiniGram(), CopyDetect(wanted)]


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _size(folder: Path) -> float:
    return float(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))


def _ranges(first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
    """All integers of the ranges, one range after the other."""
    counts = last - first
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - (ends - counts), counts)


def _save(path: Path, **arrays: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.stem + ".tmp.npz")
    np.savez(unfinished, **arrays)  # type: ignore[arg-type]
    unfinished.replace(path)


def _save_array(path: Path, array: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.stem + ".tmp.npy")
    np.save(unfinished, array)
    unfinished.replace(path)
