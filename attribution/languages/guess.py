"""Which language a text is in, where no file name says it: snippets from stdin, scratch buffers.

Naive Bayes over the markers that are present. Markers are tokens and pairs of tokens; ``markers.tsv`` says
in how many percent of each language's snippets one occurs. It was learnt from 1,100 files of 25 projects
with docs/make_language_markers.py, which also measures: of snippets of 5, 10, 20 and 40 lines from 22 other
projects in 18 languages 60, 72, 79 and 83% are named right. Most mistakes change little: TypeScript is
called JavaScript, Kotlin Java, C++ C, whose comments and strings are alike.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.seeds import all_seeds
from attribution.fingerprint.tokens import tokenize
from attribution.languages.language import Language, language_named

_HEAD_BYTES = 1 << 15
_LEAST_SHARE = 0.01
"""Share of snippets that a marker is taken to have where it was not seen."""
_LEAST_MARKERS = 2
"""Markers of the best language that a text must hold before it is taken for that language."""


def guess_language(content: bytes) -> Language:
    """The most likely language of ``content``, by its first 32 KiB; generic tables where nothing tells."""
    keys, weights, names = _markers()
    tokens = tokenize(content[:_HEAD_BYTES])
    found = np.concatenate([all_seeds(tokens, k=k).hashes for k in (1, 2)])
    present = weights[np.isin(keys, found)]
    best = int(np.argmax(present.sum(axis=0)))
    speaking = np.count_nonzero(present[:, best] > 0)
    return language_named(names[best] if speaking >= _LEAST_MARKERS else None)


@lru_cache(maxsize=1)
def _markers() -> tuple[NDArray[np.uint64], NDArray[np.float64], list[str]]:
    """Hashes of the markers; what each says for a language rather than for any other; the languages."""
    header, *rows = Path(__file__).with_name("markers.tsv").read_text("utf-8").splitlines()
    cells = [row.split("\t") for row in rows]
    shares = np.array([[int(cell) for cell in row[1:]] for row in cells]) / 100
    logs = np.log(np.maximum(shares, _LEAST_SHARE))
    markers = [tokenize(row[0].encode()) for row in cells]
    keys = np.array([all_seeds(tokens, k=len(tokens)).hashes[0] for tokens in markers], dtype=np.uint64)
    return keys, logs - logs.mean(axis=1, keepdims=True), header.split("\t")[1:]
