from __future__ import annotations

import csv
import hashlib
import json
import resource
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from assistant.quantize import GgufType
from attribution.cli import main
from attribution.index.index import Index
from attribution.swhid import Swhid
from training import command
from training.arguments import GGUF_TYPES
from training.checkpoint import list_checkpoints
from training.recipes import registry
from training.recipes.recipe import Recipe

STANDARD_LIBRARY = Path(sysconfig.get_paths()["stdlib"])
MIT = "Released under the MIT license.\n"


def tree(root, folder, *, license_text=MIT):
    """Real files of the standard library in a folder that has a licence file."""
    root.mkdir(parents=True)
    (root / "LICENSE").write_text(license_text)
    for path in (STANDARD_LIBRARY / folder).glob("*.py"):
        shutil.copy(path, root)
    return str(root)


@pytest.fixture
def small_recipe(recipe, monkeypatch):
    """The name of a recipe that takes seconds."""
    monkeypatch.setattr(command, "load", lambda name: recipe)
    return "small"


def test_nothing_is_learned_of_who_is_on_a_list(small_recipe, tmp_path, capsys):
    folder = tree(tmp_path / "email", "email")
    (tmp_path / "list").write_text(f"{(tmp_path / 'email').as_uri()}\n")
    words = ["--recipe", small_recipe, "--tree", folder, "--opt-out", str(tmp_path / "list")]
    assert main(["train", "pretrain", *words, "--out", str(tmp_path / "run")]) == 2
    assert "opted out" in capsys.readouterr().err
    assert not (tmp_path / "run" / "files.csv").exists()


def test_folders_become_a_model_that_llama_cpp_serves_and_a_card(small_recipe, tmp_path, capsys):
    run, model = tmp_path / "run", tmp_path / "model.gguf"
    sources = ["--tree", tree(tmp_path / "email", "email"), "--tree", tree(tmp_path / "held-out", "tomllib")]
    pretrain = [
        "train",
        "pretrain",
        "--recipe",
        small_recipe,
        "--out",
        str(run),
        "--tokens",
        "2048",
        "--threads",
        "1",
    ]
    assert main([*pretrain, *sources]) == 0
    checkpoint = capsys.readouterr().out.strip()
    assert checkpoint == str(list_checkpoints(run)[-1])
    assert main(["train", "export", checkpoint, "--gguf", str(model)]) == 0
    assert capsys.readouterr().out == f"{model}\n"
    held_out = ["--held-out", str(run / "held_out.jsonl")]
    assert main(["train", "evaluate", str(model), *held_out, "--tasks", "3", "--examples", "1"]) == 0
    evaluation = tmp_path / "evaluation.json"
    evaluation.write_text(capsys.readouterr().out)
    measured = json.loads(evaluation.read_text())
    assert measured["tasks"] == 3
    assert set(measured["orders"]) == {"psm", "spm"}
    card = [
        "train",
        "card",
        str(run),
        "--recipe",
        small_recipe,
        "--gguf",
        str(model),
        "--evaluation",
        str(evaluation),
        "--machine",
        "on the machine of a test",
    ]
    assert main(card) == 2
    said = capsys.readouterr().err
    assert "has done 4 updates, and 6,144 tokens are 12; name its budget by --tokens" in said
    assert main([*card, "--tokens", "2048"]) == 0
    text = capsys.readouterr().out
    assert "minutes, on the machine of a test:" in text
    assert "| licence of the weights | none is stated |" in text
    assert "| MIT | 20 |" in text
    with (run / "files.csv").open(newline="") as stream:
        learned = {row["swhid"] for row in csv.DictReader(stream) if row["split"] == "train"}
    assert hashlib.sha256("".join(f"{swhid}\n" for swhid in sorted(learned)).encode()).hexdigest() in text
    assert "Held out, never learned from: 4 files" in text


