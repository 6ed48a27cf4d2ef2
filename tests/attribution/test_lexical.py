"""BM25 over words: equal to rank-bm25, whatever the split, and bounded."""

import math
import random
import threading
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from attribution import lexical
from attribution.errors import IndexCorruptError
from attribution.fingerprint.tokens import tokenize
from attribution.fingerprint.words import word_counts
from attribution.index.arrays import ArrayFile, write_arrays
from attribution.index.builder import build_index
from attribution.index.index import Index
from attribution.index.words import MAX_FREQUENCY, WordLane
from attribution.lexical import Ranked, rank
from attribution.model import SourceFile


def word_table(texts: list[bytes]) -> dict[str, np.ndarray]:
    """The posting table of words as the format has it, written with Python's integers."""
    payload_bits = max(1, len(texts)).bit_length() + 4
    records = sorted(
        (key, document << 4 | min(count, MAX_FREQUENCY))
        for document, text in enumerate(texts)
        for key, count in zip(*(values.tolist() for values in word_counts(text)), strict=True)
    )
    bits = max(1, math.floor(math.log2(max(1, len(records) / 16))))
    low, width = 40 - bits, 40 - bits + payload_bits
    packed = 0
    for number, (key, payload) in enumerate(records):
        packed |= ((key & (1 << low) - 1) << payload_bits | payload) << (number * width)
    firsts = Counter(key >> low for key, _ in records)
    buckets = np.cumsum([0, *(firsts[bucket] for bucket in range(1 << bits))])
    size = (len(records) * width + 7) // 8 + 8
    return {
        "words_shape": np.array([len(records), bits, payload_bits, 0], dtype="<u8"),
        "words_buckets": buckets.astype("<u4"),
        "words_records": np.frombuffer(packed.to_bytes(size, "little"), dtype=np.uint8),
        "token_counts": np.array([len(tokenize(text)) for text in texts], dtype="<u4"),
    }


def lane_of(path: Path, texts: list[bytes], **options: np.ndarray) -> WordLane:
    write_arrays(path, word_table(texts))
    return WordLane(ArrayFile(path), **options)


class Oracle(BM25Okapi):
    """rank-bm25 with Lucene's idf, which is never negative, and our lengths in tokens of all kinds."""

    def _calc_idf(self, frequencies: dict[int, int]) -> None:
        for word, frequency in frequencies.items():
            self.idf[word] = math.log(1 + (self.corpus_size - frequency + 0.5) / (frequency + 0.5))

    @classmethod
    def of(cls, texts: list[bytes]) -> "Oracle":
        oracle = cls(
            [
                [key for key, count in zip(*word_counts(t), strict=True) for _ in range(min(count, 15))]
                for t in texts
            ],
            k1=lexical.SATURATION,
            b=lexical.LENGTH_SHARE,
        )
        oracle.doc_len = [len(tokenize(text)) for text in texts]
        oracle.avgdl = max(1, sum(oracle.doc_len) / len(texts))
        return oracle

    def best(self, query: bytes, limit: int) -> list[tuple[int, float]]:
        scores = self.get_scores(word_counts(query)[0])
        order = sorted(np.flatnonzero(scores).tolist(), key=lambda document: (-scores[document], document))
        return [(document, float(scores[document])) for document in order[:limit]]


def assert_same_ranking(found: list[Ranked], expected: list[tuple[int, float]]) -> None:
    assert [r.score for r in found] == pytest.approx([score for _, score in expected])
    ties = Counter(round(score, 9) for _, score in expected)
    for ours, (document, score) in zip(found, expected, strict=True):
        assert ours.document == document or ties[round(score, 9)] > 1


def test_real_files_are_ranked_as_rank_bm25_ranks_them(real_files: list[SourceFile], tmp_path: Path) -> None:
    texts = [file.content for file in real_files[:400]]
    build_index(tmp_path / "index", real_files[:400])
    (segment,) = Index.open(tmp_path / "index").segments
    distinct = [segment.documents.digest(number) for number in range(len(segment.documents))]
    by_digest = {file.swhid.digest: file.content for file in real_files[:400]}
    oracle = Oracle.of([by_digest[digest] for digest in distinct])
    chance = random.Random(1)
    for text in chance.sample(texts, 40):
        lines = text.split(b"\n")
        at = chance.randrange(len(lines))
        query = b"\n".join(lines[at : at + 20])
        assert segment.words is not None
        found = rank([segment.words], query, limit=10, postings=1 << 40)
        assert_same_ranking(found, oracle.best(query, 10))


def test_the_index_holds_the_table_that_the_format_describes(
    real_files: list[SourceFile], tmp_path: Path
) -> None:
    files = real_files[:40]
    build_index(tmp_path / "index", files)
    (segment,) = Index.open(tmp_path / "index").segments
    assert segment.words is not None
    texts = list({file.swhid.digest: file.content for file in files}.values())
    plain = lane_of(tmp_path / "plain", texts)
    for text in texts[:10]:
        keys, _ = word_counts(text)
        ours, expected = segment.words.ranges(keys), plain.ranges(keys)
        assert np.diff(ours, axis=1).tolist() == np.diff(expected, axis=1).tolist()
        assert rank([segment.words], text, limit=5) == rank([plain], text, limit=5)


WORDS = st.sampled_from([b"alpha", b"beta", b"gamma", b"delta", b"omega", b"if", b"x"])
TEXTS = st.lists(st.lists(WORDS, max_size=20).map(b" ".join), min_size=1, max_size=12)


