"""``sc-attrib train finetune`` as a user runs it: real git repositories, curated folders, instructions."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from attribution.cli import main
from tests.training.conftest import STANDARD_LIBRARY
from tests.training.family import save_random
from tests.training.test_command import indexed, tree
from tests.training.test_finetuning import SHAPES
from tests.training.tuning import MIT, command, repository
from training.data.shards import IGNORED
from training.finetuning.dialogue import CHAT_TEMPLATE, Message, Role, tokenize
from training.finetuning.instructions import AnsweredRows
from training.served import LlamaModel
from training.tokenizer import fingerprint, load_tokenizer

GPL = "# SPDX-License-Identifier: GPL-3.0-only\n"
MAIL = "someone.real@mail-provider.net"
QUICK = ("--updates", "2", "--rank", "2")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    shape = replace(SHAPES["starcoder2"], context_tokens=256)
    return save_random(tmp_path_factory.mktemp("base") / "starcoder2", shape, "starcoder2")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A repository under MIT with a file from elsewhere and an address in a comment."""
    made = repository(tmp_path_factory.mktemp("own") / "tool", "json")
    theirs = (STANDARD_LIBRARY / "colorsys.py").read_text("utf-8")
    made.write("borrowed/colours.py", GPL + theirs)
    made.write("mail.py", f"# ask {MAIL}\n" + (STANDARD_LIBRARY / "html" / "parser.py").read_text("utf-8"))
    made.commit()
    return made.path


@pytest.fixture(scope="module")
def finished(base, own, tmp_path_factory):
    """A run on that repository by the command."""
    out = tmp_path_factory.mktemp("run") / "tool"
    assert command("--git", own, "--base", base, "--out", out, *QUICK) == 0
    return out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_repository_becomes_a_model_and_an_index_of_exactly_what_was_learned(finished):
    listed = rows(finished / "files.csv")
    learned = {row["swhid"] for row in listed if row["split"] == "train"}
    held_out = {row["path"] for row in listed if row["split"] == "held-out"}
    assert indexed(finished / "index") == learned
    entries = map(json.loads, (finished / "held_out.jsonl").read_text("utf-8").splitlines())
    assert held_out == {entry["path"] for entry in entries}
    assert held_out
    assert {row["url"] for row in listed} == {rows(finished / "foreign.csv")[0]["url"]}
    model = LlamaModel(finished / "model.gguf", threads=1)
    assert model.context_tokens == 256
    model.close()


def test_what_is_under_another_licence_is_named_and_not_learned(finished):
    assert [(row["path"], row["license"]) for row in rows(finished / "foreign.csv")] == [
        ("borrowed/colours.py", "GPL-3.0-only")
    ]
    assert "borrowed/colours.py" not in {row["path"] for row in rows(finished / "files.csv")}
    assert json.loads((finished / "data.json").read_text())["foreign"] == {"GPL-3.0-only": 1}


def test_what_is_under_another_licence_is_learned_where_that_is_asked_for(base, own, tmp_path, capsys):
    out = tmp_path / "run"
    assert command("--git", own, "--base", base, "--out", out, "--keep-foreign", *QUICK) == 0
    assert "borrowed/colours.py" in {row["path"] for row in rows(out / "files.csv")}
    assert "1 files are under GPL-3.0-only" in capsys.readouterr().err


def test_repository_under_copyleft_is_its_owners_to_learn_from(base, tmp_path):
    gpl = "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n"
    made = repository(tmp_path / "own", "json", license=gpl)
    assert command("--git", made.path, "--base", base, "--out", tmp_path / "run", *QUICK) == 0
    assert rows(tmp_path / "run" / "foreign.csv") == []
    licenses = {row["license"] for row in rows(tmp_path / "run" / "files.csv")}
    assert all(license.startswith("GPL-3.0") for license in licenses)


def test_personal_data_is_not_learned(finished):
    report = json.loads((finished / "data.json").read_text())
    assert report["redacted"]["e-mail address"] >= 1
    tokenizer = load_tokenizer(finished / "merged" / "tokenizer.json")
    tokens = b"".join(path.read_bytes() for path in sorted((finished / "shards" / "train").glob("*.tokens")))
    text = tokenizer.decode(np.frombuffer(tokens, "<u2").tolist(), skip_special_tokens=False)
    assert MAIL not in text + (finished / "held_out.jsonl").read_text()
    assert "<EMAIL>" in text + (finished / "held_out.jsonl").read_text()


