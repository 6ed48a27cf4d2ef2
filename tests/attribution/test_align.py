"""The compiled alignment of lines, against a plain dynamic programme."""

import ctypes
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attribution.native.library import KERNELS, pointer

SEQUENCES = st.lists(st.integers(1, 5), max_size=150)

KERNELS.sc_common_subsequence.restype = ctypes.c_uint64
KERNELS.sc_common_subsequence.argtypes = (
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_void_p,
)


def common_subsequence(left: list[int], right: list[int]) -> list[tuple[int, int]]:
    a, b = np.array([*left, 0], dtype=np.uint16), np.array([*right, 0], dtype=np.uint16)
    pairs = np.empty((max(1, min(len(left), len(right))), 2), dtype=np.uint32)
    count = KERNELS.sc_common_subsequence(pointer(a), len(left), pointer(b), len(right), pointer(pairs))
    return [(int(i), int(j)) for i, j in pairs[:count]]


def lcs_length(left: list[int], right: list[int]) -> int:
    row = [0] * (len(right) + 1)
    for a in left:
        above = row[:]
        for j, b in enumerate(right):
            row[j + 1] = above[j] + 1 if a == b else max(above[j + 1], row[j])
    return row[-1]


@given(SEQUENCES, SEQUENCES)
def test_the_bit_parallel_subsequence_is_common_and_longest(left, right) -> None:
    pairs = common_subsequence(left, right)
    assert all(left[i] == right[j] for i, j in pairs)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))
    assert len(pairs) == lcs_length(left, right)


@given(SEQUENCES, SEQUENCES)
def test_the_subsequence_spans_little_of_the_right(left, right) -> None:
    """Its end is the least at which the whole length is reached."""
    pairs = common_subsequence(left, right)
    if pairs:
        end = pairs[-1][1]
        assert lcs_length(left, right[:end]) < len(pairs)
        start = pairs[0][1]
        assert lcs_length(left, right[start + 1 : end + 1]) < len(pairs)
