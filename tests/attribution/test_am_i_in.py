"""Whoever asks is told which of their files an index holds, and can opt out with the answer."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import click
import pytest

from attribution.asking import ask
from attribution.errors import UnreadableInputError, UsageError
from attribution.holdings import Holdings
from attribution.index.builder import build_index
from attribution.index.opt_outs import read_list
from attribution.index.removal import remove
from attribution.library import EmbeddedLibrary
from attribution.model import Kind, SourceFile
from attribution.report.holdings_report import holdings_as_list
from attribution.sources.packages import read_packages

URL = "https://github.com/pallets/click"
CLICK = Path(click.__file__).parent


@pytest.fixture(scope="module")
def files() -> list[SourceFile]:
    return [*read_packages(skipped=Counter(), only={"click", "packaging"})]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, files: list[SourceFile]) -> Path:
    directory = tmp_path_factory.mktemp("known") / "index"
    build_index(directory, files, with_contents=True)
    return directory


@pytest.fixture
def asked(index: Path):
    def question(text: str | Path, **options: bool) -> Holdings:
        return ask([EmbeddedLibrary.open([index])], str(text), **options)

    return question


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A file of click as it is, one that holds a function of it, and one of our own."""
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(CLICK / "utils.py", folder / "copy.py")
    lines = (CLICK / "formatting.py").read_text().splitlines(keepends=True)
    (folder / "part.py").write_text("import os\n\n\n" + "".join(lines[20:70]))
    (folder / "own.py").write_text("print('nobody else wrote this')\n")
    return folder


def git(folder: Path, *words: str) -> None:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "all")


def test_a_folder_is_told_which_files_are_held_as_they_are_and_which_in_part(asked, folder: Path) -> None:
    holdings = asked(folder)
    assert holdings.files == 3
    assert [(h.path, h.origin.url) for h in holdings.identical] == [(f"{folder.as_posix()}/copy.py", URL)]
    (part,) = holdings.in_part
    assert (part.path, part.kind, part.origin.path) == (
        f"{folder.as_posix()}/part.py",
        Kind.LITERAL,
        "click/formatting.py",
    )
    assert abs(part.query.first - 4) <= 1
    assert abs(part.query.last - 53) <= 1
    assert holdings.license_counts() == {"BSD-3-Clause": 2}


def test_a_repository_is_asked_at_its_head_and_by_its_remotes(asked, folder: Path, files) -> None:
    commit(folder)
    (folder / "copy.py").unlink()
    git(folder, "remote", "add", "origin", "git@github.com:Pallets/click.git")
    git(folder, "remote", "add", "backup", "/srv/backup.git")
    holdings = asked(folder)
    assert holdings.ids == ("https://github.com/Pallets/click",)
    assert {h.path for h in holdings.identical} == {"copy.py"}
    assert len(holdings.by_id) == sum(file.origin.url == URL for file in files)


def test_a_bare_repository_will_do(asked, folder: Path, tmp_path: Path) -> None:
    commit(folder)
    git(tmp_path, "clone", "--quiet", "--bare", "mine", "bare.git")
    assert {h.path for h in asked(tmp_path / "bare.git").identical} == {"copy.py"}


def test_earlier_versions_are_looked_for_only_with_history(asked, folder: Path) -> None:
    commit(folder)
    (folder / "copy.py").write_text("print('rewritten')\n")
    git(folder, "commit", "--quiet", "-a", "-m", "own words")
    assert asked(folder).identical == []
    holdings = asked(folder, with_history=True)
    assert [h.path for h in holdings.identical] == ["copy.py"]
    assert holdings.files == 4


@pytest.mark.parametrize(
    "text",
    [URL, "https://me:secret@github.com/pallets/click.git", "github:pallets", "https://github.com/Pallets/"],
)
def test_an_origin_or_account_is_told_all_that_came_from_it(asked, files, text: str) -> None:
    theirs = {str(file.swhid) for file in files if file.origin.url == URL}
    assert {str(h.source.core) for h in asked(text).by_id} == theirs


