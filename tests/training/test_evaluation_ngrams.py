"""The n-gram model: its chances are those counted by hand, its cache and tuning do what they say."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from training.evaluation.counts import ORDER, Counts, Stretch, count_ngrams
from training.evaluation.ngrams import Cache, NgramModel

VOCABULARY = 12
BREAK = 0


def stream(seed: int = 0, length: int = 400) -> np.ndarray:
    """A text in which some tokens follow others more often, with breaks."""
    random = np.random.default_rng(seed)
    walk = np.cumsum(random.integers(1, 3, size=length)) % (VOCABULARY - 1) + 1
    walk[random.integers(0, length, size=length // 20)] = BREAK
    return walk.astype(np.int64)


@pytest.fixture
def counted(tmp_path):
    """Counts tokens, one text after the other, or several of them with marks between documents."""

    def count(*texts: np.ndarray, starts: tuple[int, ...] = (0,), part_places: int = 1 << 20) -> Counts:
        stretches = [
            Stretch(tokens=np.asarray(text, dtype=np.uint16), starts=np.array(starts, dtype=np.uint32))
            for text in texts
        ]
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        return count_ngrams(stretches, folder, breaks=[BREAK], vocabulary=VOCABULARY, part_places=part_places)

    return count


def by_hand(tokens, context, discount):
    """The same interpolation from a plain scan of the text."""
    chances = np.full(VOCABULARY, 1 / VOCABULARY)
    for length in range(min(ORDER, len(context) + 1)):
        wanted = list(context[len(context) - length :])
        found = np.zeros(VOCABULARY)
        for place in range(length, len(tokens)):
            gram = list(tokens[place - length : place + 1])
            if BREAK not in gram and gram[:-1] == wanted:
                found[gram[-1]] += 1
        if not found.sum():
            break
        chances = chances * discount * (found > 0).sum() / found.sum()
        chances += np.maximum(found - discount, 0) / found.sum()
    return chances


@pytest.mark.parametrize("context", [[], [3], [5, 6], [1, 2, 3, 4], [9, 9, 9, 9], [2, 4, 5, 7, 8, 10]])
def test_chances_are_those_of_a_plain_scan(counted, context):
    tokens = stream()
    model = NgramModel(counts=counted(tokens), discount=0.6, cache_share=0.0)
    expected = by_hand(tokens, context[-(ORDER - 1) :], 0.6)
    assert model.distribution(context, Cache()) == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_chances_sum_to_one_whatever_the_cache_holds(counted, share):
    cache = Cache()
    for token in stream(seed=1, length=50):
        cache.add(int(token))
    model = NgramModel(counts=counted(stream()), cache_share=share)
    for context in ([], [3, 4], [11, 11]):
        assert model.distribution(context, cache).sum() == pytest.approx(1.0)


def test_cache_counts_as_the_corpus_does(counted):
    tokens = stream(seed=2, length=80)
    cache = Cache()
    for token in tokens:
        cache.end() if token == BREAK else cache.add(int(token))
    learned = NgramModel(counts=counted(tokens), discount=0.7, cache_share=0.0)
    near = NgramModel(counts=counted(stream()), cache_discount=0.7, cache_share=1.0)
    for context in ([], [4], [4, 5], [5, 7, 8, 9]):
        assert near.distribution(context, cache) == pytest.approx(learned.distribution(context, Cache()))


def test_nothing_is_counted_across_a_break(counted):
    counts = counted(np.array([1, 2, BREAK, 3, 4]))
    assert [list(tokens) for tokens, _, _ in counts.matching([2])] == [[1, 2, 3, 4]]
    assert [list(tokens) for tokens, _, _ in counts.matching([3])] == [[1, 2, 3, 4], [4]]


def test_nothing_is_counted_across_documents_and_shards_that_no_break_parts(counted):
    for counts in (
        counted(np.array([1, 2, 3, 4]), starts=(0, 2)),
        counted(np.array([1, 2]), np.array([3, 4])),
    ):
        assert [list(tokens) for tokens, _, _ in counts.matching([2])] == [[1, 2, 3, 4]]
        assert [list(tokens) for tokens, _, _ in counts.matching([1])] == [[1, 2, 3, 4], [2]]
        assert counts.total == 4


@pytest.mark.parametrize("part_places", [1, 30, 200])
def test_a_corpus_in_parts_is_counted_as_in_one(counted, part_places):
    tokens = stream(seed=4)
    whole, parts = counted(tokens), counted(tokens, part_places=part_places)
    for one, other in zip(whole.tables, parts.tables, strict=True):
        for name in ("contexts", "ends", "tokens", "counts"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def test_ids_of_sixteen_bits_are_told_apart(counted):
    tokens = np.array([65_535, 65_534, 65_533, 65_532, 7, 65_535, 65_534, 65_533, 65_532, 8])
    found = [list(tokens) for tokens, _, _ in counted(tokens).matching([65_535, 65_534, 65_533, 65_532])]
    assert found[1:] == [[7, 8]] * 4


def test_memory_goes_with_the_parts_and_not_with_the_corpus(tmp_path):
    """Tables of more bytes are written than the process takes while it writes them."""
    program = f"""
