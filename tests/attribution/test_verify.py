"""Exact comparison of two texts: what is equal, and which name stands for which."""

import inspect
import json
import random
import re
import textwrap
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution import verify
from attribution.fingerprint.tokens import tokenize
from attribution.span import Span
from attribution.verify import Excerpt, Excerpts, align_symbols, compare

SYMBOLS = st.lists(st.integers(0, 6), max_size=60)


def comparison(query: bytes, source: bytes) -> verify.Comparison:
    return compare(Excerpt.of(query), Excerpt.of(source))


def length_of_common_subsequence(left: list[int], right: list[int]) -> int:
    """By dynamic programming."""
    row = [0] * (len(right) + 1)
    for a in left:
        before = row
        row = [0]
        for column, b in enumerate(right):
            row.append(before[column] + 1 if a == b else max(before[column + 1], row[column]))
    return row[-1]


@given(SYMBOLS, SYMBOLS)
def test_the_alignment_is_common_ascending_and_as_long_as_can_be(left, right) -> None:
    pairs = align_symbols(np.array(left, dtype=np.int64), np.array(right, dtype=np.int64)).tolist()
    assert all(left[a] == right[b] for a, b in pairs)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))
    assert len(pairs) == length_of_common_subsequence(left, right)


@given(st.lists(st.integers(0, 40), max_size=300), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_a_long_text_cut_at_anchors_is_still_aligned_in_order(symbols, chance) -> None:
    """With so little room for the exact comparison that every text is a long one."""
    edited = [s for s in symbols if chance.random() < 0.95]
    before, verify._MOST_WORDS = verify._MOST_WORDS, 64
    try:
        pairs = align_symbols(np.array(symbols, dtype=np.int64), np.array(edited, dtype=np.int64)).tolist()
    finally:
        verify._MOST_WORDS = before
    assert all(symbols[a] == edited[b] for a, b in pairs)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_two_texts_can_be_compared(query: bytes, source: bytes) -> None:
    found = comparison(query, source)
    assert 0 <= found.similarity <= found.renamed_similarity <= 1
    assert 0 <= found.containment <= found.renamed_containment <= 1
    names = [r.source for r in found.renames], [r.query for r in found.renames]
    assert all(len(set(side)) == len(side) for side in names)


@given(st.binary(max_size=300))
def test_a_text_is_wholly_contained_in_itself(content: bytes) -> None:
    found = comparison(content, content)
    assert found.renames == ()
    if len(tokenize(content)):
        assert found.similarity == found.containment == found.renamed_similarity == 1


FUNCTION = textwrap.dedent(inspect.getsource(json.dumps)).encode()
NAMES = {
    b"skipkeys": b"leave_out",
    b"cls": b"encoder_type",
    b"obj": b"thing",
    b"indent": b"margin",
    b"kw": b"options",
}


def rename(code: bytes, names: dict[bytes, bytes]) -> bytes:
    return re.sub(rb"[A-Za-z_]\w*", lambda match: names.get(match[0], match[0]), code)


def test_renamed_code_gives_back_the_renames_of_real_code() -> None:
    found = comparison(rename(FUNCTION, NAMES), FUNCTION)
    expected = {source.decode(): query.decode() for source, query in NAMES.items()}
    assert {r.source: r.query for r in found.renames} == expected
    assert all(r.conflicts == 0 for r in found.renames)
    assert {r.source: r.count for r in found.renames}["skipkeys"] == len(
        re.findall(rb"\bskipkeys\b", FUNCTION)
    )
    assert found.similarity < 0.96
    assert found.renamed_similarity == found.renamed_containment == 1
    counts = [r.count for r in found.renames]
    assert counts == sorted(counts, reverse=True)


def test_two_names_that_changed_places_are_seen() -> None:
    swapped = rename(FUNCTION, {b"indent": b"separators", b"separators": b"indent"})
    found = {(r.source, r.query) for r in comparison(swapped, FUNCTION).renames}
    assert found == {("indent", "separators"), ("separators", "indent")}


def test_an_inconsistent_renaming_is_counted_as_conflicts() -> None:
    source = b"total = 0\nfor x in xs:\n    total += x\nreturn total\n"
    query = b"total = 0\nfor x in xs:\n    total += x\nreturn other\n"
    assert comparison(query, source).renames == ()
    query = b"sum_ = 0\nfor x in xs:\n    sum_ += x\nreturn other\n"
    (rename_of_total,) = comparison(query, source).renames
    assert (rename_of_total.source, rename_of_total.query) == ("total", "sum_")
    assert (rename_of_total.count, rename_of_total.conflicts) == (2, 1)


def test_edited_and_renamed_code_keeps_its_renames() -> None:
    chance = random.Random(2)
    lines = [line for line in rename(FUNCTION, NAMES).splitlines() if chance.random() > 0.15]
    found = comparison(b"\n".join(lines), FUNCTION)
    mapped = {r.source: r.query for r in found.renames}
    assert mapped["skipkeys"] == "leave_out"
    assert mapped["cls"] == "encoder_type"
    assert found.renamed_containment > 0.97


def test_similarity_and_containment_are_shares_of_equal_tokens() -> None:
    found = comparison(b"a b c d", b"a b x y c z")
    assert found.equal == 3
    assert found.similarity == pytest.approx(6 / 10)
    assert found.containment == pytest.approx(3 / 4)
    empty = comparison(b"", b"")
    assert (empty.similarity, empty.containment, empty.renamed_similarity) == (0, 0, 0)


def test_an_excerpt_is_whole_lines_split_on_line_feeds_only() -> None:
    content = b"one\r\ntwo\x0c\nthree\n"
    assert Excerpt.of(content, Span(2, 2)) == Excerpt(content=b"two\x0c", first_line=2)
    assert Excerpt.of(content, Span(3, 99)).content == b"three\n"
    assert Excerpt.of(content, Span(7, 9)).content == b""
    assert Excerpt.of(content) == Excerpt(content=content)


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"\x0c"]), max_size=12).map(b"".join), st.data())
def test_many_excerpts_of_one_text_are_cut_as_by_splitting_it(content: bytes, data: st.DataObject) -> None:
    cuts = Excerpts(content)
    for _ in range(3):
        first = data.draw(st.integers(0, 9))
        lines = Span(first, first + data.draw(st.integers(0, 9)))
        kept = content.split(b"\n")[max(0, first - 1) : lines.last]
        assert cuts.cut(lines) == Excerpt(content=b"\n".join(kept), first_line=max(1, first))
        assert cuts.cut(lines) == Excerpt.of(content, lines)


def test_hostile_texts_are_compared_in_bounded_time() -> None:
    """A million equal tokens against others, and two long texts without anything to cut them at."""
    chance = random.Random(1)
    two = [b" ".join(chance.choices((b"a", b"b"), k=60_000)) for _ in range(2)]
    for query, source in (
        (b"a " * 1_000_000, b"a " * 500_000 + b"b " * 500_000),
        two,
        (b"(" * 10**6, b")" * 10**6),
    ):
        started = time.process_time()
        comparison(query, source)
        assert time.process_time() - started < 10


def test_a_long_real_file_is_compared_with_its_edited_successor() -> None:
    """Twenty thousand lines: cut at anchors, no edit is lost."""
    chance = random.Random(3)
    lines = [b"v%d = f%d(%d, x)" % (n, chance.randrange(9), chance.randrange(999)) for n in range(20_000)]
    edited = [line for line in lines if chance.random() > 0.1]
    found = comparison(b"\n".join(edited), b"\n".join(lines))
    assert found.containment == 1
