"""Words and lines of a text, found with numpy: what growing a corpus needs to know of it.

A *word* is a run of letters and digits (``_`` separates: ``read_rows`` is two words); a *line* is compared
without its white space.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

LONGEST_WORD = 24
"""Longer words are never common."""
KEYWORDS = frozenset(
    """
    abstract and any array as assert async auto await base begin bool boolean break byte case catch chan
    char class const continue crate debugger declare def default defer define defined del delete do done
    double dyn each echo elif else elseif elsif end endif ensure enum error esac except export extends
    extern f32 f64 fallthrough false False fi final finally float fn for foreach from func function global
    go goto i16 i32 i64 i8 if ifdef ifndef impl implements import in include include_once inline
    instanceof int interface is isset lambda let line local long loop macro map match mod module move mut
    namespace native new next nil None nonlocal not null object once operator or override package pass php
    pragma private protected pub public raise range readonly ref register require rescue return select
    Self self short signed sizeof static str string struct super switch synchronized template then this
    throw throws trait transient true True try type typedef typename typeof u16 u32 u64 u8 undef undefined
    union unless unsafe unset unsigned until use using usize var virtual void volatile when where while
    with yield
    """.split()
)
_MULTIPLIER = 0x9E3779B97F4A7C15
_LF = 10


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit values (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def hash_words(words: list[bytes]) -> NDArray[np.uint64]:
    """Hash words given one by one, as :func:`scan` hashes them in a text."""
    scanned = scan(b"\n".join(words))
    return scanned.hashes[scanned.is_word]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The tokens of a text, words and single other characters without white space, and its lines."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    is_word: NDArray[np.bool_]
    lines: NDArray[np.int32]
    """Line of each token, from 0."""
    line_starts: NDArray[np.int64]
    """Where each line starts, and where the last one ends."""

    def line_hashes(self) -> NDArray[np.uint64]:
        """Hash of each line; 0 for a blank one."""
        return self._fold(self.hashes)

    def pair_hashes(self) -> NDArray[np.uint64]:
        """Hash of each line together with the next that is not blank; 0 for a blank or the last one."""
        lines = self.line_hashes()
        solid = np.flatnonzero(lines)
        pairs = np.zeros(len(lines), dtype=np.uint64)
        pairs[solid[:-1]] = mix(lines[solid[:-1]] * np.uint64(_MULTIPLIER) + lines[solid[1:]])
        return pairs

    def words_of_lines(self) -> NDArray[np.int64]:
        """Tokens of each line."""
        return np.bincount(self.lines, minlength=len(self.line_starts) - 1)

    def _fold(self, hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
        folded = np.zeros(len(self.line_starts) - 1, dtype=np.uint64)
        if len(hashes):
            firsts = np.flatnonzero(np.diff(self.lines, prepend=-1))
            counts = np.diff(firsts, append=len(hashes))
            places = (np.arange(len(hashes)) - np.repeat(firsts, counts)).astype(np.uint64)
            folded[self.lines[firsts]] = np.add.reduceat(
                mix(hashes + places * np.uint64(_MULTIPLIER)), firsts
            )
        return folded


@lru_cache(maxsize=1)
def _keyword_hashes() -> NDArray[np.uint64]:
    return np.sort(hash_words([keyword.encode() for keyword in KEYWORDS]))


def is_keyword(hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Tell which word hashes are keywords of some language."""
    known = _keyword_hashes()
    at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return np.asarray(known[at] == hashes, dtype=np.bool_)


@lru_cache(maxsize=2)
def _classes(whole_names: bool) -> NDArray[np.uint8]:
    """0 white space, 1 part of a word, 2 a token of its own."""
    classes = np.full(256, 2, dtype=np.uint8)
    classes[list(b" \t\r\n\f\v\0")] = 0
    classes[list(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] = 1
    if whole_names:
        classes[list(b"_" + bytes(range(128, 256)))] = 1
    return classes


def scan(text: bytes, *, whole_names: bool = False) -> Scan:
    """Split a text into words, other characters and lines; ``whole_names``: ``read_rows`` is one word."""
    data = np.frombuffer(text, dtype=np.uint8)
    classes = _classes(whole_names)[data]
    inner = classes == 1
    begins = classes == 2
    begins[0:1] |= inner[0:1]
    begins[1:] |= inner[1:] & ~inner[:-1]
    starts = np.flatnonzero(begins)
    is_word = inner[starts]
    ends = starts + 1
    last = inner.copy()
    last[:-1] &= ~inner[1:]
    ends[is_word] = np.flatnonzero(last) + 1
    feeds = np.flatnonzero(data == _LF)
    line_starts = np.concatenate(([0], feeds + 1, [len(data)] if not text.endswith(b"\n") else []))
    return Scan(
        data=data,
        starts=starts,
        lengths=ends - starts,
        hashes=_hash_tokens(data, starts, ends - starts),
        is_word=is_word,
        lines=np.cumsum(data == _LF, dtype=np.int32)[starts],
        line_starts=line_starts.astype(np.int64),
    )


def _hash_tokens(
    data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Hash each token, eight bytes at a time; of a long one the first 24, the last 8 and its length."""
    padded = np.concatenate((data, np.zeros(8, dtype=np.uint8)))
    eights = as_strided(padded.view(np.uint8)[:8].view("<u8"), shape=(len(data) + 1,), strides=(1,))
    hashes = mix(eights[starts] & _MASKS[np.minimum(lengths, 8)])
    for at in (8, 16):
        longer = np.flatnonzero(lengths > at)
        more = eights[starts[longer] + at] & _MASKS[np.minimum(lengths[longer] - at, 8)]
        hashes[longer] = mix(hashes[longer] * np.uint64(_MULTIPLIER) + more)
    longest = np.flatnonzero(lengths > LONGEST_WORD)
    tails = eights[starts[longest] + lengths[longest] - 8] + lengths[longest].astype(np.uint64)
    hashes[longest] = mix(hashes[longest] * np.uint64(_MULTIPLIER) + tails)
    return hashes


_MASKS = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)
"""Keeps the first so many of eight bytes."""
