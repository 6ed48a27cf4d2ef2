"""Other tokens for a finished folder: only they are made anew, and as a fresh run would make them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.curating import SMALL, curation, digests
from training.data.engine import renewing
from training.data.engine.curate import curate
from training.data.engine.layout import CurationLayout
from training.data.sharded import curated_corpus, ensure_unchanged
from training.errors import CurationDamagedError, CurationError, CurationMismatchError
from training.recipes.curation.recipe import CurationRecipe, Packing
from training.tokenizer import save_tokenizer, train_tokenizer

OTHER = replace(SMALL, tokens=replace(SMALL.tokens, vocabulary=640, row_tokens=128, fim_rate=0.9))
ABLATION = replace(
    SMALL,
    name="small-by-file",
    summary="Everything at once, file by file",
    tokens=replace(SMALL.tokens, packing=Packing.FILE),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("finished") / "out"
    curate(curation(root))
    return root


@pytest.fixture(scope="module")
def fresh(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the other recipe gives where nothing was before."""
    root = tmp_path_factory.mktemp("fresh") / "out"
    curate(curation(root, recipe=OTHER))
    return root


def times(root: Path) -> dict[str, int]:
    """When each file of the cleaned corpus was written."""
    cleaned = [*root.glob("curated-*"), *root.glob("index/**/arrays.bin"), root / "held_out.jsonl"]
    return {path.name: path.stat().st_mtime_ns for path in cleaned}


def no_sources(skipped: object) -> Iterator[None]:
    pytest.fail("the sources were read again")
    yield


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "out"))


def renew(root: Path, recipe: CurationRecipe = OTHER, **other) -> list[str]:
    """Curate with other tokens; answer what was told."""
    told: list[str] = []
    curate(curation(root, recipe=recipe, sources=no_sources, tell=told.append, **other))
    return told


def test_other_tokens_are_those_of_a_fresh_run_and_nothing_else_is_made(out: Path, fresh: Path) -> None:
    before = times(out)
    told = renew(out)
    assert digests(out) == digests(fresh)
    assert times(out) == before
    assert told[0] == (
        "keeps the cleaned corpus, makes tokenizer and rows anew (recipe.tokens.fim_rate was 0.5 and is 0.9)"
    )
    assert not (out / "work").exists()


