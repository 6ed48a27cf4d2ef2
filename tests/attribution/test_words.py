"""The words of a text."""

import re
import time
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attribution.fingerprint.words import word_counts
from attribution.model import SourceFile

_WORD = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")


def counts_by_words(content: bytes) -> Counter[bytes]:
    """The same by regular expression: word → count."""
    return Counter(w for w in _WORD.findall(content.lower()) if len(w) > 1)


def key_of(word: bytes) -> int:
    (key,) = word_counts(word)[0].tolist()
    return key


@given(st.text(alphabet="ab_AZ09 .\n\té\0\udc80", max_size=300))
def test_every_word_is_counted_under_a_key_of_its_own(text: str) -> None:
    content = text.encode("utf-8", "surrogateescape")
    keys, counts = word_counts(content)
    expected = {key_of(word): count for word, count in counts_by_words(content).items()}
    assert dict(zip(keys.tolist(), counts.tolist(), strict=True)) == expected


def test_real_files_have_no_two_words_under_one_key(real_files: list[SourceFile]) -> None:
    known: dict[int, bytes] = {}
    for file in real_files[:200]:
        words = counts_by_words(file.content)
        keys, counts = word_counts(file.content)
        assert sorted(counts.tolist()) == sorted(words.values())
        for word in words:
            assert known.setdefault(key_of(word), word) == word
        assert set(keys.tolist()) <= known.keys()


def test_keys_ascend_are_distinct_and_have_forty_bits(real_files: list[SourceFile]) -> None:
    keys, counts = word_counts(b"\n".join(file.content for file in real_files[:50]))
    assert keys.dtype == np.uint64
    assert counts.dtype == np.uint32
    assert (keys[1:] > keys[:-1]).all()
    assert 0 < int(keys[0]) <= int(keys[-1]) < 1 << 40
    assert int(counts.min()) >= 1


def test_case_and_white_space_do_not_matter() -> None:
    for ours, theirs in zip(
        word_counts(b"def  Foo_Bar(x1):\r\n"), word_counts(b"DEF\tfoo_bar ( X1 ) :"), strict=True
    ):
        assert ours.tolist() == theirs.tolist()


def test_single_letters_and_digits_are_left_out() -> None:
    assert len(word_counts(b"i = x + 1 - 5 * _ . , ()")[0]) == 0
    assert len(word_counts(b"1e5 0x1f 1234")[0]) == 3


def test_hostile_texts_take_no_longer_than_others() -> None:
    """Ten million bytes as one word, as one word repeated, as NULs, as a million different words."""
    different = b" ".join(b"%x_" % (n * 0x9E3779B1) for n in range(1_000_000))
    for content in (b"x" * 10_000_000, b"ab " * 3_300_000, bytes(10_000_000), different, b""):
        started = time.process_time()
        keys, _ = word_counts(content)
        assert time.process_time() - started < 3
        assert len(keys) == len(set(content.split())) - (1 if content.startswith(b"\0") else 0)
