"""A run that learns from what ``sc-attrib train curate`` made: real files all the way to a served model."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from attribution.cli import main
from attribution.index.index import Index
from attribution.index.removal import remove
from attribution.swhid import Swhid
from tests.training.conftest import SMALL, STANDARD_LIBRARY
from training import command
from training.card_data import swhid_digest
from training.checkpoint import list_checkpoints, read_state
from training.data.engine.layout import CurationLayout
from training.data.sharded import RECORD, corpus_of, curated_corpus
from training.errors import (
    CheckpointMismatchError,
    CorpusUnfitError,
    CurationDamagedError,
    CurationError,
    OptedOutError,
)
from training.run import run_recipe

MIT = "Released under the MIT license.\n"


def tree(root: Path, folder: str) -> Path:
    """Real files of the standard library in a folder that has a licence file."""
    root.mkdir(parents=True)
    (root / "LICENSE").write_text(MIT)
    for path in (STANDARD_LIBRARY / folder).glob("*.py"):
        shutil.copy(path, root)
    return root


def curate(root: Path, out: Path, *options: str) -> Path:
    """Curate two folders by the command, one of them held out."""
    learned, held_out = root / "email", root / "tomllib"
    if not learned.is_dir():
        tree(learned, "email")
        tree(held_out, "tomllib")
    words = ["--tree", str(learned), "--tree", str(held_out), "--held-out", held_out.as_uri()]
    rows = ["--row-tokens", str(SMALL.data.row_tokens), "--processes", "1"]
    assert main(["train", "curate", *words, *rows, *options, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="module")
def curated(sources: Path) -> Path:
    """A finished curation that fits the small recipe; copy it before writing to it."""
    return curate(sources, sources / "curated", "--vocabulary", str(SMALL.model.vocabulary))


def indexed(directory: Path) -> set[str]:
    """SWHIDs of all contents in an index."""
    return {
        str(Swhid.of_digest(segment.documents.digest(number)))
        for segment in Index.open(directory).segments
        for number in range(len(segment.documents))
    }


def train(recipe, out: Path, curated: Path | None, **options):
    return run_recipe(recipe, out, files=list, curated=curated, progress=False, **options)


@pytest.fixture(scope="module")
def trained(curated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run over it that was never interrupted."""
    run = tmp_path_factory.mktemp("trained") / "run"
    train(SMALL, run, curated)
    return run


def losses(run: Path) -> list[str]:
    with (run / "metrics.csv").open(newline="") as stream:
        return [row["loss"] for row in csv.DictReader(stream)]


