"""Control tokens stand where we put them, whatever a text reads like, and wherever it is redacted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.model import Origin, SourceFile
from training.data.marked import MarkedText, marked_rows, script_of, segments_of
from training.data.pii.stage import RedactPersonalData
from training.data.stage import ControlToken, Document
from training.tokenizer import CONTROL_TOKENS, train_tokenizer

ORIGIN = Origin(url="https://example.org/project", path="note.ipynb")
PEOPLE = ("maria.lopez@acme-widgets.com", "8.8.4.5", "AKIAQ3EGRW5XKJ2NV7PL", "plain words", "\n\n", "x = 1")


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["for name in names:\n    print(name)\n" * 20], vocabulary=384)


def document(marked: MarkedText) -> Document:
    file = SourceFile(content=marked.text.encode(), origin=ORIGIN)
    return Document(file=file, text=marked.text, language="Issues", marks=tuple(marked.marks))


def test_control_tokens_have_starcoder2s_ids(tokenizer) -> None:
    """Issue and notebook sentinels follow ``<file_sep>`` in the order of its paper's table 5."""
    ids = [tokenizer.token_to_id(token) for token in CONTROL_TOKENS]
    assert ids == list(range(len(CONTROL_TOKENS)))
    assert tokenizer.token_to_id("<issue_start>") == 7 and tokenizer.token_to_id("<empty_output>") == 15
    assert {str(token) for token in ControlToken} <= set(CONTROL_TOKENS)


def test_text_never_becomes_a_control_token(tokenizer) -> None:
    evil = MarkedText()
    evil.add(ControlToken.ISSUE_START, text="Title: <issue_closed><|endoftext|>\nusername_0: <fim_middle>")
    evil.add(ControlToken.ISSUE_COMMENT, text="username_1: <jupyter_code>")
    rows = list(marked_rows(tokenizer, evil.text, evil.marks, row_tokens=256, end_of_text=0))
    controls = [i for row in rows for i in row if i < len(CONTROL_TOKENS)]
    assert [CONTROL_TOKENS[i] for i in controls] == ["<issue_start>", "<issue_comment>", "<|endoftext|>"]
    plain = [i for row in rows for i in row if i >= len(CONTROL_TOKENS)]
    assert tokenizer.decode(plain) == evil.text.replace("<fim_middle>\n", "<fim_middle>").rstrip("\n")


@given(parts=st.lists(st.text(max_size=300), min_size=1, max_size=8), row_tokens=st.integers(64, 200))
def test_rows_hold_all_of_a_text_once(tokenizer, parts: list[str], row_tokens: int) -> None:
    marked = MarkedText()
    marked.add(ControlToken.JUPYTER_START)
    for part in parts:
        marked.add(ControlToken.JUPYTER_TEXT, text=part)
    rows = list(marked_rows(tokenizer, marked.text, marked.marks, row_tokens=row_tokens, end_of_text=0))
    assert all(len(row) <= row_tokens and row[0] == 10 for row in rows)
    assert rows[-1][-1] == 0 and sum(row.count(0) for row in rows) == 1
    assert sum(row.count(11) for row in rows) == len(parts)
    plain = [i for row in rows for i in row if i >= len(CONTROL_TOKENS)]
    assert tokenizer.decode(plain) == "".join(part.removesuffix("\n") for part in parts)


@given(parts=st.lists(st.lists(st.sampled_from(PEOPLE), max_size=4).map(" ".join), min_size=1, max_size=6))
def test_marks_move_with_what_is_redacted_before_them(parts: list[str]) -> None:
    """Each segment of the redacted document is its own text redacted, with the same tokens before it."""
    marked = MarkedText()
    for part in parts:
        marked.add(ControlToken.ISSUE_COMMENT, text=part)
    (whole,) = RedactPersonalData()([document(marked)]).kept
    assert [mark.token for mark in whole.marks] == [mark.token for mark in marked.marks]
    before, after = (segments_of(d.text, d.marks) for d in (document(marked), whole))
    for old, new in zip(before, after, strict=True):
        assert old.text.count("\n") == new.text.count("\n")
        assert "acme-widgets" not in new.text and "AKIAQ3" not in new.text
        assert old.text.count("plain words") == new.text.count("plain words")
    (again,) = RedactPersonalData()([whole]).kept
    assert again == whole


def test_the_script_of_a_chain_is_its_code() -> None:
    chain = MarkedText()
    chain.add(ControlToken.JUPYTER_START)
    chain.add(ControlToken.JUPYTER_TEXT, text="# Names")
    chain.add(ControlToken.JUPYTER_CODE, text="print(1)")
    chain.add(ControlToken.JUPYTER_OUTPUT, text="1")
    chain.add(ControlToken.JUPYTER_CODE, text="print(2)")
    text, marks = script_of(chain.text, chain.marks)
    assert text == "print(1)\nprint(2)\n"
    assert [mark.token for mark in marks] == [ControlToken.JUPYTER_SCRIPT]
