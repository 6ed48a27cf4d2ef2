import difflib
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attribution.align import Sketched, align, common_subsequence, tightest_alignment
from attribution.chain import Hits, chain_hits
from attribution.fingerprint.lines import BLANK, line_sketches
from attribution.fingerprint.tokens import TokenStream, tokenize
from attribution.span import Span

SEQUENCES = st.lists(st.integers(1, 5), max_size=25)


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
def test_the_tightest_alignment_is_as_long_and_no_wider(left, right) -> None:
    plain, tight = common_subsequence(left, right), tightest_alignment(left, right)
    assert len(tight) == len(plain)
    assert all(left[i] == right[j] for i, j in tight)
    if tight:
        assert tight[-1][1] - tight[0][1] <= plain[-1][1] - plain[0][1]


def sketched(tokens: TokenStream) -> Sketched:
    return Sketched.of(line_sketches(tokens))


def test_ranges_grow_over_equal_lines_and_blank_ones_between() -> None:
    text = b"a = 1\n\nb = 2\nc = 3\n\nd = 4\n"
    query = sketched(tokenize(b"x\n" + text + b"y\n"))
    source = sketched(tokenize(b"p\nq\n" + text.replace(b"\n\n", b"\n") + b"r\n"))
    found = align(query, source, query_span=Span(4, 5), source_span=Span(4, 5))
    assert (found.query, found.source) == (Span(2, 7), Span(3, 6))
    assert found.equal_query_lines == (2, 4, 5, 7)
    assert found.differing_source_lines == 0


def test_loose_ends_of_the_source_range_are_cut() -> None:
    query = sketched(tokenize(b"a\nb\nc\n"))
    source = sketched(tokenize(b"z\n" * 9 + b"a\nb\nc\n" + b"z\n" * 9))
    found = align(query, source, query_span=Span(1, 3), source_span=Span(2, 20))
    assert found.source == Span(10, 12)


def test_sketches_ignore_layout_and_tell_lines_apart(stdlib) -> None:
    lines = (stdlib / "argparse.py").read_bytes().splitlines()
    sketches = line_sketches(tokenize(b"\n".join(b"\t " + line.replace(b" ", b"   ") for line in lines)))
    assert np.array_equal(sketches, line_sketches(tokenize(b"\n".join(lines))))
    distinct = {line.strip() for line in lines if line.strip()}
    assert len(set(sketches.tolist())) > 0.97 * len(distinct)
    assert all(
        (sketch & 0xFF == BLANK) == (not line.strip()) for sketch, line in zip(sketches, lines, strict=True)
    )


def test_an_empty_text_has_no_sketch() -> None:
    assert len(line_sketches(tokenize(b""))) == 0
    assert line_sketches(tokenize(b"\n\n")).tolist() == [BLANK, BLANK]


def hits(*rows: tuple[int, int, int, int]) -> Hits:
    columns = [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]
    return Hits(positions=columns[0], query_lines=columns[1], documents=columns[2], source_lines=columns[3])


def test_hits_on_one_diagonal_make_one_chain_and_documents_stay_apart() -> None:
    chains = chain_hits(hits((0, 1, 7, 101), (10, 2, 7, 102), (0, 1, 8, 5), (20, 3, 7, 103)), seed_tokens=8)
    assert len(chains) == 2
    assert chains.members(0).source_lines.tolist() == [101, 102, 103]
    assert chains.covered_tokens.tolist() == [24, 8]


def test_a_long_gap_in_the_query_ends_a_chain() -> None:
    chains = chain_hits(hits((0, 1, 7, 1), (500, 50, 7, 50)), seed_tokens=8)
    assert len(chains) == 2


def test_repetitive_code_is_chained_on_the_true_diagonal() -> None:
    """Every line equals every other: the hits form a square, the copy is its diagonal."""
    square = [(10 * q, q, 0, 100 + s) for q in range(1, 9) for s in range(1, 9)]
    chains = chain_hits(hits(*square), seed_tokens=8)
    assert len(chains) == 1
    assert chains.members(0).source_lines.tolist() == [101, 102, 103, 104, 105, 106, 107, 108]


def test_alignment_agrees_with_difflib_on_a_real_edit(stdlib) -> None:
    old = (stdlib / "textwrap.py").read_bytes()
    new = old.replace(b"width", b"columns")
    a, b = sketched(tokenize(new)), sketched(tokenize(old))
    found = align(a, b, query_span=Span(1, len(a.sketches)), source_span=Span(1, len(b.sketches)))
    code = (
        [x.split() for x in new.splitlines() if x.split()],
        [x.split() for x in old.splitlines() if x.split()],
    )
    keys = [[b" ".join(words) for words in side] for side in code]
    expected = sum(
        block.size for block in difflib.SequenceMatcher(None, *keys, autojunk=False).get_matching_blocks()
    )
    assert abs(len(found.equal_query_lines) - expected) <= 2
