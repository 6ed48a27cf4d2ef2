"""Bytes to tokens in one vectorised pass.

A token is a run of word bytes (letters, digits, underscore, everything beyond ASCII) or one byte of
punctuation; white space separates and does not count. So the stream survives re-indenting and re-wrapping.
The hash of a token is a polynomial over its bytes modulo 2^64, taken from prefix sums: the multiplier is
odd and therefore has an inverse, which moves each token's sum back to exponent zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_MULTIPLIER = 0x9E3779B97F4A7C15
_WHITE, _WORD, _PUNCTUATION = 0, 1, 2
_WORD_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_" + bytes(range(128, 256))
_WHITE_BYTES = b" \t\r\n\f\v\0"
_LINE_FEED = 10
_CHUNK_BYTES = 1 << 18


def _byte_classes() -> NDArray[np.uint8]:
    classes = np.full(256, _PUNCTUATION, dtype=np.uint8)
    classes[list(_WORD_BYTES)] = _WORD
    classes[list(_WHITE_BYTES)] = _WHITE
    return classes


_CLASSES = _byte_classes()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStream:
    """The tokens of one text, in order; three arrays of the same length."""

    hashes: NDArray[np.uint64]
    """Mixed 64-bit hash of each token's bytes."""
    starts: NDArray[np.int64]
    """Byte offset at which each token starts."""
    lines: NDArray[np.int32]
    """Line of each token, counted from 1, split on LF only."""
    line_count: int
    """Lines of the text; one without a line feed at its end counts too."""

    def __len__(self) -> int:
        return len(self.hashes)


def tokenize(content: bytes) -> TokenStream:
    """Split ``content`` into words and single punctuation; any bytes will do."""
    classes = _classes_of(content)
    starts_word, ends_word = _word_bounds(classes)
    is_punctuation = classes == _PUNCTUATION
    return _stream(content, is_punctuation | starts_word, is_punctuation | ends_word)


def tokenize_words(content: bytes) -> TokenStream:
    """Split ``content`` into words only, as splitting on non-word characters does."""
    starts_word, ends_word = _word_bounds(_classes_of(content))
    return _stream(content, starts_word, ends_word)


def _classes_of(content: bytes) -> NDArray[np.uint8]:
    return np.take(_CLASSES, np.frombuffer(content, dtype=np.uint8))


def _word_bounds(classes: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Mark the bytes that start a word, and those that end one."""
    is_word = classes == _WORD
    outside = ~is_word
    starts, ends = is_word.copy(), is_word.copy()
    starts[1:] &= outside[:-1]
    ends[:-1] &= outside[1:]
    return starts, ends


def _stream(content: bytes, is_start: NDArray[np.bool_], is_end: NDArray[np.bool_]) -> TokenStream:
    data = np.frombuffer(content, dtype=np.uint8)
    starts, ends = np.flatnonzero(is_start), np.flatnonzero(is_end) + 1
    line_feeds = np.cumsum(data == _LINE_FEED, dtype=np.int32)
    return TokenStream(
        hashes=mix(_token_sums(data, starts, ends)),
        starts=starts,
        lines=line_feeds[starts] + np.int32(1),
        line_count=content.count(b"\n") + (1 if content and not content.endswith(b"\n") else 0),
    )


def _token_sums(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Polynomial of each token's bytes, the first byte at exponent 0.

    Worked in chunks so that the tables of powers stay small whatever the size of the text; a token
    longer than a chunk (never code) is hashed by its first bytes.
    """
    sums = np.empty(len(starts), dtype=np.uint64)
    first = 0
    while first < len(starts):
        base = int(starts[first])
        last = int(np.searchsorted(ends, base + _CHUNK_BYTES, side="right"))
        last = max(last, first + 1)
        stop = min(int(ends[last - 1]), base + _CHUNK_BYTES)
        powers, inverses = _power_tables()
        weighted = (data[base:stop].astype(np.uint64) + np.uint64(1)) * powers[: stop - base]
        prefix = np.zeros(stop - base + 1, dtype=np.uint64)
        np.cumsum(weighted, out=prefix[1:])
        low = starts[first:last] - base
        high = np.minimum(ends[first:last], stop) - base
        sums[first:last] = (prefix[high] - prefix[low]) * inverses[low]
        first = last
    return sums


@lru_cache(maxsize=1)
def _power_tables() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Powers of the multiplier and of its inverse, modulo 2^64."""
    return _powers_of(_MULTIPLIER), _powers_of(pow(_MULTIPLIER, -1, 1 << 64))


def _powers_of(base: int) -> NDArray[np.uint64]:
    factors = np.full(_CHUNK_BYTES, base, dtype=np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit values with a bijection (the finaliser of splitmix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
