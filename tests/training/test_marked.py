"""Control tokens stand where we put them, whatever a text reads like, and wherever it is redacted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.model import Origin, SourceFile
from training.data.engine.rows import marks_of
from training.data.engine.tokenizing import TokenTask, tokenize_part
from training.data.marked import MarkedText, marked_rows, script_of, segments_of
from training.data.pii.stage import RedactPersonalData
from training.data.stage import ControlToken, Document
from training.recipes.curation.recipe import TokenRecipe
from training.tokenizer import CONTROL_TOKENS, load_tokenizer, save_tokenizer, train_tokenizer

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


def test_a_key_over_several_segments_takes_no_mark_with_it() -> None:
    """A private key that one comment begins and another ends, in lines of Windows."""
    marked = MarkedText()
    marked.add(ControlToken.ISSUE_START, text="-----BEGIN RSA PRIVATE KEY-----\r\nMIIEowIBAAKCAQEA7qk2x9vB3s")
    marked.add(ControlToken.ISSUE_COMMENT, text="MIIEpAIBAAKCAQEAw8Zf3kQ9d1\r\n-----END RSA PRIVATE KEY-----")
    marked.add(ControlToken.ISSUE_CLOSED)
    (whole,) = RedactPersonalData()([document(marked)]).kept
    assert "MIIE" not in whole.text
    assert [s.tokens for s in segments_of(whole.text, whole.marks)] == [
        (ControlToken.ISSUE_START,), (ControlToken.ISSUE_COMMENT,), (ControlToken.ISSUE_CLOSED,),
    ]  # fmt: skip
    assert [text.text.count("\n") for text in segments_of(whole.text, whole.marks)] == [2, 2, 0]


EVIL = (*CONTROL_TOKENS, "\r\n", "\n", "\r", "\ufeff", "\u00e9", "x = 1 ", "maria.lopez@acme-widgets.com",
        "8.8.4.5", "-----BEGIN PRIVATE KEY-----\n", "def read(lines):\n    return lines\n")  # fmt: skip
EVIL_TEXTS = st.lists(st.sampled_from(EVIL), max_size=40).map("".join)
ISSUE_START = CONTROL_TOKENS.index("<issue_start>")
OF_FILES = {"<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<repo_name>", "<file_sep>"}


def packed(task: TokenTask) -> list[list[int]]:
    task.path.unlink(missing_ok=True)
    tokenize_part(task)
    rows: list[list[int]] = pq.read_table(task.path)["tokens"].to_pylist()
    return rows


@settings(max_examples=40)
@given(parts=st.lists(EVIL_TEXTS, min_size=1, max_size=5), plain=EVIL_TEXTS)
def test_only_marks_become_control_tokens_from_redaction_to_rows(
    tokenizer, tmp_path_factory, parts: list[str], plain: str
) -> None:
    """An issue beside a file of its repository, every file rearranged, rows so short that texts are cut."""
    folder = tmp_path_factory.mktemp("rows")
    marked = MarkedText()
    for at, part in enumerate(parts):
        marked.add(ControlToken.ISSUE_COMMENT if at else ControlToken.ISSUE_START, text=part)
    file = replace(document(marked), text=plain, marks=())
    (issue, code) = RedactPersonalData()([document(marked), file]).kept
    rows = [
        {"group": 0, "path": f"/{at}", "content_id": str(at), "content": d.text, "marks": marks_of(d),
         "language": "x", "license_expression": "MIT", "origin": "https://example.org/a", "repo_name": "a"}
        for at, d in enumerate((issue, code))
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), folder / "sorted.parquet")
    save_tokenizer(tokenizer, folder / "tokenizer.json")
    recipe = TokenRecipe(row_tokens=128, fim_repository_rate=1.0, fim_rate=1.0, metadata_rate=1.0)
    task = TokenTask(
        path=folder / "part.parquet",
        rows=((folder / "sorted.parquet", 0),),
        tokenizer=folder / "tokenizer.json",
        recipe=recipe,
    )
    found = packed(task)
    of_issue = [row for row in found if row[0] == ISSUE_START]
    ids = [*of_issue[0], *(i for row in of_issue[1:] for i in row[1:])]
    controls = [CONTROL_TOKENS[i] for i in ids if i < len(CONTROL_TOKENS)]
    assert controls == [*(mark.token for mark in issue.marks), "<|endoftext|>"]
    segments = segments_of(issue.text, issue.marks)
    text = tokenizer.decode([i for i in ids if i >= len(CONTROL_TOKENS)])
    assert text == "".join(segment.text.removesuffix("\n") for segment in segments)
    others = [i for row in found if row[0] != ISSUE_START for i in row if i < len(CONTROL_TOKENS)]
    assert {CONTROL_TOKENS[i] for i in others} <= OF_FILES
    assert len({others.count(CONTROL_TOKENS.index(f"<fim_{part}>")) for part in ("prefix", "suffix")}) == 1


@pytest.mark.parametrize("name", ["<fim_middle>", "<issue_closed>"])
def test_a_given_tokenizer_that_lists_a_control_token_as_a_word_does_not_find_it_in_text(
    tokenizer, tmp_path: Path, name: str
) -> None:
    """Some families do: ``special`` is false for Qwen2.5-Coder's tokens for filling in the middle."""
    path = tmp_path / "tokenizer.json"
    written = json.loads(tokenizer.to_str())
    for token in written["added_tokens"]:
        token["special"] = token["content"] != name
    path.write_text(json.dumps(written))
    loaded = load_tokenizer(path)
    assert loaded.token_to_id(name) == tokenizer.token_to_id(name)
    assert loaded.token_to_id(name) not in loaded.encode(f"a {name}", add_special_tokens=False).ids


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
