"""Vectors of blocks in plain Python: what ``vectors.cpp`` computes, for code without comments."""

from __future__ import annotations

import math
from collections import Counter

from attribution.fingerprint.structure import StructureStream

_MASK = (1 << 64) - 1
_GRAM_MULTIPLIER = 0xD6E8FEB86659FD93
_VALUE_SALT = 0xC2B2AE3D27D4EB4F


def mix(value: int) -> int:
    """The finaliser of splitmix64."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK
    return value ^ (value >> 31)


_NAME, _NUMBER, _STRING = map(mix, (0xA0761D6478BD642F, 0x2545F4914F6CDD1D, 0x9FB21C651E98DF25))


def code_of_block(stream: StructureStream, content: bytes) -> bytes:
    """The bits of a whole text as one block."""
    symbols, values = [], []
    for hash_, is_name, start in zip(stream.hashes.tolist(), stream.is_name, stream.starts, strict=True):
        first = content[start : start + 1]
        is_value = first.isdigit() or first in b"\"'"
        symbols.append(_NAME if is_name else _NUMBER if first.isdigit() else _STRING if is_value else hash_)
        values += [mix((hash_ + _VALUE_SALT) & _MASK)] if is_value else []
    grams = Counter(values)
    for length in (2, 3, 4, 6):
        for at in range(len(symbols) - length + 1):
            total = length
            for symbol in symbols[at : at + length]:
                total = (total * _GRAM_MULTIPLIER + symbol) & _MASK
            grams[mix(total)] += 1
    sums = [0] * 256
    for gram, count in grams.items():
        weight = round(16 * (1 + math.log(min(count, 16))))
        for place in range(7):
            bits = gram >> 9 * place
            sums[bits & 255] += weight if bits & 256 else -weight
    return sum((total > 0) << bit for bit, total in enumerate(sums)).to_bytes(32, "little")