def test_card_of_a_run_without_metrics_is_one_sentence_and_exit_code_2(
    small_recipe, finished, tmp_path, capsys
):
    run = shutil.copytree(finished, tmp_path / "run")
    (run / "metrics.csv").write_text("")
    evaluation = tmp_path / "evaluation.json"
    evaluation.write_text("{}")
    options = ["--recipe", small_recipe, "--gguf", str(evaluation), "--evaluation", str(evaluation)]
    assert main(["train", "card", str(run), *options]) == 2
    assert "its metrics.csv has no line" in capsys.readouterr().err


@pytest.fixture
def exported(finished, tmp_path):
    """Export and evaluate the finished run; answers the options that its card takes."""

    def export(*options: str) -> list[str]:
        model, evaluation = tmp_path / "model.gguf", tmp_path / "evaluation.json"
        checkpoint = str(list_checkpoints(finished)[-1])
        assert main(["train", "export", checkpoint, "--gguf", str(model), *options]) == 0
        evaluation.write_text(json.dumps({"tasks": 1, "bytes": model.stat().st_size, "orders": {}}))
        return [str(finished), "--gguf", str(model), "--evaluation", str(evaluation)]

    return export


def test_every_type_of_weights_can_be_asked_for():
    assert set(GGUF_TYPES) == set(GgufType)


@pytest.mark.parametrize("gguf_type", GgufType)
def test_card_repeats_how_the_model_was_exported(small_recipe, exported, capsys, gguf_type):
    words = ["--type", gguf_type, "--name", "my model", "--license", "MIT OR Apache-2.0"]
    assert main(["train", "card", *exported(*words), "--recipe", small_recipe]) == 0
    assert f"--gguf model.gguf {shlex.join(words)}\n" in capsys.readouterr().out


def test_card_of_another_recipe_than_the_runs_is_refused(exported, capsys):
    assert main(["train", "card", *exported(), "--recipe", "default"]) == 2
    said = capsys.readouterr().err
    assert "was not made by the recipe default; name its own, small, by --recipe" in said


def test_card_with_the_evaluation_of_another_file_is_refused(small_recipe, exported, capsys):
    options = exported()
    Path(options[-1]).write_text(json.dumps({"tasks": 1, "bytes": 1, "orders": {}}))
    assert main(["train", "card", *options, "--recipe", small_recipe]) == 2
    assert f"{options[-1]}: is of another file than {options[2]}; evaluate" in capsys.readouterr().err


