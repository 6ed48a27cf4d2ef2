"""The kernels compute what the numpy code computed that they replaced."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attribution.fingerprint.lines import line_sketches
from attribution.fingerprint.minhash import shingle_hashes, sign, signature
from attribution.fingerprint.seeds import Seeds, all_seeds, winnow
from attribution.fingerprint.tokens import TokenStream, count_lines, tokenize, tokenize_words


def load_oracle(name: str):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "oracles" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


numpy_kernels = load_oracle("numpy_kernels")
CODE = st.lists(
    st.sampled_from(
        [b"def", b"x", b"0x1F", "größe".encode(), b"(", b"::", b" ", b"\n", b"\r\n", b"\t", b"\0", b'"']
    )
).map(b"".join)
TEXTS = st.binary(max_size=400) | CODE


def assert_same_stream(ours: TokenStream, theirs: TokenStream) -> None:
    for field in ("hashes", "starts", "lines"):
        assert np.array_equal(getattr(ours, field), getattr(theirs, field)), field
    assert ours.line_count == theirs.line_count


def assert_same_seeds(ours: Seeds, theirs: Seeds) -> None:
    assert np.array_equal(ours.hashes, theirs.hashes)
    assert np.array_equal(ours.positions, theirs.positions)


def assert_all_same(content: bytes) -> None:
    tokens, words = numpy_kernels.tokenize(content), numpy_kernels.tokenize_words(content)
    assert_same_stream(tokenize(content), tokens)
    assert_same_stream(tokenize_words(content), words)
    assert count_lines(content) == tokens.line_count
    assert np.array_equal(line_sketches(tokens), numpy_kernels.line_sketches(tokens))
    for k in (1, 5, 8, 20, 32):
        assert_same_seeds(all_seeds(tokens, k=k), numpy_kernels.all_seeds(tokens, k=k))
    seeds = numpy_kernels.all_seeds(tokens)
    for window in (1, 2, 16, 48, 256):
        assert_same_seeds(winnow(seeds, window=window), numpy_kernels.winnow(seeds, window=window))
    shingles = numpy_kernels.shingle_hashes(content)
    assert np.array_equal(shingle_hashes(content), shingles)
    assert np.array_equal(sign(content), signature(shingles))


@given(TEXTS)
@example(b"")
@example(b"\n")
@example(b"a" * 63 + b" " + b"b" * 64 + b" " + b"c" * 65 + b" " + b"d" * 200)
def test_kernels_equal_numpy_on_any_bytes(content: bytes) -> None:
    assert_all_same(content)


def test_kernels_equal_numpy_on_real_files(stdlib: Path) -> None:
    for path in sorted(stdlib.glob("*.py"))[::6]:
        assert_all_same(path.read_bytes())


@given(st.lists(st.integers(0, 5), max_size=400), st.integers(1, 256))
def test_winnowing_equals_numpy_where_hashes_repeat(values: list[int], window: int) -> None:
    seeds = Seeds(hashes=np.array(values, np.uint64), positions=np.arange(len(values), dtype=np.int32))
    assert_same_seeds(winnow(seeds, window=window), numpy_kernels.winnow(seeds, window=window))


def test_sizes_that_the_kernels_cannot_take_are_refused() -> None:
    tokens = tokenize(b"a b c")
    for k in (0, 33):
        with pytest.raises(ValueError, match="not between 1 and 32"):
            all_seeds(tokens, k=k)
    with pytest.raises(ValueError, match="not between 1 and 256"):
        winnow(all_seeds(tokens, k=1), window=257)
