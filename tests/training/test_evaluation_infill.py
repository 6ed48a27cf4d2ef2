from __future__ import annotations

import json

import pytest

from assistant.fim import STARCODER2, FimIds, FimOrder
from attribution.errors import UnreadableInputError
from training.evaluation.evaluation import summarise
from training.evaluation.held_out import HeldOutFile, neighbours, read_held_out
from training.evaluation.infill import Gap, InfillAnswer, InfillTask, draw_tasks, fill, is_python, prompt_of
from training.evaluation.similarity import edit_similarity

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
    return [HeldOutFile(path=file.origin.path, text=file.content) for file in files]


TASK = InfillTask(path="a.py", prefix=b"x = ", middle=b"1 + 2  ", suffix=b"\ny = 3\n")


def test_task_is_a_real_line_cut_after_three_characters(files):
    by_path = {file.path: file.text for file in texts(files)}
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


def test_whole_lines_are_two_to_six_lines_of_the_file(files):
    by_path = {file.path: file.text for file in texts(files)}
    tasks = draw_tasks(texts(files), ByteModel([]), count=200, gap=Gap.LINES)
    assert len(tasks) == 200
    for task in tasks:
        assert task.prefix + task.middle + task.suffix == by_path[task.path]
        assert task.suffix[:1] in (b"", b"\r", b"\n")
        before, *lines = task.middle.splitlines()
        assert before == b""
        assert 2 <= len(lines) <= 6
        assert lines[0].strip()
        assert lines[-1].strip()


def test_random_span_cuts_no_character_in_two():
    text = "zwölf Größen: 日本語 " * 40
    tasks = draw_tasks([HeldOutFile(path="a.py", text=text.encode())], ByteModel([]), count=200, gap=Gap.SPAN)
    assert len(tasks) == 200
    for task in tasks:
        assert task.prefix.decode() + task.middle.decode() + task.suffix.decode() == text
        assert 1 <= len(task.middle.decode()) <= 120


@pytest.mark.parametrize("gap", list(Gap))
@pytest.mark.parametrize("text", [None, b"", b"\n\n", b"a"])
def test_text_without_anything_to_cut_yields_no_task(text, gap):
    files = [] if text is None else [HeldOutFile(path="a.py", text=text)]
    assert draw_tasks(files, ByteModel([]), count=3, gap=gap) == []


@pytest.mark.parametrize(
    ("written", "is_exact"),
    [(b"1 + 2\nmore", True), (b"1 + 2", True), (b"1 + 2  \r\n", True), (b" 1 + 2\n", False), (b"\n", False)],
)
def test_answer_is_exact_if_the_line_is_the_authors(written, is_exact):
    model = ByteModel([*ByteModel([]).encode(written), FIM.end_of_text, *ByteModel([]).encode(b"junk")])
    assert fill(TASK, model).is_exact is is_exact


def test_model_that_never_stops_is_cut_off():
    answer = fill(TASK, ByteModel([ord("a") + 10] * 1000))
    assert answer.completion == b"a" * Gap.LINE.new_tokens


@pytest.mark.parametrize("order", list(FimOrder))
def test_prompt_leaves_room_for_the_answer_and_keeps_what_is_near_the_cursor(order):
    task = InfillTask(
        path="a.py", prefix=b"0123456789\n" * 400 + b"near", middle=b"", suffix=b"\nnext" + b"z" * 999
    )
    model = ByteModel([])
    prompt = prompt_of(task, model, order=order)
    assert len(prompt) + Gap.LINE.new_tokens <= model.context_tokens
    text = model.decode([i for i in prompt if i >= 10])
    assert b"near" in text
    assert b"\nnext" in text


def test_lines_are_cut_to_as_many_as_the_author_wrote():
    task = InfillTask(path="a.py", prefix=b"a", middle=b"\nb\nc", suffix=b"\nd\n", gap=Gap.LINES)
    model = ByteModel(ByteModel([]).encode(b"\nb\nc\nmore\nand more\n"))
    assert fill(task, model).is_exact


def test_span_ends_where_the_model_says_so():
    task = InfillTask(path="a.py", prefix=b"a", middle=b"b\nc", suffix=b"d", gap=Gap.SPAN)
    assert fill(task, ByteModel([*ByteModel([]).encode(b"b\nc"), FIM.end_of_text, 99])).is_exact
    assert not fill(task, ByteModel(ByteModel([]).encode(b"b\ncc"))).is_exact


