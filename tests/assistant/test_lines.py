"""Lines tokenised one by one are the whole text, in every vocabulary of the family."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.backends.lines import MOST_LINES, LineTokens, batches_of, end_of_last_line, lines_of
from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.models import DEFAULT_MODEL, ModelOptions

SOURCE = Path(argparse.__file__).read_text("utf-8")
texts = st.text(st.sampled_from("ab1 ()\t\n\r\x0b\x0c\x1c\x85\xa0\u2028é_'\N{DUCK}"), max_size=60)


@pytest.fixture(scope="module")
def model():
    """llama.cpp itself, without what is remembered of lines."""
    backend = LlamaCppBackend.open(DEFAULT_MODEL, ModelOptions(threads=1))
    yield backend._model
    asyncio.run(backend.close())


def test_the_ids_of_real_code_are_those_of_the_whole_text(model):
    for text in (SOURCE, SOURCE.replace("\n", "\r\n"), SOURCE.replace("    ", "\t")):
        lines = LineTokens(model.tokenize, model.piece)
        assert lines.ids(text) == model.tokenize(text)
        assert lines.ids(text) == model.tokenize(text), "as it is remembered"


@settings(max_examples=500)
@given(texts)
def test_the_ids_of_any_text_are_those_of_the_whole_text(model, text):
    lines = LineTokens(model.tokenize, model.piece)
    for part in (text[: len(text) // 2], text, text[len(text) // 2 :]):
        assert lines.ids(part) == model.tokenize(part)


@given(texts, st.integers(1, 20))
def test_lines_and_batches_are_the_whole_text(text, characters):
    assert "".join(lines_of(text)) == text
    assert "".join(batches_of(text, characters)) == text
    longest = max(map(len, lines_of(text)))
    assert all(len(batch) <= max(characters, longest) for batch in batches_of(text, characters))


@given(texts)
def test_the_last_line_begins_where_the_text_parts_for_the_last_time(text):
    *above, last = lines_of(text)
    assert end_of_last_line(text) == (len(text) - len(last) if above else 0)


def test_a_line_is_tokenised_once_and_forgotten_when_there_are_too_many():
    asked: list[str] = []

    def tokenize(text: str) -> list[int]:
        asked.append(text)
        return list(text.encode())

    lines = LineTokens(tokenize, lambda token: bytes([token]))
    lines.ids("x = 1\ny = 2")
    assert asked == ["x = 1\ny = 2"], "what is new is tokenised at once"
    asked.clear()
    lines.ids("x = 1\ny = 2\nz")
    assert asked == ["\nz"]
    for number in range(MOST_LINES + 10):
        lines.ids(f"a{number}")
    assert len(lines._known) == MOST_LINES
    asked.clear()
    lines.ids("x = 1")
    assert asked == ["x = 1"]


def test_a_vocabulary_that_joins_lines_is_left_to_do_so():
    """Such as those whose pattern takes line ends to the bracket before them."""

    def tokenize(text: str) -> list[int]:
        return list(text.replace(")\n", "\x01").encode())

    def piece(token: int) -> bytes:
        return b")\n" if token == 1 else bytes([token])

    lines = LineTokens(tokenize, piece)
    assert lines.ids("a\nf()\nb\nc") == tokenize("a\nf()\nb\nc")
    assert lines.ids("a\nf()\nb\nc") == tokenize("a\nf()\nb\nc")
    assert set(lines._known) == {"a"}
