"""Look for many texts in a document at once, exactly and by runs of tokens that both have.

One hash for each run of tokens of the document, a table that says which may be known, and a list of the texts
that have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from training.data.decontamination.runs import Runs
from training.data.decontamination.sets import ItemText

_WHITE = b" \t\n\r\v\f\0"
_SMALL = bytes.maketrans(ascii_uppercase.encode(), ascii_lowercase.encode())
_BITS_MOST = 26
_BITS_A_GRAM = 16
_LEAST_RUNS = 3


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a document has of a text."""

    text: ItemText
    share: float
    """Of the text's own runs of tokens, those that the document has too."""
    is_exact: bool
    """Whether the document holds the whole text, white space and capitals aside."""


@dataclass(frozen=True, slots=True, eq=False)
class Needles:
    """Texts to look for, and the tables to find them."""

    texts: tuple[ItemText, ...]
    stripped: tuple[bytes, ...]
    """Each text without white space and capitals."""
    own_counts: NDArray[np.int64]
    """Runs of each text that few other texts have."""
    inner_counts: NDArray[np.int64]
    """Runs of each text without its first and its last token, which may be in a longer word elsewhere; 0
    where texts are not looked for as a whole."""
    grams: NDArray[np.uint64]
    """Hashes of all runs, ascending."""
    offsets: NDArray[np.int64]
    """Where the texts of each run start in ``owners``; one more than runs."""
    owners: NDArray[np.int64]
    is_own: NDArray[np.bool_]
    """Whether each run is one that few texts have."""
    is_inner: NDArray[np.bool_]
    """Of each owner, whether the run is an inner one."""
    maybe: NDArray[np.bool_]
    """By the highest bits of a hash, whether it may be that of a run."""
    shift: np.uint64
    runs: Runs

    def find(self, content: bytes, *, share: float, least_runs: int) -> Iterator[Overlap]:
        """Yield the texts that a document holds, or of whose own runs it has this share and this many."""
        known = self._known_grams(content)
        if not len(known):
            return
        lengths = self.offsets[known + 1] - self.offsets[known]
        places = np.repeat(self.offsets[known] - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
        places += np.arange(len(places))
        owners, size = self.owners[places], len(self.texts)
        own = np.bincount(owners[np.repeat(self.is_own[known], lengths)], minlength=size)
        inner = np.bincount(owners[self.is_inner[places]], minlength=size)
        may_be_whole = (inner >= self.inner_counts) & (self.inner_counts > 0)
        has_share = own >= np.maximum(share * self.own_counts, max(1, least_runs))
        candidates = np.flatnonzero(may_be_whole | has_share).tolist()
        stripped = content.translate(_SMALL, _WHITE) if candidates else b""
        for index in candidates:
            is_exact = bool(may_be_whole[index]) and self.stripped[index] in stripped
            if is_exact or has_share[index]:
                yield Overlap(self.texts[index], own[index] / max(1, self.own_counts[index]), is_exact)

    def _known_grams(self, content: bytes) -> NDArray[np.int64]:
        """Indices of the runs that a document has, each once."""
        hashes = self.runs(content)
        buckets = (hashes >> self.shift).view(np.int64)
        hashes = hashes[np.flatnonzero(self.maybe.take(buckets, mode="clip"))]
        places = np.searchsorted(self.grams, hashes)
        places[places == len(self.grams)] = 0
        return np.unique(places[self.grams[places] == hashes]) if len(self.grams) else places[:0]


def build_needles(
    texts: Sequence[ItemText], runs: Runs, *, least_runs: int, common_texts: int, as_a_whole: bool = True
) -> Needles:
    """Make the tables; texts of fewer than ``least_runs`` (3 or more) runs are left out.

    A run that more than ``common_texts`` texts have is in none of their shares.
    """
    if least_runs < _LEAST_RUNS:
        raise ValueError(f"texts of {least_runs} runs have none without their first and last token")
    rows = [runs(text.text.encode("utf-8", "replace")) for text in texts]
    kept = [index for index, row in enumerate(rows) if len(row) >= least_runs]
    return _tables(
        [texts[index] for index in kept], [rows[index] for index in kept], runs, common_texts, as_a_whole
    )


def _tables(
    texts: list[ItemText], rows: list[NDArray[np.uint64]], runs: Runs, common_texts: int, as_a_whole: bool
) -> Needles:
    pairs = [np.unique(row) for row in rows]
    inner = [np.isin(every, row[1:-1]) for every, row in zip(pairs, rows, strict=True)]
    owners = np.repeat(np.arange(len(texts)), [len(pair) for pair in pairs])
    hashes = np.concatenate(pairs) if pairs else np.empty(0, np.uint64)
    is_inner = np.concatenate(inner) if inner else np.empty(0, np.bool_)
    order = np.argsort(hashes, kind="stable")
    hashes, owners, is_inner = hashes[order], owners[order], is_inner[order]
    grams, starts = np.unique(hashes, return_index=True)
    offsets = np.append(starts, len(hashes)).astype(np.int64)
    is_own = np.diff(offsets) <= common_texts
    bits = min(_BITS_MOST, max(8, int(np.log2(max(1, len(grams)) * _BITS_A_GRAM)) + 1))
    shift = np.uint64(64 - bits)
    maybe = np.zeros(1 << bits, np.bool_)
    maybe[grams >> shift] = True
    size = len(texts)
    return Needles(
        texts=tuple(texts),
        stripped=tuple(text.text.encode("utf-8", "replace").translate(_SMALL, _WHITE) for text in texts),
        own_counts=np.bincount(owners[np.repeat(is_own, np.diff(offsets))], minlength=size),
        inner_counts=np.bincount(owners[is_inner], minlength=size) * as_a_whole,
        grams=grams, offsets=offsets, owners=owners, is_own=is_own, is_inner=is_inner,
        maybe=maybe, shift=shift, runs=runs,
    )  # fmt: skip
