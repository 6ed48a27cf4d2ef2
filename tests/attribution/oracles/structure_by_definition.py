"""Structural seeds and sketches straight from their definitions, one k-gram at a time."""

from __future__ import annotations

from collections.abc import Sequence

_MASK = (1 << 64) - 1
_GRAM_MULTIPLIER = 0xD6E8FEB86659FD93
_STEP = 0x9E3779B97F4A7C15


def mix(value: int) -> int:
    value &= _MASK
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK
    return value ^ (value >> 31)


_NAME = mix(0xA0761D6478BD642F)


def symbols_of(gram: Sequence[tuple[int, bool]]) -> list[int]:
    """Baker's parameters: a name is the distance to its previous occurrence inside the k-gram, or 0."""
    symbols = []
    for at, (hash_, is_name) in enumerate(gram):
        if is_name:
            earlier = [before for before in range(at) if gram[before] == (hash_, True)]
            symbols.append(mix(_NAME + (at - earlier[-1] if earlier else 0) * _STEP))
        else:
            symbols.append(hash_)
    return symbols


def structural_seeds(
    hashes: Sequence[int], is_name: Sequence[bool], *, k: int, least_distinct: int
) -> list[tuple[int, int]]:
    """Hash and position of each k-gram with enough distinct symbols."""
    tokens = list(zip(hashes, is_name, strict=True))
    seeds = []
    for position in range(len(tokens) - k + 1):
        symbols = symbols_of(tokens[position : position + k])
        if len(set(symbols)) >= least_distinct:
            total = sum(s * pow(_GRAM_MULTIPLIER, k - 1 - at, 1 << 64) for at, s in enumerate(symbols))
            seeds.append((mix(total), position))
    return seeds


def structure_sketches(
    hashes: Sequence[int], is_name: Sequence[bool], lines: Sequence[int], line_count: int
) -> list[int]:
    """8 bits a line, all names alike."""
    sketches = [0] * line_count
    for line in set(lines):
        own = [_NAME if n else h for h, n, at in zip(hashes, is_name, lines, strict=True) if at == line]
        total = sum(mix(symbol + place * _STEP) for place, symbol in enumerate(own))
        sketches[line - 1] = mix(total) >> 56 or 1
    return sketches
