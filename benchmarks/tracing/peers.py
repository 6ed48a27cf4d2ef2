"""The peers that answer fast: BM25, winnowing and MinHash LSH, built once and kept in the cache folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.model import SourceFile
from tracing.finders import ANSWERS, Answer, as_text, content_id, size_of

_WORDS = re.compile(rb"\w+")


class Bm25:
    """tantivy's BM25, the words of the query as an OR query."""

    name = "BM25"
    needs = "tantivy"
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
                writer.add_document(tantivy.Document(body=as_text(file.content), number=number))
            writer.commit()
            writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()
        self._schema, self._ids = built, [content_id(file) for file in files]
        return size_of(home)

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
    needs = "numpy"
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

    needs = "datasketch"
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


def _ranges(first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
    """All integers of the ranges, one range after the other."""
    counts = last - first
    ends = np.cumsum(counts)
    places: NDArray[np.int64] = np.repeat(first - (ends - counts), counts)
    return places + np.arange(len(places))


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
