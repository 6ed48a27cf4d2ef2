from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.pieces import DocumentMaker, cut_pieces, line_span, random_span
from training.tokenizer import control_ids, load_tokenizer

SOURCE_LINES = st.lists(
    st.sampled_from(["def f(a, b):", "    return a + b", "\tx = '漢字 😀'", "", "# 2026"])
)


@pytest.fixture(scope="module")
def tokenizer(prepared):
    return load_tokenizer(prepared / "tokenizer.json")


def maker(tokenizer, data, *, fim_rate=1.0):
    return DocumentMaker(tokenizer, control_ids(tokenizer), data, fim_rate=fim_rate, stream=0)


def put_together(document, ids):
    """Prefix, middle and suffix ids of a rearranged document, by the published orders."""
    middle_at = document.index(ids.fim_middle)
    assert document[0] == ids.fim_prefix
    assert document[-1] == ids.end_of_text
    if document[1] == ids.fim_suffix:  # SPM: prefix and middle are one run
        return document[middle_at + 1 : -1] + document[2:middle_at]
    suffix_at = document.index(ids.fim_suffix)
    return document[1:suffix_at] + document[middle_at + 1 : -1] + document[suffix_at + 1 : middle_at]


@given(lines=SOURCE_LINES, limit=st.integers(1, 200))
def test_pieces_are_the_text_again_when_put_together(tokenizer, lines, limit):
    text = "\n".join(lines)
    pieces = list(cut_pieces(tokenizer, text, 200, draw_limit=lambda: limit))
    assert "".join(p.text for p in pieces) == text
    assert [p.ends_file for p in pieces[:-1]] == [False] * len(pieces[:-1])
    assert all(p.ends_file for p in pieces[-1:])


def test_line_longer_than_a_row_is_left_out_and_its_neighbours_are_not_joined(tokenizer):
    text = "a = 1\n" + "b = '" + "0" * 500 + "'\n" + "c = 3\n"
    pieces = cut_pieces(tokenizer, text, 100, draw_limit=lambda: 100)
    assert [p.text for p in pieces] == ["a = 1\n", "c = 3\n"]


def test_line_longer_than_the_drawn_limit_stands_alone(tokenizer):
    text = "a = 1\n" + "b = '" + "0" * 50 + "'\n" + "c = 3\n"
    pieces = cut_pieces(tokenizer, text, 100, draw_limit=lambda: 10)
    assert [p.text for p in pieces] == text.splitlines(keepends=True)


def test_orders_are_as_often_as_the_recipe_says(tokenizer, recipe_data):
    text = "def f(a, b):\n    return a + b\n" * 2000
    ids = control_ids(tokenizer)
    for psm_rate in (0.0, 0.5, 1.0):
        made = maker(tokenizer, replace(recipe_data, psm_rate=psm_rate)).documents(text)
        orders = [document[1] != ids.fim_suffix for document in made if document[0] == ids.fim_prefix]
        assert len(orders) > 50
        assert abs(sum(orders) / len(orders) - psm_rate) < 0.25


@given(lines=SOURCE_LINES.filter(any), seed=st.integers(0, 10_000))
def test_rearranged_document_holds_the_whole_text(tokenizer, recipe_data, lines, seed):
    text = "\n".join(lines)[:150]
    data = replace(recipe_data, seed=seed, row_tokens=512)
    ids = control_ids(tokenizer)
    documents = list(maker(tokenizer, data).documents(text))
    assert (
        "".join(tokenizer.decode(put_together(d, ids), skip_special_tokens=False) for d in documents) == text
    )


@pytest.fixture(scope="module")
def recipe_data(request):
    from training.recipes.recipe import DataRecipe

    return DataRecipe(row_tokens=128)


def test_half_of_the_pieces_of_real_code_are_rearranged_and_half_of_those_put_the_suffix_first(
    tokenizer, recipe_data, files
):
    ids = control_ids(tokenizer)
    made = maker(tokenizer, recipe_data, fim_rate=recipe_data.fim_rate)
    documents = [d for file in files for d in made.documents(file.content.decode())]
    rearranged = [d for d in documents if d[0] == ids.fim_prefix]
    suffix_first = [d for d in rearranged if d[1] == ids.fim_suffix]
    assert max(map(len, documents)) <= recipe_data.row_tokens
    assert len(documents) > 1000
    assert len(rearranged) / len(documents) == pytest.approx(0.5, abs=0.05)
    assert len(suffix_first) / len(rearranged) == pytest.approx(0.5, abs=0.07)


def test_plain_document_ends_with_end_of_text_only_where_the_file_ends(tokenizer, recipe_data, files):
    ids = control_ids(tokenizer)
    text = max((f.content.decode() for f in files), key=len)
    documents = list(maker(tokenizer, recipe_data, fim_rate=0.0).documents(text))
    assert [d[-1] == ids.end_of_text for d in documents] == [False] * (len(documents) - 1) + [True]


def test_same_seed_makes_the_same_documents(tokenizer, recipe_data, files):
    text = files[3].content.decode()
    first, again = (list(maker(tokenizer, recipe_data).documents(text)) for _ in range(2))
    other = list(maker(tokenizer, replace(recipe_data, seed=1)).documents(text))
    assert first == again
    assert first != other


@given(lines=SOURCE_LINES.filter(lambda lines: any(line.strip() for line in lines)), seed=st.integers(0, 999))
def test_middle_of_a_line_span_is_the_rest_of_one_line(lines, seed):
    text = "\r\n".join(lines)
    start, end = line_span(text, np.random.default_rng(seed))
    assert start < end
    assert "\n" not in text[start:end]
    assert "\r" not in text[start:end]
    assert text[end : end + 2] in ("\r\n", "")


@given(text=st.sampled_from(["", "\n", "  \n\t\n"]), seed=st.integers(0, 99))
def test_blank_text_has_a_span_too(text, seed):
    start, end = line_span(text, np.random.default_rng(seed))
    assert 0 <= start <= end <= len(text)


def test_random_span_reaches_both_ends():
    spans = [random_span("abc", np.random.default_rng(seed)) for seed in range(200)]
    assert {start for start, _ in spans} == {end for _, end in spans} == {0, 1, 2, 3}
