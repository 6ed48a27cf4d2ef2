"""The lexical lane: BM25 over the words of whole files (Robertson and Zaragoza 2009).

A document d is worth to a query, summed over the query's words w,

    idf(w) · f(w, d) · (k1 + 1) / (f(w, d) + k1 · (1 - b + b · length(d) / mean length))
    idf(w) = ln(1 + (N - n(w) + 1/2) / (n(w) + 1/2))

where f is how often w is in d, at most 15, and n in how many of the N documents it is; lengths are in tokens.
A word that the query repeats counts once. Numbers of documents and lengths are summed over all segments, so
it does not matter how an index is split.

Rare words first: a query reads no more postings than its budget, for the words that nearly every file holds
cost most and tell least. So a query is bounded however many documents there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.words import word_counts
from attribution.index.words import WordLane

SATURATION = 0.3
"""BM25's k1: that a word is there tells most, how often it is there little (docs/experiments.md)."""
LENGTH_SHARE = 0.75
"""BM25's b."""
POSTINGS = 1 << 15
"""Postings that one query may read, in all segments together; the rarest word is read whatever it costs.

More does not find more (docs/experiments.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A document that holds words of the query."""

    segment: int
    """Index into the lanes that were asked."""
    document: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WordTotals:
    """What BM25 must know of a collection to weigh the words of one query; those of its parts add up."""

    keys: NDArray[np.uint64]
    """Of the distinct words of the query."""
    frequency: NDArray[np.int64]
    """In how many documents each of them is."""
    documents: int
    length: int
    """Tokens of all documents."""

    def __add__(self, other: WordTotals) -> WordTotals:
        """The totals of both collections together, for the same query."""
        return WordTotals(
            keys=self.keys,
            frequency=self.frequency + other.frequency,
            documents=self.documents + other.documents,
            length=self.length + other.length,
        )


def word_totals(lanes: Sequence[WordLane], content: bytes) -> WordTotals:
    """What some lanes add to the totals for ``content``. Raises :class:`IndexCorruptError`."""
    keys, _ = word_counts(content)
    frequency = np.zeros(len(keys), dtype=np.int64)
    for lane in lanes:
        ranges = lane.ranges(keys)
        frequency += ranges[:, 1].astype(np.int64) - ranges[:, 0]
    return WordTotals(
        keys=keys,
        frequency=frequency,
        documents=sum(lane.documents for lane in lanes),
        length=sum(lane.total_length for lane in lanes),
    )


def rank(lanes: Sequence[WordLane], content: bytes, *, limit: int, postings: int = POSTINGS) -> list[Ranked]:
    """The documents that are likest to ``content`` by their words, best first, at most ``limit``.

    Of equals the one of the earlier segment, in it the earlier document. Raises :class:`IndexCorruptError`.
    """
    return rank_among(lanes, word_totals(lanes, content), limit=limit, postings=postings)


def rank_among(
    lanes: Sequence[WordLane], totals: WordTotals, *, limit: int, postings: int = POSTINGS
) -> list[Ranked]:
    """The same where the lanes are a part of a collection, of which ``totals`` are for the query."""
    keys, frequency = totals.keys, totals.frequency
    if totals.documents == 0 or len(keys) == 0 or limit < 1:
        return []
    chosen = _rarest(frequency, postings)
    weights = np.log1p((totals.documents - frequency[chosen] + 0.5) / (frequency[chosen] + 0.5))
    found = (
        Ranked(segment=number, document=document, score=score)
        for number, lane in enumerate(lanes)
        for document, score in lane.rank(
            lane.ranges(keys)[chosen],
            weights,
            saturation=SATURATION,
            length_share=LENGTH_SHARE,
            mean_length=max(1.0, totals.length / totals.documents),
            limit=limit,
        )
    )
    return nsmallest(limit, found, key=lambda ranked: (-ranked.score, ranked.segment, ranked.document))


def _rarest(frequency: NDArray[np.int64], postings: int) -> NDArray[np.intp]:
    """Indices of the words to read, rarest first: those that are anywhere, within the budget, or one."""
    order = np.argsort(frequency, kind="stable")
    order = order[frequency[order] > 0]
    within = np.cumsum(frequency[order]) <= postings
    within[:1] = True
    return order[within]