import resource, numpy as np
from pathlib import Path
from training.evaluation.counts import Stretch, count_ngrams
random = np.random.default_rng(0)
np.sort(random.integers(0, 9, size=1 << 16, dtype=np.uint64))
path = Path({str(tmp_path)!r}) / "tokens"
with path.open("wb") as stream:
    for _ in range(30):
        (random.zipf(1.3, size=100_000) % 5_000 + 1).astype(np.uint16).tofile(stream)
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
tokens = np.memmap(path, dtype=np.uint16, mode="r")
starts = np.zeros(1, dtype=np.uint32)
stretches = [Stretch(tokens=tokens[at : at + 100_000], starts=starts) for at in range(0, 3_000_000, 100_000)]
counts = count_ngrams(stretches, path.parent / "counts", breaks=[0], vocabulary=6_000, part_places=200_000)
assert counts.total == 3_000_000
size = sum(file.stat().st_size for file in (path.parent / "counts").iterdir())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used, size // 1024)
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    taken, tables = map(int, shown.stdout.split())
    assert taken < 64_000 < tables


def test_text_of_breaks_alone_leaves_every_token_equally_likely(counted):
    model = NgramModel(counts=counted(np.array([BREAK, BREAK])), cache_share=0.0)
    assert model.distribution([1], Cache()) == pytest.approx(np.full(VOCABULARY, 1 / VOCABULARY))


def test_likeliest_tokens_repeat_what_was_learned(counted):
    model = NgramModel(counts=counted(np.array([1, 2, 3, 4, 5, 6] * 20)), cache_share=0.1)
    assert list(islice(model.greedy([1, 2], Cache()), 5)) == [3, 4, 5, 6, 1]


def test_bits_are_those_of_the_chances_before_each_token(counted):
    window = [int(token) for token in stream(seed=3, length=40) if token != BREAK]
    model = NgramModel(counts=counted(stream()))
    cache, bits = Cache(), 0.0
    for place, token in enumerate(window):
        if place:
            bits -= np.log2(model.distribution(window[:place], cache)[token])
        cache.add(token)
    assert model.bits([window]) == pytest.approx(bits)


def test_tuning_never_takes_more_bits_on_what_it_was_tuned_on(counted):
    windows = [[int(token) for token in stream(seed=s, length=60) if token != BREAK] for s in range(4)]
    model = NgramModel(counts=counted(stream(seed=9)), discount=0.9, cache_share=0.7)
    assert model.tuned(windows).bits(windows) < model.bits(windows)


def test_text_that_repeats_itself_is_tuned_to_a_heavy_cache_and_a_learned_one_to_a_light(counted):
    learned = [int(token) for token in stream() if token != BREAK]
    foreign = [3, 9, 3, 9, 9, 1, 7, 7, 2] * 12
    model = NgramModel(counts=counted(stream()))
    assert model.tuned([foreign]).cache_share > 0.5
    assert model.tuned([learned[:60]]).cache_share < 0.3
