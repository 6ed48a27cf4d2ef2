"""Which pieces of other files say what is missing at the cursor: BM25, or FAISS over embeddings.

    python -m benchmarks.retrieval --held-out RUN/held_out.jsonl [--packages NAME …] [--tasks N]

A line is cut out of a real file; pieces of the project's other files are ranked by the lines around the gap,
and as many as fit a prompt are taken. Counted are, of the names in the missing line that the document does
not have and another file does, those that stand in the pieces; and how often the longest match in the
document and the pieces goes on exactly as the line does. Embeddings are means of the model's token
embeddings, plain or weighted by rarity (SIF: Arora, Liang and Ma 2017), the common direction taken out. 95%
intervals of the differences from BM25 by paired bootstrap.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import faiss
import gguf
import numpy as np
from numpy.typing import NDArray

from assistant.backends.protocol import CompletionBackend
from assistant.config import ModelSettings
from assistant.context.pieces import Piece, cut, terms_of
from assistant.context.ranking import Place
from assistant.models import DEFAULT_MODEL, open_model
from assistant.ngrams.matches import TokenTexts
from benchmarks.completion import Served, ahead, is_text, read_projects
from training.evaluation.held_out import HeldOutFile
from training.evaluation.infill import InfillAnswer, InfillTask, draw_tasks

PROMPT_TOKENS = 1024
SIF = 1e-3
FUSED = 60
NAME = re.compile(r"[A-Za-z_]\w{2,}")
Vectors = NDArray[np.float32]
Order = Callable[[str], list[int]]
"""From the lines around the gap to pieces, the best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one way of ranking brought to one gap."""

    names: float | None
    """Share of the wanted names that the pieces hold; ``None`` where none are wanted."""
    is_exact: bool


class Embeddings:
    """Texts as unit vectors: means of the embeddings of their tokens."""

    def __init__(self, backend: CompletionBackend, table: Vectors, *, is_weighted: bool) -> None:
        self._backend, self._table, self._is_weighted = backend, table, is_weighted
        self._weights = np.ones(len(table), np.float32)
        self._common = np.zeros(table.shape[1], np.float32)

    def learn(self, texts: Sequence[str]) -> Vectors:
        """The vectors of a project's pieces; frequencies and the common direction are theirs."""
        ids = [self._backend.tokenize(text) for text in texts]
        if self._is_weighted:
            counts = Counter(token for text in ids for token in text)
            shares = np.array([counts[token] for token in range(len(self._table))]) / counts.total()
            self._weights = (SIF / (SIF + shares)).astype(np.float32)
        means = np.array([self._mean(text) for text in ids])
        self._common = np.linalg.svd(means, full_matrices=False)[2][0]
        return self._cleaned(means)

    def of(self, text: str) -> Vectors:
        """The vector of a text, as a row."""
        return self._cleaned(self._mean(self._backend.tokenize(text))[None, :])

    def _mean(self, ids: Sequence[int]) -> Vectors:
        weights = self._weights[list(ids)]
        mean: Vectors = weights @ self._table[list(ids)] / max(float(weights.sum()), 1e-9)
        return mean

    def _cleaned(self, rows: Vectors) -> Vectors:
        rows = rows - np.outer(rows @ self._common, self._common)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.ascontiguousarray(rows / np.maximum(lengths, 1e-9), dtype=np.float32)


class Corpus:
    """A project's pieces, ranked in every way."""

    def __init__(self, files: Sequence[HeldOutFile], backend: CompletionBackend, table: Vectors) -> None:
        self.pieces: list[Piece] = [
            piece for file in files for piece in cut(file.path, file.text.decode("utf-8", "replace"))
        ]
        self.names = {file.path: names_in(file.text.decode("utf-8", "replace")) for file in files}
        self._files_with = Counter(name for names in self.names.values() for name in names)
        bm25 = cache(self._by_words())
        means, weighted = (cache(self._by_vectors(backend, table, is_weighted=sif)) for sif in (False, True))
        self.ways: Mapping[str, Order] = {
            "BM25": bm25,
            "FAISS, mean of token embeddings": means,
            "FAISS, weighted by rarity": weighted,
            "both by reciprocal ranks": lambda text: fused(bm25(text), weighted(text)),
        }

    def is_elsewhere(self, name: str, path: str) -> bool:
        """Whether a name stands in another file than this one."""
        return self._files_with[name] > (name in self.names[path])

    def _by_words(self) -> Order:
        from rank_bm25 import BM25Okapi

        scorer = BM25Okapi([piece.terms for piece in self.pieces])

        def order(text: str) -> list[int]:
            scores = scorer.get_scores(list(dict.fromkeys(terms_of(text))))
            return [int(i) for i in np.argsort(-scores, kind="stable")]

        return order

    def _by_vectors(self, backend: CompletionBackend, table: Vectors, *, is_weighted: bool) -> Order:
        embeddings = Embeddings(backend, table, is_weighted=is_weighted)
        vectors = embeddings.learn([piece.text for piece in self.pieces])
        index: Any = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)

        def order(text: str) -> list[int]:
            return [int(i) for i in index.search(embeddings.of(text), len(self.pieces))[1][0]]

        return order

    def taken(self, order: Sequence[int], path: str, tokenize: Callable[[str], list[int]]) -> Iterator[Piece]:
        """The best pieces of other files that fit."""
        room = PROMPT_TOKENS
        for i in order:
            piece = self.pieces[i]
            if piece.path == path:
                continue
            room -= len(tokenize(piece.text))
            if room < 0:
                return
            yield piece