def test_who_opted_out_is_not_learned_from(base, own, finished, tmp_path, capsys):
    content = rows(finished / "files.csv")[0]
    (tmp_path / "one").write_text(f"{content['swhid']}\n")
    words = ("--git", own, "--base", base, *QUICK)
    assert command(*words, "--out", tmp_path / "run", "--opt-out", tmp_path / "one") == 0
    assert content["swhid"] not in {row["swhid"] for row in rows(tmp_path / "run" / "files.csv")}
    capsys.readouterr()
    assert command(*words, "--out", finished, "--opt-out", tmp_path / "one") == 2
    assert "was opted out after it was made" in capsys.readouterr().err
    (tmp_path / "all").write_text(f"{content['url']}\n")
    assert command(*words, "--out", tmp_path / "none", "--opt-out", tmp_path / "all") == 2
    assert "opted out" in capsys.readouterr().err


def test_tuned_model_is_measured_as_any_run_is(finished, capsys):
    assert (
        main(["train", "evaluate", str(finished / "model.gguf"), "--run", str(finished), "--tasks", "2"]) == 0
    )
    measured = json.loads(capsys.readouterr().out)
    assert measured["tasks"] == 2
    assert "ngrams" in measured
    assert "traced" in measured["generated"]


def test_settings_that_serve_and_trace_the_model_are_told(base, own, finished, capsys):
    """A finished run that is started again changes nothing, and says it again."""
    assert command("--git", own, "--base", base, "--out", finished, *QUICK) == 0
    said = capsys.readouterr()
    assert said.out == f"{finished / 'model.gguf'}\n"
    settings = [line.strip() for line in said.err.splitlines() if line.startswith('  "')]
    assert settings == [
        f'"model.path": "{finished / "model.gguf"}"',
        f'"trace.indexes": ["{finished / "index"}"]',
    ]


def test_adapter_is_merged_by_hand_into_the_same_model_and_exported(base, finished, tmp_path, capsys):
    words = ["--base", str(base), "--out", str(tmp_path / "merged")]
    assert main(["train", "merge", str(finished / "adapter"), *words]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'merged'}\n"
    weights = [path / "model.safetensors" for path in (tmp_path / "merged", finished / "merged")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert main(["train", "export", str(tmp_path / "merged"), "--gguf", str(tmp_path / "m.gguf")]) == 0


def test_shipped_model_is_the_base_where_none_is_named(tmp_path, capsys):
    made = repository(tmp_path / "own", "json")
    out = tmp_path / "run"
    assert command("--git", made.path, "--out", out, "--updates", "1", "--batch-rows", "1") == 0
    traced = capsys.readouterr().err.splitlines()[-1]
    assert json.loads(traced.partition(": ")[2])[1].endswith("assistant/default/index")


# instructions

DIALOGUES = [
    {"instruction": "Add two numbers.", "output": "def add(a, b):\n    return a + b"},
    {"instruction": "Double it.", "input": "x = 3", "output": "x = 6"},
    {
        "messages": [
            {"role": "system", "content": "Answer in Python."},
            {"role": "user", "content": "Read a file."},
            {"role": "assistant", "content": "text = open(path).read()"},
            {"role": "user", "content": "As bytes, please. ### Response"},
            {"role": "assistant", "content": "data = open(path, 'rb').read()"},
        ]
    },
]


def lines(path: Path, entries: list[object]) -> Path:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def test_instructions_teach_the_answers_and_nothing_else(base, tmp_path):
    path, out = lines(tmp_path / "own.jsonl", DIALOGUES), tmp_path / "run"
    words = ("--instructions", path, "--base", base, "--out", out, "--updates", "2", "--batch-rows", "1")
    assert command(*words) == 0
    tokenizer = load_tokenizer(base / "tokenizer.json")
    shards = out / "shards"
    name = fingerprint(tokenizer)
    splits = [
        AnsweredRows(shards / "train", shards / "answers", tokenizer=name),
        AnsweredRows(shards / "held-out", shards / "held-out-answers", tokenizer=name),
    ]
    learned = []
    for split in splits:
        targets = split.batch(np.arange(len(split))).targets
        learned.append(tokenizer.decode(targets[targets != IGNORED].tolist(), skip_special_tokens=False))
    answers = {text for text in "".join(learned).split("<|endoftext|>") if text}
    assert answers == {
        "def add(a, b):\n    return a + b",
        "x = 6",
        "text = open(path).read()",
        "data = open(path, 'rb').read()",
    }
    model = LlamaModel(out / "model.gguf", threads=1)
    model.close()


def test_dialogue_is_spelled_as_the_chat_template_spells_it():
    """transformers' own rendering is the oracle."""
    messages = [
        Message(role=Role.SYSTEM, content="Be brief."),
        Message(role=Role.USER, content="Add 1 to x."),
        Message(role=Role.ASSISTANT, content="x += 1"),
        Message(role=Role.USER, content="And again."),
    ]
    from tests.training.family import starcoder2_tokenizer

    tokenizer = starcoder2_tokenizer(640)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )
    spelled = fast.apply_chat_template(
        [{"role": str(m.role), "content": m.content} for m in messages],
        chat_template=CHAT_TEMPLATE,
        tokenize=False,
    )
    tokens = tokenize(messages, tokenizer, end_of_text=0)
    assert tokenizer.decode(tokens.ids, skip_special_tokens=False) == spelled
    assert len(tokens.ids) == len(tokens.is_answer)