def test_an_author_is_told_what_names_them(tmp_path: Path, files) -> None:
    address = "alice@example.org"
    signed = replace(files[0], content=f"# Copyright Alice <{address}>\n".encode() + files[0].content)
    build_index(tmp_path / "with", [signed, files[1]], with_contents=True)
    build_index(tmp_path / "without", [signed, files[1]])
    known = ask([EmbeddedLibrary.open([tmp_path / "with"])], f"mailto:{address}")
    assert ([str(h.source.core) for h in known.by_id], known.unsearched) == ([str(signed.swhid)], 0)
    unknown = ask([EmbeddedLibrary.open([tmp_path / "without"])], f"mailto:{address}")
    assert (unknown.held, unknown.unsearched) == ((), 2)


def test_a_content_is_told_every_place_that_holds_it(asked, files) -> None:
    (held,) = asked(f"{files[0].swhid};lines=1-3").by_id
    assert held.origin == files[0].origin


def test_an_answer_is_what_a_removal_takes_out(tmp_path: Path, files) -> None:
    build_index(tmp_path / "index", files)
    holdings = ask([EmbeddedLibrary.open([tmp_path / "index"])], URL)
    assert remove(tmp_path / "index", [URL]).files == len(holdings.by_id) > 10
    assert ask([EmbeddedLibrary.open([tmp_path / "index"])], URL).held == ()


def test_the_list_names_what_is_theirs_and_leaves_the_rest_to_them(
    asked, folder: Path, tmp_path: Path
) -> None:
    holdings = asked(folder)
    (tmp_path / "list").write_text(holdings_as_list("mine", holdings), "utf-8")
    assert read_list(tmp_path / "list") == [str(holdings.identical[0].source.core)]
    assert (
        f"# {holdings.in_part[0].source.core}  # click/formatting.py, {URL}"
        in (tmp_path / "list").read_text()
    )


def test_a_name_cannot_put_a_line_into_the_list(asked, folder: Path) -> None:
    listed = holdings_as_list("a\nhttps://github.com/alice", asked(folder))
    assert not any(line.startswith("https:") for line in listed.splitlines())


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("missing", UnreadableInputError, "neither a path that exists nor an id"),
        ("binary.py", UnreadableInputError, "is left out .binary."),
        ("swh:1:cnt:xyz", UsageError, "not a SWHID"),
        ("swh:1:dir:" + "0" * 40, UsageError, "does not know directories"),
        ("mailto:alice", UsageError, "names no e-mail address"),
    ],
)
def test_what_is_no_question_is_said_in_one_sentence(
    asked, tmp_path, monkeypatch, text, error, words
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "binary.py").write_bytes(b"\0\0")
    with pytest.raises(error, match=words):
        asked(text)


def test_the_command_answers_in_text_json_and_a_list(
    run_cli, index: Path, folder: Path, tmp_path: Path
) -> None:
    words = ("am-i-in", folder, "--index", index)
    done = run_cli(*words, "--list", tmp_path / "list")
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert "1 of 3 files are in the index as they are, 1 in part" in text
    assert "part.py:" in text
    assert b"swh:1:cnt:" in (tmp_path / "list").read_bytes()
    answer = json.loads(run_cli(*words, "--format", "json").stdout)
    assert answer["schema"] == 1
    assert answer["counts"] == {"identical": 1, "in_part": 1, "by_id": 0, "authors_unknown": 0}
    assert {h["kind"] for h in answer["held"]} == {"identical", "literal"}
    assert all(h["source"]["origin"] == URL for h in answer["held"])


def test_nothing_found_is_no_failure(run_cli, index: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("print('nobody else wrote this')\n")
    done = run_cli("am-i-in", "own.py", "--index", index)
    assert (done.returncode, done.stdout) == (0, b"own.py: nothing of it is in the index\n")


def test_long_groups_are_cut_and_the_rest_counted(run_cli, index: Path) -> None:
    done = run_cli("am-i-in", URL, "--index", index, "--limit", "2")
    assert done.stdout.count(b";path=") == 2
    assert b" more; all of them with --limit 0" in done.stdout
    everything = run_cli("am-i-in", URL, "--index", index, "--limit", "0").stdout
    assert everything.count(b";path=") > 10