def test_index_of_a_run_knows_every_file_that_was_learned_from_and_no_other(finished):
    with (finished / "files.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    learned = {row["swhid"] for row in rows if row["split"] == "train"}
    held_out = {row["swhid"] for row in rows if row["split"] == "held-out"}
    assert learned
    assert held_out
    assert indexed(finished / "index") == learned
    assert not learned & held_out


def indexed(directory):
    """SWHIDs of all contents in an index."""
    return {
        str(Swhid.of_digest(segment.documents.digest(number)))
        for segment in Index.open(directory).segments
        for number in range(len(segment.documents))
    }


def test_index_of_a_run_can_be_made_again_from_the_same_sources(small_recipe, tmp_path, capsys):
    run, sources = tmp_path / "run", ["--tree", tree(tmp_path / "held-out", "tomllib")]
    sources += ["--tree", tree(tmp_path / "json", "json")]
    budget = ["--tokens", "512", "--threads", "1"]
    assert main(["train", "pretrain", "--recipe", small_recipe, "--out", str(run), *budget, *sources]) == 0
    again = str(tmp_path / "again")
    assert main(["train", "index", str(run), "--out", again, *sources]) == 0
    assert indexed(tmp_path / "again") == indexed(run / "index")
    assert main(["train", "index", str(run), "--out", again, *sources[:2]]) == 2
    assert "files that were learned from are not among these sources" in capsys.readouterr().err


def test_unknown_recipe_is_one_sentence_and_exit_code_2(tmp_path, capsys):
    assert main(["train", "pretrain", "--recipe", "nonsense", "--out", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    names = ", ".join(registry.NAMES)
    assert captured.err == f"sc-attrib: there is no recipe 'nonsense'; choose one of: {names}\n"


@pytest.mark.parametrize(
    ("option", "number", "complaint"),
    [
        ("--threads", "-1", "-1 is no whole number from 1 to 1,024"),
        ("--threads", "0", "0 is no whole number from 1 to 1,024"),
        ("--threads", "99999999999999", "is no whole number from 1 to 1,024"),
        ("--threads", "two", "two is no whole number from 1 to 1,024"),
        ("--tokens", "-1", "-1 is no whole number from 1 to"),
        ("--tasks", "0", "0 is no whole number from 1 to"),
    ],
)
def test_number_that_makes_no_sense_is_one_sentence_and_exit_code_2(
    small_recipe, tmp_path, capsys, option, number, complaint
):
    step = ["pretrain", "--recipe", small_recipe, "--out", str(tmp_path / "run")]
    if option == "--tasks":
        step = ["evaluate", str(tmp_path / "model.gguf"), "--held-out", str(tmp_path / "held_out.jsonl")]
    with pytest.raises(SystemExit) as stopped:
        main(["train", *step, option, number])
    assert stopped.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {option}: " in last
    assert complaint in last


def test_code_under_copyleft_is_not_learned_from(small_recipe, tmp_path, capsys):
    gpl = "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n"
    source = tree(tmp_path / "email", "email", license_text=gpl)
    assert (
        main(
            ["train", "pretrain", "--recipe", small_recipe, "--out", str(tmp_path / "run"), "--tree", source]
        )
        == 2
    )
    assert "20 licence is not permissive" in capsys.readouterr().err


def test_missing_folder_is_exit_code_2(small_recipe, tmp_path, capsys):
    out = str(tmp_path / "tokenizer.json")
    missing = str(tmp_path / "missing")
    assert main(["train", "tokenizer", "--recipe", small_recipe, "--out", out, "--tree", missing]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_tokenizer_alone_can_be_trained(small_recipe, tmp_path):
    out = tmp_path / "tokenizer.json"
    source = tree(tmp_path / "email", "email")
    assert main(["train", "tokenizer", "--recipe", small_recipe, "--out", str(out), "--tree", source]) == 0
    from training.tokenizer import load_tokenizer

    assert load_tokenizer(out).get_vocab_size() == 640


def test_missing_extra_names_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("training.command._EXTRA_MODULES", ("a_module_that_nobody_has",))
    assert main(["train", "export", str(tmp_path), "--gguf", str(tmp_path / "m.gguf")]) == 2
    assert "pip install 'sc-attrib[train]'" in capsys.readouterr().err


@pytest.mark.parametrize("name", registry.NAMES)
def test_recipe_is_known_by_its_own_name_and_fits_together(name):
    recipe = registry.load(name)
    assert isinstance(recipe, Recipe)
    assert recipe.name == name
    assert recipe.data.row_tokens <= recipe.model.context_tokens
    assert recipe.data.held_out_packages


def test_help_loads_nothing_heavy():
    probe = (
        "import sys; from attribution.cli import main\n"
        "try: main(['train', 'pretrain', '--help'])\n"
        "except SystemExit: pass\n"
        "print({'torch', 'numpy', 'transformers', 'tokenizers', 'gguf'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_freed_memory_is_kept_and_does_not_fault_in_again():
    probe = (
        "import resource, sys\n"
        "from training.allocator import keep_freed_memory\n"
        "if sys.argv[1] == 'kept': assert keep_freed_memory()\n"
        "for _ in range(10): b'x' * (32 << 20)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)"
    )
    pages = (32 << 20) // resource.getpagesize()

    def faults(how):
        done = subprocess.run([sys.executable, "-c", probe, how], capture_output=True, check=True)
        return int(done.stdout)

    assert faults("kept") < faults("given back") - 5 * pages
