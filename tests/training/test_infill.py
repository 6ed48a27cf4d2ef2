from __future__ import annotations

import pytest

from assistant.fim import STARCODER2, FimIds, FimOrder
from attribution.errors import UnreadableInputError
from training.infill import (
    MAX_NEW_TOKENS,
    InfillAnswer,
    InfillScore,
    InfillTask,
    complete_line,
    draw_tasks,
    prompt_of,
    read_texts,
)

FIM = FimIds(
    format=STARCODER2,
    end_of_text=0,
    fim_prefix=1,
    fim_middle=2,
    fim_suffix=3,
    fim_pad=4,
    repo_name=5,
    file_separator=6,
)


class ByteModel:
    """A model whose tokens are bytes (id = byte + 10) and which writes a fixed text."""

    fim = FIM
    context_tokens = 512

    def __init__(self, script: list[int]) -> None:
        self.script = script

    def encode(self, text):
        return [byte + 10 for byte in text]

    def decode(self, ids):
        return bytes(i - 10 for i in ids)

    def greedy(self, prompt):
        yield from self.script


def texts(files):
    return [(file.origin.path, file.content) for file in files]


TASK = InfillTask(path="a.py", prefix=b"x = ", middle=b"1 + 2  ", suffix=b"\ny = 3\n")


def test_task_is_a_real_line_cut_after_three_characters(files):
    by_path = dict(texts(files))
    tasks = draw_tasks(texts(files), ByteModel([]), count=200)
    assert len(tasks) == 200
    for task in tasks:
        assert task.prefix + task.middle + task.suffix == by_path[task.path]
        assert len(task.prefix.rpartition(b"\n")[2].lstrip()) >= 3
        assert task.middle.strip()
        assert b"\n" not in task.middle
        assert task.suffix[:1] in (b"\n", b"\r", b"")


def test_same_seed_draws_the_same_tasks(files):
    first, again, other = (draw_tasks(texts(files), ByteModel([]), count=20, seed=s) for s in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("texts", [[], [("a.py", b"")], [("a.py", b"a\n\n")]])
def test_text_without_a_line_to_complete_yields_no_task(texts):
    assert draw_tasks(texts, ByteModel([]), count=3) == []


@pytest.mark.parametrize(
    ("written", "is_exact"),
    [(b"1 + 2\nmore", True), (b"1 + 2", True), (b"1 + 2  \r\n", True), (b" 1 + 2\n", False), (b"\n", False)],
)
def test_answer_is_exact_if_the_line_is_the_authors(written, is_exact):
    model = ByteModel([*ByteModel([]).encode(written), FIM.end_of_text, *ByteModel([]).encode(b"junk")])
    assert complete_line(TASK, model).is_exact is is_exact


def test_model_that_never_stops_is_cut_off():
    answer = complete_line(TASK, ByteModel([ord("a") + 10] * 1000))
    assert answer.completion == b"a" * MAX_NEW_TOKENS


@pytest.mark.parametrize("order", list(FimOrder))
def test_prompt_leaves_room_for_the_answer_and_keeps_what_is_near_the_cursor(order):
    task = InfillTask(
        path="a.py", prefix=b"0123456789\n" * 400 + b"near", middle=b"", suffix=b"\nnext" + b"z" * 999
    )
    model = ByteModel([])
    prompt = prompt_of(task, model, order=order)
    assert len(prompt) + MAX_NEW_TOKENS <= model.context_tokens
    text = model.decode([i for i in prompt if i >= 10])
    assert b"near" in text
    assert b"\nnext" in text


def test_score_counts_exact_answers_and_its_interval_holds_the_rate():
    answers = [InfillAnswer(task=TASK, completion=c) for c in [b"1 + 2"] * 30 + [b"no"] * 70]
    score = InfillScore(answers=tuple(answers))
    assert score.rate == pytest.approx(0.3)
    assert 0.15 < score.interval[0] < 0.3 < score.interval[1] < 0.45


@pytest.mark.parametrize("content", ["{}", "no json", '["x"]', '{"path": "a", "text": 5}'])
def test_file_that_lists_no_texts_is_one_clear_sentence(tmp_path, content):
    path = tmp_path / "held_out.jsonl"
    path.write_text(content)
    with pytest.raises(UnreadableInputError, match=r"name the held_out\.jsonl of a run"):
        read_texts(path)