def test_other_files_of_the_repository_stand_before_the_file_in_the_models_format():
    near = HeldOutFile(path="pkg/b.py", text=b"def near(): pass\n", repository="pkg")
    far = HeldOutFile(path="other/c.py", text=b"def far(): pass\n", repository="pkg")
    foreign = HeldOutFile(path="pkg/d.py", text=b"foreign\n", repository="elsewhere")
    files = [foreign, far, HeldOutFile(path="pkg/a.py", text=b"a", repository="pkg"), near]
    found = neighbours(files, "pkg/a.py", "pkg")
    assert [file.path for file in found] == ["pkg/b.py", "other/c.py"]
    task = InfillTask(
        path="pkg/a.py", prefix=b"x", middle=b"", suffix=b"y", neighbours=found, repository="pkg"
    )
    model = ByteModel([])
    spelled = "".join(f"<{i}>" if i < 10 else chr(i - 10) for i in prompt_of(task, model, order=FimOrder.SPM))
    assert spelled == (
        "<5>pkg<6>other/c.py\ndef far(): pass\n<6>pkg/b.py\ndef near(): pass\n<6><1><3>y<2>pkg/a.py\nx"
    )


def test_repository_that_is_too_large_leaves_room_for_the_file_and_the_answer():
    files = tuple(HeldOutFile(path=f"{n}.py", text=b"x = 1\n" * 500, repository="r") for n in range(3))
    task = InfillTask(
        path="a.py", prefix=b"p\n" * 400 + b"near", middle=b"", suffix=b"", neighbours=files, repository="r"
    )
    prompt = prompt_of(task, ByteModel([]), order=FimOrder.SPM)
    assert len(prompt) + Gap.LINE.new_tokens <= ByteModel.context_tokens
    assert prompt[-4:] == ByteModel([]).encode(b"near")


@pytest.mark.parametrize(
    ("written", "wanted", "similarity"),
    [("", "", 1), ("abc", "abc", 1), ("abc", "", 0), ("kitten", "sitting", 4 / 7), ("ab", "ba", 0)],
)
def test_edit_similarity_is_the_levenshtein_ratio(written, wanted, similarity):
    assert edit_similarity(written, wanted) == pytest.approx(similarity)
    assert edit_similarity(wanted, written) == pytest.approx(similarity)


@pytest.mark.parametrize(
    ("path", "completion", "is_valid"),
    [("a.py", b"7 - 2", True), ("a.py", b"7 -", False), ("a.js", b"7 -", None), ("a.py", b"\0", False)],
)
def test_answer_is_valid_if_the_file_is_python_with_it(path, completion, is_valid):
    task = InfillTask(path=path, prefix=TASK.prefix, middle=TASK.middle, suffix=TASK.suffix)
    assert InfillAnswer(task=task, completion=completion).is_valid is is_valid


def test_file_that_was_no_python_before_says_nothing_about_the_answer():
    task = InfillTask(path="a.py", prefix=b"print 'x", middle=b"y", suffix=b"'")
    assert not is_python(b"print 'xy'")
    assert InfillAnswer(task=task, completion=b"y").is_valid is None


def test_summary_counts_exact_answers_and_its_interval_holds_the_rate():
    answers = [InfillAnswer(task=TASK, completion=c) for c in [b"1 + 2"] * 30 + [b"no"] * 70]
    result = summarise(answers)
    assert result["exact_match"] == pytest.approx(0.3)
    assert 0.15 < result["interval"][0] < 0.3 < result["interval"][1] < 0.45
    assert result["edit_similarity"] == pytest.approx(0.3)
    assert result["valid_syntax"] == 1.0


@pytest.mark.parametrize("content", ["{}", "5", "no json", '["x"]', '{"path": "a", "text": 5}'])
def test_file_that_lists_no_texts_is_one_clear_sentence(tmp_path, content):
    path = tmp_path / "held_out.jsonl"
    path.write_text(content)
    with pytest.raises(UnreadableInputError, match=r"name the held_out\.jsonl of a run"):
        read_held_out(path)


def test_line_separator_within_a_held_out_file_does_not_end_its_line(tmp_path):
    path = tmp_path / "held_out.jsonl"
    path.write_text(
        json.dumps({"path": "a.py", "text": "x = '\u2028'\n"}, ensure_ascii=False) + "\n", "utf-8"
    )
    assert [file.text.decode() for file in read_held_out(path)] == ["x = '\u2028'\n"]
