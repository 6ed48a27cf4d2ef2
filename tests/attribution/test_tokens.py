import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attribution.fingerprint.tokens import tokenize, tokenize_words

ANY_TEXT = st.binary(max_size=400) | st.text("ab1_ \n\t(.)=é", max_size=200).map(str.encode)
TOKEN = re.compile(rb"[A-Za-z0-9_\x80-\xff]+|[^A-Za-z0-9_\x80-\xff \t\r\n\f\v\0]")


@given(ANY_TEXT)
def test_tokens_are_words_and_single_punctuation_with_their_places(content: bytes) -> None:
    tokens = tokenize(content)
    expected = list(TOKEN.finditer(content))
    assert tokens.starts.tolist() == [m.start() for m in expected]
    assert tokens.lines.tolist() == [content.count(b"\n", 0, m.start()) + 1 for m in expected]


@given(ANY_TEXT)
def test_equal_tokens_have_equal_hashes_and_others_differ(content: bytes) -> None:
    texts = [m[0] for m in TOKEN.finditer(content)]
    hashes = tokenize(content).hashes.tolist()
    assert len(set(zip(texts, hashes, strict=True))) == len(set(texts)) == len(set(hashes))


@given(st.binary(max_size=50), ANY_TEXT)
def test_the_hash_of_a_token_does_not_depend_on_where_it_stands(before: bytes, content: bytes) -> None:
    alone = tokenize(content).hashes
    together = tokenize(before + b"\n" + content).hashes
    assert np.array_equal(together[len(together) - len(alone) :], alone)


def test_tokens_far_into_a_large_file_hash_like_those_at_its_start() -> None:
    """The file is larger than the chunk in which hashes are summed."""
    line = b"value = compute(item, 42)\n"
    tokens = tokenize(line * 40_000)
    per_line = len(tokenize(line))
    assert len(tokens) == per_line * 40_000
    assert np.array_equal(tokens.hashes.reshape(-1, per_line)[0], tokens.hashes.reshape(-1, per_line)[-1])
    assert len(np.unique(tokens.hashes)) == len(np.unique(tokenize(line).hashes))


def test_a_token_longer_than_a_chunk_is_still_one_token() -> None:
    assert len(tokenize(b"x" * 600_000 + b" y")) == 2


@given(ANY_TEXT)
def test_line_counts_are_those_of_an_editor(content: bytes) -> None:
    expected = len(content.split(b"\n")) - (content.endswith(b"\n") or not content)
    assert tokenize(content).line_count == expected


@given(ANY_TEXT)
def test_words_are_what_splitting_on_non_word_characters_leaves(content: bytes) -> None:
    words = re.findall(rb"[A-Za-z0-9_\x80-\xff]+", content)
    assert len(tokenize_words(content)) == len(words)
