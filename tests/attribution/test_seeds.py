import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.fingerprint.seeds import K_TOKENS, Seeds, all_seeds, winnow
from attribution.fingerprint.tokens import tokenize

WORDS = st.lists(st.sampled_from([b"a", b"b", b"f", b"(", b")", b"=", b"1"]), max_size=120)


def winnowed(words: list[bytes], window: int) -> Seeds:
    return winnow(all_seeds(tokenize(b" ".join(words))), window=window)


def winnow_by_definition(hashes: list[int], window: int) -> list[int]:
    """Schleimer et al. 2003: of each window the least hash, of equals the rightmost."""
    kept = set()
    for start in range(max(1, len(hashes) - window + 1)):
        part = hashes[start : start + window]
        if part:
            kept.add(start + max(i for i, value in enumerate(part) if value == min(part)))
    return sorted(kept)


@given(WORDS, st.integers(1, 50))
def test_winnowing_follows_its_definition(words: list[bytes], window: int) -> None:
    seeds = all_seeds(tokenize(b" ".join(words)))
    assert winnow(seeds, window=window).positions.tolist() == winnow_by_definition(
        seeds.hashes.tolist(), window
    )


@pytest.mark.parametrize("window", [16, 48])
@given(before=WORDS, after=WORDS, run=st.randoms(use_true_random=False))
def test_a_shared_run_of_k_plus_w_minus_1_tokens_shares_a_seed(window, before, after, run) -> None:
    """The winnowing guarantee, with the dense look-up that a query does."""
    shared = [str(run.randrange(1000)).encode() for _ in range(K_TOKENS + window - 1)]
    indexed = winnowed(before + shared + after, window)
    queried = all_seeds(tokenize(b" ".join(shared)))
    assert np.isin(indexed.hashes, queried.hashes).any()


@given(WORDS)
def test_white_space_does_not_change_seeds(words: list[bytes]) -> None:
    tight, loose = b" ".join(words), b"\n\t ".join(words)
    assert np.array_equal(all_seeds(tokenize(tight)).hashes, all_seeds(tokenize(loose)).hashes)


def test_a_text_shorter_than_k_tokens_has_no_seed() -> None:
    assert len(winnowed([b"a"] * (K_TOKENS - 1), 16)) == 0
    assert len(winnowed([b"a"] * K_TOKENS, 16)) == 1


def test_the_order_of_tokens_matters() -> None:
    words = [str(n).encode() for n in range(K_TOKENS)]
    assert winnowed(words, 16).hashes.tolist() != winnowed(words[::-1], 16).hashes.tolist()
