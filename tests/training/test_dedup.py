"""Deduplication against its definitions: datasketch, all pairs, and rules of what is kept."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from datasketch import MinHashLSH
from hypothesis import given
from hypothesis import strategies as st

from attribution.fingerprint.minhash import PERMUTATIONS, sign
from training.data.dedup.bands import bands_for
from training.data.dedup.exact import exact_duplicates
from training.data.dedup.near import NearDuplicates, near_duplicates

STANDARD_LIBRARY = Path(sysconfig.get_paths()["stdlib"])


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.85])
def test_bands_are_datasketchs(threshold: float) -> None:
    oracle = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    assert tuple(bands_for(threshold)) == (oracle.b, oracle.r)


def variants() -> list[bytes]:
    """Real files, each with a copy of which every nth line is gone, for several n."""
    files = [
        p.read_bytes()
        for f in ("json", "email", "logging")
        for p in sorted((STANDARD_LIBRARY / f).glob("*.py"))
    ]
    files = [file for file in files if file.count(b"\n") > 60]
    copies = [
        b"\n".join(line for at, line in enumerate(file.split(b"\n")) if at % (9 + 12 * (number % 4)))
        for number, file in enumerate(files)
    ]
    return files + copies


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.85])
def test_clusters_are_those_of_pairs_that_share_a_band_and_are_alike(threshold: float) -> None:
    """Kept documents differ, as far as bands can tell; each dropped one hangs on a chain of alike ones."""
    signatures = np.stack([sign(text) for text in variants()])
    count = len(signatures)
    keepers = near_duplicates(signatures, np.arange(count), NearDuplicates(threshold=threshold))
    alike = (signatures[:, None] == signatures[None]).mean(axis=2) >= threshold
    assert 0 < (keepers != np.arange(count)).sum() < count // 2 + 1
    for number, keeper in enumerate(keepers.tolist()):
        assert keepers[keeper] == keeper <= number
        assert keeper in reachable(alike, number)
    kept = np.flatnonzero(keepers == np.arange(count))
    bands, rows = bands_for(threshold)
    for one in kept:
        for other in kept[kept > one]:
            cut = (signatures[[one, other], : bands * rows]).reshape(2, bands, rows)
            assert not (alike[one, other] and (cut[0] == cut[1]).all(axis=1).any())


def reachable(alike: np.ndarray, start: int) -> set[int]:
    found, waiting = {start}, [start]
    while waiting:
        near = {*np.flatnonzero(alike[waiting.pop()]).tolist()} - found
        found |= near
        waiting += near
    return found


def test_the_lowest_rank_of_a_cluster_stays_wherever_it_stands() -> None:
    texts = variants()
    signatures = np.stack([sign(text) for text in texts])
    count = len(texts)
    forward = near_duplicates(signatures, np.arange(count), NearDuplicates())
    backward = near_duplicates(signatures[::-1], np.arange(count)[::-1].copy(), NearDuplicates())
    assert np.array_equal(forward, (count - 1 - backward)[::-1])


def test_what_is_not_among_the_compared_keeps_itself() -> None:
    signatures = np.stack([sign(b"one two three four five six")] * 4)
    keepers = near_duplicates(signatures, np.arange(4), NearDuplicates(), among=np.array([1, 3]))
    assert keepers.tolist() == [0, 1, 2, 1]


def test_a_shared_band_alone_is_no_likeness() -> None:
    rows = bands_for(0.7).rows
    signatures = np.arange(2 * PERMUTATIONS, dtype=np.uint32).reshape(2, PERMUTATIONS)
    signatures[1, :rows] = signatures[0, :rows]
    assert near_duplicates(signatures, np.arange(2), NearDuplicates()).tolist() == [0, 1]


def test_texts_without_any_word_are_no_copies_of_each_other() -> None:
    signatures = np.stack([sign(text) for text in (b"{}", b"+[>++<-]", b"\n", b"()", b"a b c")])
    assert near_duplicates(signatures, np.arange(5), NearDuplicates()).tolist() == [0, 1, 2, 3, 4]


def test_a_text_in_any_script_has_words() -> None:
    texts = (
        "привет мир как твои дела сегодня",
        "привет мир как твои дела завтра",
        "世界 你好 这是 一个 文件 吗",
    )
    signatures = np.stack([sign(text.encode()) for text in texts])
    assert len({row.tobytes() for row in signatures}) == 3


def test_what_shares_a_band_with_everything_is_compared_with_a_bounded_number() -> None:
    """Without a bound the time grows with the square; the alike ones among them are found all the same."""
    count = 20_000
    signatures = np.random.default_rng(1).integers(0, 1 << 32, (count, PERMUTATIONS), dtype=np.uint32)
    signatures[:, :9] = 7
    signatures[1] = signatures[0]
    keepers = near_duplicates(signatures, np.arange(count), NearDuplicates(most_compared=4))
    assert keepers.tolist() == [0, 0, *range(2, count)]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), min_size=2, max_size=30), st.randoms())
def test_clusters_do_not_depend_on_the_order_of_documents(shapes: list[tuple[int, int]], random) -> None:
    """Documents of six families, each with some of its values changed, numbered anew at random."""
    values = np.random.default_rng(3)
    families = values.integers(0, 1 << 32, (6, PERMUTATIONS), dtype=np.uint32)
    signatures = families[[family for family, _ in shapes]]
    for row, (_, changed) in enumerate(shapes):
        signatures[row, PERMUTATIONS - changed :] = values.integers(0, 1 << 32, changed, dtype=np.uint32)
    ranks = values.permutation(len(shapes))
    order = np.array(random.sample(range(len(shapes)), len(shapes)))
    here = near_duplicates(signatures, ranks, NearDuplicates())
    there = near_duplicates(signatures[order], ranks[order], NearDuplicates())
    assert np.array_equal(order[there], here[order])


def test_the_estimate_is_of_the_true_similarity_and_leans_to_no_side() -> None:
    """Over real files and copies without some of their lines, against sets of word 5-grams."""
    texts = variants()
    half = len(texts) // 2
    errors = []
    for one, other in zip(texts[:half], texts[half:], strict=True):
        left, right = grams(one), grams(other)
        errors.append((sign(one) == sign(other)).mean() - len(left & right) / len(left | right))
    error = np.array(errors)
    assert abs(error.mean()) < 3 * 0.045 / np.sqrt(half)
    assert error.std() < 0.06


def grams(text: bytes) -> set[tuple[bytes, ...]]:
    words = re.findall(rb"[\w\x80-\xff]+", text.lower())
    return {tuple(words[at : at + 5]) for at in range(len(words) - 4)}


@given(st.lists(st.integers(0, 9), max_size=60), st.randoms())
def test_exact_duplicates_by_definition(contents: list[int], random) -> None:
    ranks = list(range(len(contents)))
    random.shuffle(ranks)
    digests = np.frombuffer(b"".join(bytes([c]) * 20 for c in contents), dtype="V20")
    found = exact_duplicates(digests, np.array(ranks, dtype=np.int64)).tolist()
    best = {
        c: min((r, at) for at, (k, r) in enumerate(zip(contents, ranks, strict=True)) if k == c)[1]
        for c in contents
    }
    assert found == [best[c] for c in contents]