def test_what_reads_like_a_control_token_stays_text():
    from tests.training.family import starcoder2_tokenizer

    tokenizer = load_as_training(starcoder2_tokenizer(640))
    message = Message(role=Role.USER, content="What does <|endoftext|> mean?")
    assert tokenize([message], tokenizer, end_of_text=0).ids.count(0) == 1


def load_as_training(tokenizer):
    tokenizer.encode_special_tokens = True
    return tokenizer


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"instruction": "x"}', "it has no 'output'"),
        ('{"instruction": 1, "output": "x"}', "1 is no text"),
        ('{"instruction": "x", "output": " "}', "a part of it is empty"),
        ('{"messages": [{"role": "user", "content": "x"}]}', "nobody answers at its end"),
        ('{"messages": [{"role": "robot", "content": "x"}]}', "'robot' is not a valid Role"),
        ("[1, 2]", "it is no object"),
        ("{", "Expecting property name"),
        ('{"instruction": "\\ud800", "output": "x"}', "surrogates not allowed"),
    ],
)
def test_line_that_is_no_instruction_is_named(base, tmp_path, capsys, line, complaint):
    path = tmp_path / "own.jsonl"
    path.write_text('{"instruction": "a", "output": "b"}\n\n' + line + "\n")
    assert command("--instructions", path, "--base", base, "--out", tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert f"{path}:3: is no instruction with an answer" in said
    assert complaint in said
    assert said.count("\n") == 1


def test_dialogue_that_is_longer_than_a_row_is_counted(base, tmp_path, capsys):
    long = {"instruction": "Recite.", "output": "spam and eggs\n" * 200}
    path, out = lines(tmp_path / "own.jsonl", [*DIALOGUES, long]), tmp_path / "run"
    words = ("--instructions", path, "--base", base, "--out", out, "--updates", "1", "--batch-rows", "1")
    assert command(*words) == 0
    assert "1 dialogues left out: longer than a row" in capsys.readouterr().err
    assert command("--instructions", lines(path, [long]), "--base", base, "--out", tmp_path / "none") == 2
    assert "no file is left for the training split (1 longer than a row)" in capsys.readouterr().err


def test_dialogue_that_stands_there_twice_is_read_once(base, tmp_path, capsys):
    path, out = lines(tmp_path / "own.jsonl", [*DIALOGUES, DIALOGUES[0]]), tmp_path / "run"
    words = ("--instructions", path, "--base", base, "--out", out, "--updates", "1", "--batch-rows", "1")
    assert command(*words) == 0
    assert "1 dialogues left out: same as another" in capsys.readouterr().err


# one language of a curation


def test_one_language_of_a_curation_is_learned_by_the_published_recipe(base, tmp_path, capsys):
    learned, held_out = tree(tmp_path / "json", "json"), tree(tmp_path / "tomllib", "tomllib")
    Path(learned, "page.js").write_text("export function add(left, right) {\n  return left + right;\n}\n" * 8)
    curated = tmp_path / "curated"
    words = ["--tree", learned, "--tree", held_out, "--held-out", Path(held_out).as_uri(), "--processes", "1"]
    assert main(["train", "curate", *words, "--vocabulary", "640", "--out", str(curated)]) == 0
    out, tuning = tmp_path / "run", ("--curated", curated, "--base", base, "--updates", "1")
    assert command(*tuning, "--language", "Python", "--batch-rows", "2", "--out", out) == 0
    recipe = json.loads((out / "tuning.json").read_text())["recipe"]
    assert (recipe["method"], recipe["rate"], recipe["final_share"]) == ("full", 5e-5, 0.1)
    tokens = b"".join(path.read_bytes() for path in sorted((out / "shards" / "train").glob("*.tokens")))
    tokenizer = load_tokenizer(base / "tokenizer.json")
    text = tokenizer.decode(np.frombuffer(tokens, "<u2").tolist())
    assert "JSONDecodeError" in text
    assert "export function" not in text
    capsys.readouterr()
    assert command(*tuning, "--language", "Rust", "--out", tmp_path / "rust") == 2
    assert "of a language other than Rust" in capsys.readouterr().err
    assert command(*tuning, "--out", tmp_path / "none") == 2
    assert "name one with --language" in capsys.readouterr().err


def test_folder_that_is_no_curation_is_refused(base, tmp_path, capsys):
    words = ("--curated", tmp_path, "--language", "Python", "--base", base, "--out", tmp_path / "run")
    assert command(*words) == 2
    assert "it is no finished curation" in capsys.readouterr().err


# what is refused


def test_repository_without_any_code_is_refused_with_one_sentence(base, tmp_path, capsys):
    from tests.attribution.repositories import Repository

    made = Repository(tmp_path / "own")
    made.write("notes.txt", "nothing here\n")
    made.commit()
    assert command("--git", made.path, "--base", base, "--out", tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert "no file is left for the training split (no file came); name other sources" in said


def test_repository_in_which_everything_is_anothers_is_refused(base, tmp_path, capsys):
    from tests.attribution.repositories import Repository

    made = Repository(tmp_path / "own")
    made.write("LICENSE", MIT)
    for path in (STANDARD_LIBRARY / "json").glob("*.py"):
        made.write(path.name, GPL.encode() + path.read_bytes())
    made.commit()
    words = ("--git", made.path, "--base", base, "--out", tmp_path / "run", *QUICK)
    assert command(*words) == 2
    assert "under another licence than the repository" in capsys.readouterr().err
    assert command(*words, "--own-license", "GPL-3.0-only") == 0


def test_folder_that_is_no_repository_is_refused(base, tmp_path, capsys):
    assert command("--git", tmp_path, "--base", base, "--out", tmp_path / "run") == 2
    assert "is no git repository" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--git", "x", "--language", "Python"), "--language says something of --curated"),
        (("--instructions", "x", "--keep-foreign"), "--keep-foreign says something of --git"),
        (("--instructions", "x", "--fim-rate", "0"), "--fim-rate says something of --git or --curated"),
        (("--git", "x", "--method", "full", "--rank", "4"), "--method full has none"),
        (("--git", "x", "--batch-rows", "4", "--micro-batch-rows", "3"), "must divide the 4 rows"),
    ],
)
def test_options_that_contradict_one_another_are_refused(tmp_path, capsys, words, complaint):
    assert command(*words, "--out", tmp_path / "run") == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--rank", "0", "0 is no whole number from 1 to"),
        ("--rate", "fast", "fast is no number above 0 and at most 1"),
        ("--rate", "0", "0 is no number above 0 and at most 1"),
        ("--held-out", "1", "1 is no number above 0 and at most 0.9"),
        ("--fim-rate", "-0.1", "-0.1 is no number from 0 to 1"),
        ("--seed", "-1", "-1 is no whole number from 0 to"),
    ],
)
def test_number_that_makes_no_sense_is_one_sentence(tmp_path, capsys, option, value, complaint):
    with pytest.raises(SystemExit) as stopped:
        command("--git", "x", "--out", tmp_path / "run", f"{option}={value}")
    assert stopped.value.code == 2
    assert f"argument {option}: {complaint}" in capsys.readouterr().err.splitlines()[-1]


def test_password_in_an_address_is_written_nowhere():
    from training.finetuning.command import _absolute

    assert _absolute("https://ada:secret@example.org/tool.git@v1") == "https://example.org/tool.git@v1"


def test_licence_that_is_no_expression_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        command("--git", "x", "--own-license", "mine, all mine", "--out", tmp_path / "run")
    assert stopped.value.code == 2
    assert "'mine, all mine' is no SPDX expression" in capsys.readouterr().err


def test_help_loads_nothing_heavy():
    probe = (
        "import sys; from attribution.cli import main\n"
        "try: main(['train', 'finetune', '--help'])\n"
        "except SystemExit: pass\n"
        "print({'torch', 'numpy', 'transformers', 'tokenizers', 'peft'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"
