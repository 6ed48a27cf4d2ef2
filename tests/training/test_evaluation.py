"""``sc-attrib train evaluate`` from a model to figures, tables and plot; every refusal is one sentence."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path

import pytest
import torch

from assistant.models import DEFAULT_MODEL
from attribution.cli import main
from training.evaluation.held_out import HeldOutFile
from training.evaluation.likelihood import draw_windows, model_bits, scored_bytes
from training.evaluation.report import markdown
from training.export import GgufType, export_gguf
from training.served import LlamaModel
from training.tokenizer import save_tokenizer, train_tokenizer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
INDEX = DEFAULT_MODEL.parent / "index"


@pytest.fixture
def held_out(tmp_path, stdlib) -> Path:
    path = tmp_path / "held_out.jsonl"
    files = sorted((stdlib / "tomllib").glob("*.py"))
    rows = [
        {"package": "toml", "path": f"tomllib/{file.name}", "text": file.read_text("utf-8")} for file in files
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def exported(finished, tmp_path_factory) -> Path:
    """The last checkpoint of a small finished run as GGUF."""
    path = tmp_path_factory.mktemp("exported") / "small.gguf"
    export_gguf(max(finished.glob("checkpoint-*")), path, gguf_type=GgufType.Q8_0)
    return path


@pytest.fixture(scope="module")
def other_run(tmp_path_factory) -> Path:
    """The folder of a run with a tokenizer that the model does not have."""
    folder = tmp_path_factory.mktemp("other")
    save_tokenizer(train_tokenizer(["def other(): pass\n"] * 9, vocabulary=384), folder / "tokenizer.json")
    return folder


def evaluate(*words: object) -> int:
    return main(["train", "evaluate", *map(str, words)])


def test_bundled_model_is_measured_with_every_kind_of_gap(held_out, tmp_path, capsys):
    tables = tmp_path / "tables.md"
    words = ("--held-out", held_out, "--index", INDEX, "--tasks", 4, "--examples", 2, "--markdown", tables)
    assert evaluate(DEFAULT_MODEL, *words) == 0
    printed = capsys.readouterr()
    measured = json.loads(printed.out)
    assert measured["schema"] == 1
    assert set(measured["orders"]) == {"psm", "spm"}
    assert list(measured["gaps"]) == ["line", "lines", "span", "repository"]
    best = measured["orders"][measured["order"]]
    assert measured["gaps"]["line"]["exact_match"] == best["exact_match"]
    for gap in measured["gaps"].values():
        assert gap["tasks"] == 4
        assert gap["interval"][0] <= gap["exact_match"] <= gap["interval"][1]
        assert 0 <= gap["edit_similarity"] <= 1
    assert 0.3 < measured["bits_per_byte"] < 4
    assert measured["generated"]["texts"] == 2
    assert 0 <= measured["generated"]["traced"] <= 1
    assert "⟦" in printed.err
    assert "| rest of a line | model | 4 |" in tables.read_text()
    assert tables.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_same_evaluation_twice_finds_the_same(held_out, exported, capsys):
    found = []
    for _ in range(2):
        assert evaluate(exported, "--held-out", held_out, "--tasks", 2) == 0
        measured = json.loads(capsys.readouterr().out)
        for order in measured["orders"].values():
            del order["seconds_per_task"]
        found.append(measured)
    assert found[0] == found[1]


def test_run_gives_held_out_files_shards_for_the_n_grams_and_its_index(exported, finished, capsys):
    assert evaluate(exported, "--run", finished, "--tasks", 6) == 0
    measured = json.loads(capsys.readouterr().out)
    ngrams = measured["ngrams"]
    assert ngrams["tokens"] > 10_000
    assert ngrams["bits_per_byte"] < measured["bits_per_byte"], "12 updates do not beat counting"
    assert set(ngrams["gaps"]) == {"line", "lines"}
    line = ngrams["gaps"]["line"]
    difference = measured["gaps"]["line"]["exact_match"] - line["exact_match"]
    assert line["model_ahead"] == pytest.approx(difference)
    assert "texts_traced" in measured["generated"]
    text = markdown(measured)
    assert "| rest of a line | 5-grams | 6 |" in text
    assert "| 5-grams with cache |" in text


def test_full_disk_is_one_sentence_that_says_how_much_counting_takes(exported, finished, capsys):
    """No file may grow beyond 16 KiB: as on a full disk, a write ends in the middle."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, before[1]))
    try:
        assert evaluate(exported, "--run", finished, "--tasks", 2) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    said = capsys.readouterr().err
    assert "cannot be counted there (File too large); they take about 15 bytes a token" in said
    assert "name another folder by TMPDIR" in said