@given(TEXTS, st.lists(WORDS, min_size=1, max_size=6).map(b" ".join), st.data())
@settings(max_examples=60, deadline=None)
def test_any_split_of_an_index_gives_the_same_ranking(tmp_path_factory, texts, query, data) -> None:
    """The scores too, to the last bit."""
    folder = tmp_path_factory.mktemp("split")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(texts)), max_size=3)))
    bounds = [0, *cuts, len(texts)]
    parts = [texts[a:b] for a, b in pairwise(bounds)]
    whole = lane_of(folder / "whole", texts)
    lanes = [lane_of(folder / str(number), part) for number, part in enumerate(parts)]
    limit = data.draw(st.integers(1, 14))
    postings = data.draw(st.integers(1, 30))
    together = rank([whole], query, limit=limit, postings=postings)
    apart = rank(lanes, query, limit=limit, postings=postings)
    assert [(bounds[r.segment] + r.document, r.score) for r in apart] == [
        (r.document, r.score) for r in together
    ]


@given(TEXTS, st.lists(WORDS, min_size=1, max_size=6).map(b" ".join))
@settings(max_examples=60, deadline=None)
def test_small_indexes_are_ranked_as_rank_bm25_ranks_them(tmp_path_factory, texts, query) -> None:
    lane = lane_of(tmp_path_factory.mktemp("small") / "arrays.bin", texts)
    if any(len(word_counts(text)[0]) for text in texts):  # rank-bm25 cannot do without
        found = rank([lane], query, limit=20, postings=1 << 40)
        assert_same_ranking(found, Oracle.of(texts).best(query, 20))


def test_rare_words_are_read_first_and_one_always(tmp_path: Path) -> None:
    texts = [b"everywhere often%d" % (n % 5) for n in range(100)]
    texts[42] += b" unique"
    lane = lane_of(tmp_path / "arrays.bin", texts)
    query = b"everywhere often2 unique"
    assert len(rank([lane], query, limit=200)) == 100
    assert {r.document for r in rank([lane], query, limit=200, postings=21)} == {*range(2, 100, 5), 42}
    assert [r.document for r in rank([lane], query, limit=200, postings=20)] == [42]
    assert len(rank([lane], b"everywhere", limit=200, postings=1)) == 100


def test_nothing_is_found_for_nothing(tmp_path: Path) -> None:
    lane = lane_of(tmp_path / "arrays.bin", [b"some words", b""])
    assert rank([lane], b"", limit=5) == rank([lane], b"unknown", limit=5) == rank([], b"some", limit=5) == []
    assert rank([lane], b"some", limit=0) == []
    empty = lane_of(tmp_path / "empty.bin", [b"", b" . "])
    assert rank([empty], b"some", limit=5) == []


def test_removed_documents_are_not_answered(tmp_path: Path) -> None:
    hidden = np.array([0, 1, 0], dtype=np.uint8)
    lane = lane_of(tmp_path / "arrays.bin", [b"same words", b"same words", b"same words"], hidden=hidden)
    assert [r.document for r in rank([lane], b"same", limit=5)] == [0, 2]


def test_a_flipped_byte_is_refused_with_the_name_of_the_file(tmp_path: Path) -> None:
    texts = [b" ".join(b"w%d" % (n * 7 % 211 + k) for k in range(40)) for n in range(300)]
    write_arrays(tmp_path / "arrays.bin", word_table(texts))
    whole = (tmp_path / "arrays.bin").read_bytes()
    places = ArrayFile(tmp_path / "arrays.bin")
    for name in ("words_buckets", "words_records", "token_counts"):
        offset = places[name].offset
        for at in range(offset, offset + places[name].all().nbytes, 997):
            (tmp_path / "bad.bin").write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
            with pytest.raises(IndexCorruptError, match=r"bad\.bin"):
                lane = WordLane(ArrayFile(tmp_path / "bad.bin"))
                rank([lane], b" ".join(texts), limit=5, postings=1 << 40)
    assert rank([WordLane(places)], texts[7], limit=1)[0].document == 7  # the room for scores is zero again


def test_a_crafted_table_reads_nothing_outside_its_arrays(tmp_path: Path) -> None:
    """Documents beyond the last, buckets beyond the records, all under right checksums."""
    chance = np.random.default_rng(5)
    texts = [b"alpha beta gamma", b"alpha", b"gamma delta"] * 20
    for number in range(40):
        arrays = {name: array.copy() for name, array in word_table(texts).items()}
        for name in ("words_buckets", "words_records"):
            raw = arrays[name].view(np.uint8)
            raw[chance.integers(0, len(raw), 8)] = chance.integers(0, 256, 8)
        path = tmp_path / f"{number}.bin"
        write_arrays(path, arrays)
        lane = WordLane(ArrayFile(path))
        try:
            found = rank([lane], b"alpha beta gamma delta", limit=500)
        except IndexCorruptError:
            continue
        assert all(r.document < len(texts) for r in found)


def test_threads_rank_at_once(tmp_path: Path) -> None:
    texts = [b" ".join(b"w%d" % (n * 7 % 211 + k) for k in range(40)) for n in range(500)]
    lane = lane_of(tmp_path / "arrays.bin", texts)
    expected = [rank([lane], text, limit=5) for text in texts[:50]]
    wrong: list[int] = []

    def work() -> None:
        wrong.extend(n for n in range(50) for _ in range(4) if rank([lane], texts[n], limit=5) != expected[n])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
