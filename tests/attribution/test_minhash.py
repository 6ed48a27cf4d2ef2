import numpy as np
from datasketch import MinHash, MinHashLSH
from hypothesis import given
from hypothesis import strategies as st

from attribution.fingerprint.minhash import BANDS, PERMUTATIONS, ROWS, band_keys, shingle_hashes, signature


def datasketch_signature(hashes: np.ndarray) -> np.ndarray:
    minhash = MinHash(num_perm=PERMUTATIONS, hashfunc=lambda value: value)
    for value in hashes.tolist():
        minhash.update(value)
    return minhash.hashvalues


@given(st.lists(st.integers(0, 2**32 - 1), max_size=50, unique=True))
def test_signatures_equal_those_of_datasketch(values: list[int]) -> None:
    hashes = np.array(values, dtype=np.uint32)
    assert np.array_equal(signature(hashes), datasketch_signature(hashes))


def test_signatures_of_large_files_equal_those_of_datasketch(stdlib) -> None:
    """Larger than the block in which shingles are permuted."""
    hashes = shingle_hashes((stdlib / "argparse.py").read_bytes())
    assert len(hashes) > 4096
    assert np.array_equal(signature(hashes), datasketch_signature(hashes))


def test_bands_are_those_that_datasketch_chooses_for_0_7() -> None:
    lsh = MinHashLSH(threshold=0.7, num_perm=PERMUTATIONS)
    assert (lsh.b, lsh.r) == (BANDS, ROWS)


def test_the_estimate_is_near_the_true_jaccard_similarity(stdlib) -> None:
    old = (stdlib / "shutil.py").read_bytes()
    new = old[: len(old) * 3 // 4]
    a, b = set(shingle_hashes(old).tolist()), set(shingle_hashes(new).tolist())
    estimate = np.mean(signature(shingle_hashes(old)) == signature(shingle_hashes(new)))
    assert abs(estimate - len(a & b) / len(a | b)) < 3 * (0.25 / PERMUTATIONS) ** 0.5


def test_a_near_copy_shares_a_band_and_a_stranger_does_not(stdlib) -> None:
    old = (stdlib / "shutil.py").read_bytes()
    keys = band_keys(signature(shingle_hashes(old)))
    near = band_keys(signature(shingle_hashes(old.replace(b"follow_symlinks", b"follow_links"))))
    stranger = band_keys(signature(shingle_hashes((stdlib / "ast.py").read_bytes())))
    assert np.any(keys == near)
    assert not np.any(keys == stranger)


def test_case_and_layout_do_not_change_shingles() -> None:
    assert np.array_equal(
        shingle_hashes(b"def F(a, b):\n    return A + B"), shingle_hashes(b"DEF f(a,b): return a+b")
    )
    assert len(shingle_hashes(b"")) == 0
    assert len(shingle_hashes(b"one two")) == 1