def test_own_problems_are_solved_in_the_sandbox(held_out, exported, capsys):
    if shutil.which("bwrap") is None:
        pytest.skip("needs the Debian package bubblewrap")
    words = ("--held-out", held_out, "--tasks", 1, "--problems", "own", "--samples", 1, "--temperature", 0)
    assert evaluate(exported, *words) == 0
    measured = json.loads(capsys.readouterr().out)["problems"]["python"]
    assert (measured["problems"], measured["samples"]) == (20, 1)
    assert list(measured["pass_at"]) == ["pass@1"]
    assert 0 <= measured["pass_at"]["pass@1"]["rate"] <= 1
    assert "| python | 20 | 1 at 0.0 | pass@1 |" in markdown(
        {"model": "m", "bytes": 1, "orders": {}, "problems": {"python": measured}}
    )


def test_bits_are_those_of_a_softmax_over_the_models_logits(held_out):
    model = LlamaModel(DEFAULT_MODEL, threads=1, all_logits=True)
    file = HeldOutFile(path="a.py", text=b"def add(a, b):\n    return a + b\n" * 30)
    windows = draw_windows([file], model, count=5)
    expected = sum(
        float(
            torch.nn.functional.cross_entropy(
                torch.from_numpy(model.logits(window)[:-1]), torch.tensor(window[1:]), reduction="sum"
            )
        )
        for window in windows
    ) / float(torch.log(torch.tensor(2.0)))
    assert model_bits(DEFAULT_MODEL, windows, width=512) == pytest.approx(expected, rel=1e-4)
    assert scored_bytes(windows, model) <= len(file.text)
    model.close()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "needs held-out files: name them with --held-out, or a run with --run"),
        (("--held-out", "missing.jsonl"), "is not a list of held-out files"),
        (("--run", "missing"), "is not a list of held-out files"),
        (("--held-out", "{held_out}", "--problems", "missing.jsonl"), "cannot be read as text"),
        (("--held-out", "{held_out}", "--index", "missing"), "missing"),
        (("--held-out", "{held_out}", "--run", "{other}"), "the model has another one"),
        (("--held-out", "{held_out}", "--tasks", "1", "--markdown", "/dev/null/x.md"), "cannot be written"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence_and_exit_code_2(
    held_out, exported, other_run, capsys, words, complaint
):
    filled = [word.format(held_out=held_out, other=other_run) for word in words]
    assert evaluate(exported, *filled) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("sc-attrib: ")
    assert complaint in said


def test_machine_without_a_sandbox_runs_no_program(held_out, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert evaluate(DEFAULT_MODEL, "--held-out", held_out, "--problems", "own") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "install the packages bubblewrap and util-linux" in printed.err


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--samples", "0", "0 is no whole number from 1 to 1,000"),
        ("--samples", "100000", "100000 is no whole number from 1 to 1,000"),
        ("--temperature", "-1", "is no number from 0 to 5"),
        ("--temperature", "nan", "is no number from 0 to 5"),
        ("--examples", "-1", "-1 is no whole number from 0 to"),
        ("--tasks", "many", "many is no whole number from 1 to"),
    ],
)
def test_number_that_makes_no_sense_is_exit_code_2(held_out, capsys, option, value, complaint):
    with pytest.raises(SystemExit) as stopped:
        evaluate(DEFAULT_MODEL, "--held-out", held_out, option, value)
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err.splitlines()[-1]