def test_curated_folder_becomes_a_model_that_llama_cpp_serves_and_a_card(
    curated, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(command, "load", lambda name: SMALL)
    run, model, evaluation = tmp_path / "run", tmp_path / "model.gguf", tmp_path / "evaluation.json"
    words = ["--recipe", "small", "--out", str(run), "--tokens", "2048", "--threads", "1"]
    assert main(["train", "pretrain", "--curated", str(curated), *words]) == 0
    checkpoint = capsys.readouterr().out.strip()
    assert main(["train", "export", checkpoint, "--gguf", str(model)]) == 0
    capsys.readouterr()
    assert main(["train", "evaluate", str(model), "--run", str(run), "--tasks", "3"]) == 0
    evaluation.write_text(capsys.readouterr().out)
    measured = json.loads(evaluation.read_text())
    assert measured["tasks"] == 3
    assert measured["ngrams"]["tokens"] > 0
    assert "texts_traced" in measured["generated"]
    files = ["--gguf", str(model), "--evaluation", str(evaluation)]
    assert main(["train", "card", str(run), "--recipe", "small", "--tokens", "2048", *files]) == 0
    card = capsys.readouterr().out
    assert "`sc-attrib train curate --recipe starcoder2`" in card
    assert hashlib.sha256((curated / "card.md").read_bytes()).hexdigest() in card
    assert curated_corpus(CurationLayout(root=curated)).identity in card
    assert swhid_digest(indexed(curated / "index")) in card
    assert "### What it gives away" in card
    assert "Held out, never learned from: 4 files" in card
    assert f"sc-attrib train export RUN/{Path(checkpoint).name} --gguf model.gguf --type q8_0" in card


def test_evaluation_finds_the_corpus_of_a_run_or_says_where_it_was(curated, trained, tmp_path):
    assert corpus_of(trained).held_out_text == curated / "held_out.jsonl"
    assert corpus_of(curated).index == curated / "index"
    run = tmp_path / "run"
    run.mkdir()
    for root, found in ((tmp_path / "gone", "holds none now"), (tmp_path / "other", "holds another one now")):
        if root.name == "other":
            shutil.copytree(curated, root)
        record = {"schema": 1, "curated": str(root), "identity": "0" * 16}
        (run / RECORD).write_text(json.dumps(record))
        with pytest.raises(CurationError, match=f"{found}; name the folder of that corpus"):
            corpus_of(run)


def test_a_run_copies_nothing_and_remembers_what_it_learned_from(curated, trained):
    assert not (trained / "shards").exists()
    assert not (trained / "index").exists()
    identity = curated_corpus(CurationLayout(root=curated)).identity
    assert json.loads((trained / RECORD).read_text())["curated"] == curated.as_posix()
    assert read_state(list_checkpoints(trained)[-1]).data == identity


def test_a_run_goes_on_to_the_bit_without_being_told_again(curated, trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    shutil.rmtree(list_checkpoints(run)[-1])
    train(SMALL, run, None)
    assert losses(run) == losses(trained)


def test_a_moved_corpus_is_recognised(curated, trained, tmp_path):
    run, moved = tmp_path / "run", tmp_path / "moved"
    shutil.copytree(trained, run)
    shutil.copytree(curated, moved)
    shutil.rmtree(list_checkpoints(run)[-1])
    train(SMALL, run, moved)
    assert losses(run) == losses(trained)
    assert json.loads((run / RECORD).read_text())["curated"] == moved.as_posix()


def test_another_corpus_of_the_same_tokenizer_and_recipe_is_refused(sources, curated, trained, tmp_path):
    tree(tmp_path / "other" / "email", "json")
    tree(tmp_path / "other" / "tomllib", "tomllib")
    other = curate(tmp_path / "other", tmp_path / "out", "--tokenizer", str(curated / "tokenizer.json"))
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    with pytest.raises(CheckpointMismatchError, match="learns from another corpus"):
        train(SMALL, run, other)
    (run / RECORD).unlink()
    with pytest.raises(CheckpointMismatchError, match="another data"):
        train(SMALL, run, other)


def test_a_run_with_files_of_its_own_takes_no_curated_corpus(curated, finished):
    with pytest.raises(CheckpointMismatchError, match="learns from another corpus"):
        train(SMALL, finished, curated)
    assert not (finished / RECORD).exists()


@pytest.mark.parametrize(
    ("option", "number", "complaint"),
    [
        ("--vocabulary", "512", "its tokenizer has 512 ids and the recipe wants 640; .* --vocabulary 640"),
        ("--row-tokens", "256", "its rows have 256 tokens and the recipe wants 128; .* --row-tokens 128"),
    ],
)
def test_a_corpus_that_does_not_fit_is_refused_with_what_to_change(
    sources, tmp_path, option, number, complaint
):
    vocabulary = [] if option == "--vocabulary" else ["--vocabulary", str(SMALL.model.vocabulary)]
    unfit = curate(sources, tmp_path / "unfit", *vocabulary, option, number)
    with pytest.raises(CorpusUnfitError, match=complaint):
        train(SMALL, tmp_path / "run", unfit)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("split", ["train", "held-out"])
@pytest.mark.parametrize("way", ["list", "removed"])
def test_a_corpus_is_refused_once_its_owners_have_opted_out(sources, curated, tmp_path, split, way):
    folder = sources / ("email" if split == "train" else "tomllib")
    gone, ids = curated, frozenset([folder.as_uri()])
    if way == "removed":
        gone, named, ids = tmp_path / "curated", ids, frozenset()
        shutil.copytree(curated, gone)
        remove(gone / "index", sorted(named))
    with pytest.raises(OptedOutError, match=r"opted out after it was made; curate into another folder"):
        train(SMALL, tmp_path / "run", gone, opt_outs=ids)


def test_new_addresses_make_a_corpus_void_and_others_do_not(curated, trained, tmp_path):
    with pytest.raises(OptedOutError, match="it names no authors"):
        train(SMALL, tmp_path / "run", curated, opt_outs=frozenset(["mailto:a@example.org"]))
    run = tmp_path / "again"
    shutil.copytree(trained, run)
    others = frozenset(["https://github.com/pythonista", "swh:1:cnt:" + "0" * 40])
    assert train(SMALL, run, curated, opt_outs=others)


def test_what_a_curation_obeyed_does_not_make_it_void(sources, trained, tmp_path):
    names = tmp_path / "names"
    names.write_text("mailto:nobody@example.org\n")
    vocabulary = ["--vocabulary", str(SMALL.model.vocabulary)]
    obeying = curate(sources, tmp_path / "obeying", *vocabulary, "--opt-out", str(names))
    ids = frozenset(["mailto:nobody@example.org"])
    assert train(SMALL, tmp_path / "run", obeying, opt_outs=ids).state.update == SMALL.updates


@pytest.mark.parametrize(
    ("lost", "error", "complaint"),
    [
        ("card.md", CurationError, "no finished curation"),
        ("shards/train", CurationError, "no finished curation"),
        ("shards/held-out", CurationError, "curate into another folder with --held-out NAME"),
        ("shards/train/00000.tokens", CurationDamagedError, "00000.tokens: cannot be read"),
    ],
)
def test_an_unfinished_or_damaged_curation_is_one_sentence(curated, tmp_path, lost, error, complaint):
    folder = tmp_path / "curated"
    shutil.copytree(curated, folder)
    path = folder / lost
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    with pytest.raises(error, match=complaint) as raised:
        train(SMALL, tmp_path / "run", folder)
    assert str(raised.value).startswith(str(folder))
    assert not (tmp_path / "run").exists()


def test_index_of_a_curated_corpus_is_not_made_again(trained, tmp_path, capsys):
    assert main(["train", "index", str(trained), "--out", str(tmp_path / "index")]) == 2
    assert "the index that was made with it is" in capsys.readouterr().err


def test_curated_and_folders_exclude_one_another(curated, tmp_path, capsys):
    words = ["--curated", str(curated), "--tree", str(tmp_path), "--out", str(tmp_path / "run")]
    assert main(["train", "pretrain", "--recipe", "default-tiny", *words]) == 2
    assert "leave out --tree and --packages" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "complaint"), [(None, "there is no such file"), ("{}", "not a tokenizer.json")]
)
def test_a_tokenizer_that_is_none_is_refused_before_anything_is_read(tmp_path, capsys, content, complaint):
    given, out = tmp_path / "tokenizer.json", tmp_path / "out"
    if content is not None:
        given.write_text(content)
    words = ["--tree", str(tmp_path), "--tokenizer", str(given), "--out", str(out)]
    assert main(["train", "curate", *words]) == 2
    assert f"tokenizer {given}: {complaint}" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--vocabulary", "700"], "700 is no multiple of 128 from 384 to 65,536"),
        (["--vocabulary", "1280", "--tokenizer", "tokenizer.json"], "not allowed with argument"),
        (["--row-tokens", "127"], "127 is no whole number from 128 to 65,536"),
        (["--row-tokens", "65537"], "65537 is no whole number from 128 to 65,536"),
    ],
)
def test_rows_that_no_model_could_have_are_refused_at_once(tmp_path, capsys, options, complaint):
    with pytest.raises(SystemExit) as stopped:
        main(["train", "curate", "--tree", str(tmp_path), "--out", str(tmp_path / "out"), *options])
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err
