"""The numpy code that the kernels replaced, word for word: what they compute must equal it bit for bit."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.seeds import K_TOKENS, Seeds
from attribution.fingerprint.tokens import TokenStream

_TOKEN_MULTIPLIER = 0x9E3779B97F4A7C15
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
    return _powers_of(_TOKEN_MULTIPLIER), _powers_of(pow(_TOKEN_MULTIPLIER, -1, 1 << 64))


def _powers_of(base: int) -> NDArray[np.uint64]:
    factors = np.full(_CHUNK_BYTES, base, dtype=np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit values with a bijection (the finaliser of splitmix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


_GRAM_MULTIPLIER = 0xD6E8FEB86659FD93


def all_seeds(tokens: TokenStream, *, k: int = K_TOKENS) -> Seeds:
    """Hash every k-gram: what a query looks up, so that it meets whichever seeds the index kept."""
    count = len(tokens) - k + 1
    if count <= 0:
        return Seeds(hashes=np.empty(0, np.uint64), positions=np.empty(0, np.int32))
    sums = np.zeros(count, dtype=np.uint64)
    for offset in range(k):
        sums *= np.uint64(_GRAM_MULTIPLIER)
        sums += tokens.hashes[offset : offset + count]
    return Seeds(hashes=mix(sums), positions=np.arange(count, dtype=np.int32))


def winnow(seeds: Seeds, *, window: int) -> Seeds:
    """Keep the least of each ``window`` consecutive seeds; all windows of a short text are one."""
    if len(seeds) == 0:
        return seeds
    kept = _window_minima(seeds.hashes, min(window, len(seeds)))
    return Seeds(hashes=seeds.hashes[kept], positions=seeds.positions[kept])


def _window_minima(values: NDArray[np.uint64], window: int) -> NDArray[np.intp]:
    """Indices of the rightmost minimum of each window, each once, ascending.

    Doubles the width of the running minimum until it reaches the window; the last step overlaps.
    """
    best = np.arange(len(values))
    width = 1
    while width < window:
        step = min(width, window - width)
        left, right = best[:-step], best[step:]
        best = np.where(values[right] <= values[left], right, left)
        width += step
    return best[np.flatnonzero(np.diff(best, prepend=-1))]


BLANK = 0
_STEP = np.uint64(0x9E3779B97F4A7C15)


def line_sketches(tokens: TokenStream) -> NDArray[np.uint16]:
    """Sketch every line: an array of shape (line_count,), ``BLANK`` where a line has no token."""
    sketches = np.full(tokens.line_count, BLANK, dtype=np.uint16)
    if len(tokens) == 0:
        return sketches
    firsts = np.flatnonzero(np.diff(tokens.lines, prepend=0))
    counts = np.diff(firsts, append=len(tokens))
    place = np.arange(len(tokens)) - np.repeat(firsts, counts)
    sums = np.add.reduceat(mix(tokens.hashes + place.astype(np.uint64) * _STEP), firsts)
    high = (mix(sums) >> np.uint64(48)).astype(np.uint16)
    high[high & 0xFF == BLANK] += np.uint16(1)
    sketches[tokens.lines[firsts] - 1] = high
    return sketches


SHINGLE_WORDS = 5


def shingle_hashes(content: bytes) -> NDArray[np.uint32]:
    """32-bit hashes of the distinct word 5-grams; of the whole text where it has fewer words."""
    words = tokenize_words(content.lower())
    if len(words) == 0:
        return np.empty(0, dtype=np.uint32)
    grams = all_seeds(words, k=min(SHINGLE_WORDS, len(words)))
    return np.unique((grams.hashes >> np.uint64(32)).astype(np.uint32))
