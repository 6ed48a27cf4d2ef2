from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from training.errors import TokenizerError
from training.tokenizer import (
    byte_lengths,
    control_ids,
    fingerprint,
    load_tokenizer,
    padded_vocabulary,
    save_tokenizer,
    train_tokenizer,
)

TEXTS = ["def f(x):\n    return x + 12\n", "class A:\r\n\tpass\r\n", "naïve = '漢字'  # 😀\n"] * 5


@pytest.fixture(scope="module")
def tokenizer(prepared: Path) -> Tokenizer:
    return load_tokenizer(prepared / "tokenizer.json")


def test_control_tokens_have_the_ids_of_starcoder2(tokenizer):
    spelled = ["<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<repo_name>"]
    assert [tokenizer.token_to_id(t) for t in [*spelled, "<file_sep>", "<issue_start>"]] == list(range(8))
    assert control_ids(tokenizer).format.name == "starcoder2"


def test_vocabulary_has_the_size_that_was_asked_for_even_if_the_text_yields_too_few_merges():
    assert train_tokenizer(TEXTS, vocabulary=1024).get_vocab_size() == 1024


@pytest.mark.parametrize("size", [1000, 128])
def test_vocabulary_that_is_no_multiple_of_128_or_lacks_room_for_bytes_is_refused(size):
    with pytest.raises(ValueError, match="multiple of 128"):
        train_tokenizer(TEXTS, vocabulary=size)


@given(text=st.text())
def test_any_text_survives_a_round_trip(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_byte_lengths_add_up_to_the_bytes_of_the_text(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert byte_lengths(tokenizer)[ids].sum() == len(text.encode())


def test_text_that_spells_a_control_token_stays_text(tokenizer):
    ids = tokenizer.encode("x = '<fim_middle>' # <|endoftext|>", add_special_tokens=False).ids
    assert not set(ids) & control_ids(tokenizer).stops


def test_each_digit_is_a_token_of_its_own(tokenizer):
    assert len(tokenizer.encode("2026", add_special_tokens=False).ids) == 4


def test_fingerprint_tells_tokenizers_apart_and_survives_the_disk(tokenizer, tmp_path):
    other = train_tokenizer(TEXTS, vocabulary=512)
    save_tokenizer(other, tmp_path / "tokenizer.json")
    assert fingerprint(load_tokenizer(tmp_path / "tokenizer.json")) == fingerprint(other)
    assert fingerprint(other) != fingerprint(tokenizer)


def test_file_that_is_no_tokenizer_is_one_clear_sentence(tmp_path):
    path = tmp_path / "tokenizer.json"
    with pytest.raises(TokenizerError, match=r"no such file; make one with: sc-attrib train tokenizer"):
        load_tokenizer(path)
    path.write_text("{}")
    with pytest.raises(TokenizerError, match=r"not a tokenizer\.json"):
        load_tokenizer(path)


def test_vocabulary_without_control_tokens_is_refused():
    from tokenizers import models

    with pytest.raises(TokenizerError, match="no fill-in-the-middle tokens"):
        control_ids(Tokenizer(models.BPE()))


@pytest.mark.parametrize(("ids", "padded"), [(512, 512), (513, 640), (639, 640)])
def test_vocabulary_is_padded_to_a_multiple_of_128(ids, padded):
    tokenizer = train_tokenizer([Path(__file__).read_text("utf-8")], vocabulary=512)
    tokenizer.add_tokens([f"unused{i}unused" for i in range(ids - 512)])
    assert padded_vocabulary(tokenizer) == padded