def test_an_ablation_of_the_tokens_keeps_the_tokenizer_and_there_is_a_way_back(
    out: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(*_: object, **__: object) -> None:
        pytest.fail("another tokenizer was trained")

    monkeypatch.setattr("training.data.engine.tokenizing.train_tokenizer", train)
    renew(out, ABLATION)
    assert "small-by-file" in (out / "card.md").read_text("utf-8")
    assert digests(out)["shards/train/00000.tokens"] != digests(finished)["shards/train/00000.tokens"]
    renew(out, SMALL)
    assert digests(out) == digests(finished)


def test_anything_else_is_still_refused(out: Path) -> None:
    other = replace(OTHER, filters=SMALL.filters[1:])
    with pytest.raises(CurationMismatchError, match="only how tokens are made may change in a folder"):
        renew(out, other)


class Killed(BaseException):
    """Ends a run as a kill does: nobody handles it."""


@pytest.mark.parametrize("moment", range(6))
def test_cut_short_anywhere_the_folder_is_the_old_or_the_new_one(
    out: Path, finished: Path, fresh: Path, moment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each rename by which something of the folder would change; the card says that it is whole."""
    rename, replace_file, left = Path.rename, Path.replace, [moment]

    def counted(move):
        def moved(path: Path, target: Path) -> Path:
            if CurationLayout(root=out).ready.root in (path, path.parent, Path(target)):
                if not left[0]:
                    raise Killed
                left[0] -= 1
            return move(path, target)

        return moved

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Path, "rename", counted(rename))
        patched.setattr(Path, "replace", counted(replace_file))
        renew(out)
    if moment == 0:
        shutil.copytree(out, out.with_name("again"))
        renew(out.with_name("again"), SMALL)
        assert digests(out.with_name("again")) == digests(finished)
    else:
        with pytest.raises(CurationError, match="it is no finished curation"):
            curated_corpus(CurationLayout(root=out))
    renew(out)
    assert digests(out) == digests(fresh)


def delete_half(folder: Path, **_: object) -> None:
    """Deletes as a process does that is killed meanwhile: the tokens, and not yet what lists them."""
    for path in (*Path(folder).rglob("*.tokens"), *Path(folder).rglob("part-*")):
        path.unlink()
    raise Killed


def cut_short_before_the_card(root: Path, recipe: CurationRecipe, **other) -> None:
    def no_card(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Killed):
        patched.setattr("training.data.engine.finishing.markdown_card", no_card)
        curate(curation(root, recipe=recipe, **other))


@pytest.mark.parametrize("is_finished", [False, True])
def test_tokens_of_which_a_part_was_deleted_are_never_taken_for_whole(
    out: Path, finished: Path, fresh: Path, tmp_path: Path, is_finished: bool
) -> None:
    """Other tokens are asked for, the deletion of the first ones is cut short, and these are wanted again."""
    root = out if is_finished else tmp_path / "run"
    first, second = (OTHER, ABLATION) if is_finished else (SMALL, OTHER)
    cut_short_before_the_card(root, first)
    with pytest.MonkeyPatch.context() as patched, pytest.raises(Killed):
        patched.setattr(shutil, "rmtree", delete_half)
        renew(root, second)
    renew(root, first)
    assert digests(root) == digests(fresh if is_finished else finished)


def test_rows_that_were_made_anew_while_they_were_opened_are_noticed(out: Path, tmp_path: Path) -> None:
    """By a tokenizer of the same size and the same recipe, so nothing but the rows tells."""
    layout = CurationLayout(root=out)
    before = curated_corpus(layout)
    ensure_unchanged(before, layout)
    texts = ["return sorted(names, key=len)\n" * 9]
    save_tokenizer(train_tokenizer(texts, vocabulary=512), tmp_path / "tokenizer.json")
    renew(out, SMALL, tokenizer=tmp_path / "tokenizer.json")
    assert curated_corpus(layout).recipe == before.recipe
    with pytest.raises(CurationError, match="its rows were made anew meanwhile; run the same command again"):
        ensure_unchanged(before, layout)


def test_a_run_cut_short_begins_its_tokens_anew(fresh: Path, tmp_path: Path) -> None:
    root = tmp_path / "out"
    cut_short_before_the_card(root, SMALL)
    assert (root / "shards" / "train" / "manifest.json").is_file()
    renew(root)
    assert digests(root) == digests(fresh)


@pytest.mark.parametrize("name", ["curated-00001.parquet", "intake.json"])
def test_a_cleaned_corpus_that_is_not_whole_is_one_sentence(out: Path, name: str) -> None:
    (out / name).unlink()
    with pytest.raises(CurationDamagedError, match=rf"{name} is missing"):
        renew(out)
    assert renewing.install_ready(CurationLayout(root=out)) is None


@pytest.mark.parametrize("name", ["intake.json", "curation.json"])
@pytest.mark.parametrize("content", ["", "[]", "{}", '{"shards": 3}', '{"recipe": []}', "\xff"])
def test_damaged_notes_of_a_run_are_one_sentence(out: Path, name: str, content: str) -> None:
    (out / name).write_text(content, "latin-1")
    with pytest.raises(CurationDamagedError, match=rf"is damaged \({name}: .*\); delete the folder"):
        renew(out)


def test_a_damaged_text_to_measure_on_is_one_sentence(out: Path) -> None:
    (out / "held_out.jsonl").write_text('{"text": "x"}\n{"te')
    with pytest.raises(CurationDamagedError, match=r"is damaged \(held_out\.jsonl: "):
        renew(out)


def test_a_folder_without_what_it_would_go_on_with_is_one_sentence(out: Path) -> None:
    (out / "card.md").unlink()
    with pytest.raises(CurationDamagedError, match=r"work/filtered/00000-\w+\.parquet is missing"):
        renew(out, SMALL)