def names_in(text: str) -> frozenset[str]:
    """Its names, in small letters."""
    return frozenset(name.lower() for name in NAME.findall(text))


def fused(*orders: Sequence[int]) -> list[int]:
    """Reciprocal rank fusion, as in the product."""
    scores: Counter[int] = Counter()
    for order in orders:
        for rank, i in enumerate(order):
            scores[i] += 1.0 / (FUSED + rank)
    return [i for i, _ in scores.most_common()]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--packages", nargs="*", default=[], help="only these of the list")
    parser.add_argument("--tasks", type=int, default=1000, help="over all projects")
    args = parser.parse_args()
    backend = open_model(ModelSettings(path=str(DEFAULT_MODEL), threads=1))
    projects = read_projects(args.held_out, args.packages)
    results: dict[str, list[Found]] = {}
    for files in projects.values():
        corpus = Corpus(files, backend, token_embeddings(DEFAULT_MODEL))
        each = -(-args.tasks // len(projects))
        for task in draw_tasks(files, Served(backend), count=each, seed=11):
            if is_text(task):
                for label, found in measured(task, corpus, backend):
                    results.setdefault(label, []).append(found)
        print(f"<!-- {files[0].repository}: {len(corpus.pieces)} pieces -->", flush=True)
        print_table(results)


def token_embeddings(model: Path) -> Vectors:
    """The model's own, shape (vocabulary, width)."""
    tensor = next(t for t in gguf.GGUFReader(model).tensors if t.name == "token_embd.weight")
    table: Vectors = gguf.dequantize(tensor.data, tensor.tensor_type)
    return table


def measured(task: InfillTask, corpus: Corpus, backend: CompletionBackend) -> Iterator[tuple[str, Found]]:
    """Rank for one gap in every way, and without any piece."""
    prefix, suffix = task.prefix.decode(), task.suffix.decode()
    around = Place(path=task.path, prefix=prefix, suffix=suffix).around
    new = names_in(task.middle.decode("utf-8", "replace")) - names_in(prefix + suffix)
    wanted = {name for name in new if corpus.is_elsewhere(name, task.path)}
    for label, order in ({"no pieces": lambda _: []} | dict(corpus.ways)).items():
        pieces = list(corpus.taken(order(around), task.path, backend.tokenize))
        held = {name for piece in pieces for name in names_in(piece.text)}
        names = len(wanted & held) / len(wanted) if wanted else None
        yield label, Found(names=names, is_exact=goes_on_right(task, pieces, backend))


def goes_on_right(task: InfillTask, pieces: Sequence[Piece], backend: CompletionBackend) -> bool:
    """Whether what followed the longest match most often is the line, token by token."""
    ids = backend.tokenize(task.prefix.decode())
    here = (backend.tokenize(task.suffix.decode()), ids)
    texts = TokenTexts([*(backend.tokenize(piece.text) for piece in pieces), *here])
    written: list[int] = []
    while len(written) < task.gap.new_tokens:
        found = texts.followers([*ids[-32:], *written])
        if found is None:
            break
        written.append(int(found.tokens[found.counts.argmax()]))
        if b"\n" in backend.detokenize(written[-1:]):
            break
    line = backend.detokenize(written).split(b"\n")[0]
    return InfillAnswer(task=task, completion=line).is_exact


def print_table(results: Mapping[str, Sequence[Found]]) -> None:
    """All ways beside BM25."""
    base = results["BM25"]
    has_names = [i for i, found in enumerate(base) if found.names is not None]
    print(f"\nn = {len(base)} lines, {len(has_names)} of them with names to find\n")
    print("| pieces by | names found | points ahead of BM25 | longest match exact | points ahead of BM25 |")
    print("| --- | --- | --- | --- | --- |")

    def names(found: Sequence[Found]) -> NDArray[np.float64]:
        return np.array([found[i].names for i in has_names], dtype=float)

    def exact(found: Sequence[Found]) -> NDArray[np.float64]:
        return np.array([one.is_exact for one in found], dtype=float)

    for label, found in results.items():
        gains = [ahead(of(found) - of(base)) if found is not base else "" for of in (names, exact)]
        rates = [f"{of(found).mean():.1%}" for of in (names, exact)]
        print(f"| {label} | {rates[0]} | {gains[0]} | {rates[1]} | {gains[1]} |")


if __name__ == "__main__":
    main()
