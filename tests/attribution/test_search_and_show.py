"""``search`` and ``show``, run as a user runs them, over an index of real files with their text."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from attribution.errors import IndexCorruptError, UsageError
from attribution.index import contents
from attribution.index.builder import build_index
from attribution.index.contents import text_of
from attribution.index.index import Index
from attribution.index.profile import Profile
from attribution.model import SourceFile
from attribution.sources.packages import read_packages


@pytest.fixture(scope="module")
def click_files() -> list[SourceFile]:
    return list(read_packages(skipped=Counter(), only={"click"}))


@pytest.fixture(scope="module")
def click_index(tmp_path_factory, click_files: list[SourceFile]) -> Path:
    directory = tmp_path_factory.mktemp("click") / "index"
    build_index(directory, click_files, with_contents=True)
    return directory


@pytest.fixture(scope="module")
def utils(click_files: list[SourceFile]) -> SourceFile:
    return next(file for file in click_files if file.origin.path == "click/utils.py")


def test_search_names_the_file_that_holds_the_words(run_cli, click_index: Path) -> None:
    done = run_cli("search", "_make_default_short_help", "--index", click_index)
    text = done.stdout.decode()
    assert done.returncode == 0
    assert done.stderr == b""
    assert re.search(r"^  1\. +\d+\.\d\d  click/utils\.py$", text, re.MULTILINE)
    assert "licence   BSD-3-Clause" in text
    assert re.search(r"swhid     swh:1:cnt:[0-9a-f]{40};origin=https://\S+;path=/click/utils\.py", text)


def test_search_answers_json_with_the_same_facts(run_cli, click_index: Path, utils: SourceFile) -> None:
    words = ["_make_default_short_help", "echo"]
    done = run_cli("search", *words, "--index", click_index, "--format", "json", "--limit", 3)
    answer = json.loads(done.stdout)
    assert (answer["schema"], answer["query"]) == (1, " ".join(words))
    assert len(answer["results"]) == 3
    assert answer["results"][0]["source"]["path"] == "click/utils.py"
    assert answer["results"][0]["source"]["swhid"].startswith(str(utils.swhid))
    assert answer["results"][0]["license"]["expression"] == "BSD-3-Clause"
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)


def test_a_content_in_two_indexes_is_named_once(run_cli, click_index: Path) -> None:
    words = ("search", "echo", "--format", "json", "--index", click_index)
    once, twice = run_cli(*words), run_cli(*words, "--index", click_index)
    names = [
        [result["source"]["swhid"] for result in json.loads(done.stdout)["results"]] for done in (once, twice)
    ]
    assert sorted(names[0]) == sorted(names[1])


def test_words_that_nothing_holds_find_nothing(run_cli, click_index: Path) -> None:
    done = run_cli("search", "zyzzyva_quux", "--index", click_index)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"no known file" in done.stderr


def test_wrong_use_of_search_is_one_sentence(run_cli, click_index: Path, click_files, tmp_path: Path) -> None:
    assert b"words of two letters" in run_cli("search", "x + 1", "--index", click_index).stderr
    build_index(tmp_path / "sparse", click_files, profile=Profile.SPARSE)
    done = run_cli("search", "echo", "--index", tmp_path / "sparse")
    assert done.returncode == 2
    assert b"keep no words" in done.stderr
    for limit in ("0", "many", "1001"):
        assert run_cli("search", "echo", "--limit", limit, "--index", click_index).returncode == 2
    assert (
        run_cli("search", b"\xff\xfe".decode("utf-8", "surrogateescape"), "--index", click_index).returncode
        == 0
    )


def test_show_prints_the_very_bytes(run_cli, click_index: Path, utils: SourceFile) -> None:
    done = run_cli("show", utils.swhid, "--index", click_index)
    assert done.returncode == 0
    assert done.stdout == utils.content
    assert b"click/utils.py  BSD-3-Clause" in done.stderr


def test_show_prints_the_lines_that_the_swhid_names(run_cli, click_index: Path, utils: SourceFile) -> None:
    lines = utils.content.splitlines(keepends=True)
    done = run_cli("show", f"{utils.swhid};lines=3-7", "--index", click_index)
    assert done.stdout == b"".join(lines[2:7])
    done = run_cli("show", f"{utils.swhid};lines=3-7", "--lines", "9", "--index", click_index)
    assert done.stdout == lines[8]
    done = run_cli("show", utils.swhid, "--lines", "99999-100000", "--index", click_index)
    assert done.returncode == 2
    assert b"name lines that it has" in done.stderr


def test_show_puts_a_renamed_copy_beside_its_source(
    run_cli, click_index: Path, utils: SourceFile, tmp_path: Path
) -> None:
    lines = utils.content.split(b"\n")
    first = next(n for n, line in enumerate(lines) if line.startswith(b"def _make_default_short_help"))
    copied = b"\n".join(lines[first : first + 20]).replace(b"max_length", b"widest").replace(b"help", b"hint")
    (tmp_path / "mine.py").write_bytes(b"import os\n\n" + copied)
    swhid = f"{utils.swhid};lines={first + 1}-{first + 20}"
    done = run_cli("show", swhid, "--against", "mine.py:3-22", "--index", click_index)
    text = done.stdout.decode()
    assert done.returncode == 0
    assert text.startswith("mine.py:3-22 ")
    assert f"click/utils.py:{first + 1}-{first + 20}  BSD-3-Clause" in text
    assert "renamed   max_length → widest" in text
    assert "100.0% and 100.0% with the names changed back" in text
    assert "\033" not in text
    piped = run_cli("show", swhid, "--against", "-", "--index", click_index, stdin=copied)
    assert piped.stdout.decode().count(" ~ ") == text.count(" ~ ") > 0


def test_what_cannot_be_shown_says_where_the_archive_shows_it(
    run_cli, click_index: Path, click_files, utils: SourceFile, tmp_path: Path
) -> None:
    build_index(tmp_path / "plain", click_files)
    done = run_cli("show", f"{utils.swhid};lines=3-7", "--index", tmp_path / "plain")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"holds no text" in done.stderr
    assert f"https://archive.softwareheritage.org/{utils.swhid};lines=3-7".encode() in done.stderr
    unknown = "swh:1:cnt:" + "0" * 40
    done = run_cli("show", unknown, "--index", click_index)
    assert done.returncode == 2
    assert f"https://archive.softwareheritage.org/{unknown}".encode() in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["swh:1:cnt:zz"], "is not a SWHID"),
        (["swh:1:rev:" + "0" * 40], "names no content"),
        (["{swhid}", "--lines", "7-3"], "not a range of lines"),
        (["{swhid}", "--lines", "0"], "not a range of lines"),
        (["{swhid}", "--against", "nowhere.py"], "nowhere.py: cannot be read"),
        (["{swhid}", "--against", "nowhere.py:9-2"], "not a range of lines"),
        (["{swhid}", "--against", "."], "not a regular file"),
    ],
)
def test_wrong_use_of_show_is_one_sentence(
    run_cli, click_index: Path, utils: SourceFile, words: list[str], message: str
) -> None:
    done = run_cli("show", *(word.format(swhid=utils.swhid) for word in words), "--index", click_index)
    assert (done.returncode, done.stdout) == (2, b"")
    assert message in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_every_text_of_an_index_comes_back_as_its_swhid_names_it(click_index: Path, click_files) -> None:
    known = {file.swhid.digest: file.content for file in click_files}
    (segment,) = Index.open(click_index).segments
    for document in range(len(segment.documents)):
        assert text_of(segment, document) == known[segment.documents.digest(document)]


def test_verify_reads_the_store_and_refuses_a_missing_or_foreign_one(click_files, tmp_path: Path) -> None:
    build_index(tmp_path / "index", click_files, with_contents=True)
    build_index(tmp_path / "other", click_files[1:], with_contents=True)
    Index.open(tmp_path / "index").verify()
    (store,) = (tmp_path / "index").rglob(contents.FILE)
    whole = store.read_bytes()
    store.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    with pytest.raises(IndexCorruptError, match=r"contents\.zst: is damaged"):
        Index.open(tmp_path / "index").verify()
    (other,) = (tmp_path / "other").rglob(contents.FILE)
    store.write_bytes(other.read_bytes())
    with pytest.raises(IndexCorruptError, match="does not belong to its segment"):
        Index.open(tmp_path / "index").verify()
    store.unlink()
    with pytest.raises(IndexCorruptError, match=r"contents\.zst: cannot be read"):
        Index.open(tmp_path / "index").verify()


def test_an_index_with_contents_is_another_index(click_files, tmp_path: Path) -> None:
    """Its id covers the text; and it is the same again from the same files."""
    ids = []
    for name, with_contents in (("a", True), ("b", True), ("c", False)):
        build_index(tmp_path / name, click_files, with_contents=with_contents)
        ids.append([row.id for row in Index.open(tmp_path / name).rows])
    assert ids[0] == ids[1] != ids[2]


def test_contents_are_asked_for_on_the_command_line(run_cli, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.py").write_text("def f(long_name):\n    return long_name\n")
    done = run_cli("index", "build", "--tree", "tree", "--index", "ix", "--contents")
    assert done.returncode == 0, done.stderr
    (swhid,) = re.findall(r"swh:1:cnt:[0-9a-f]{40}", run_cli("swhid", "tree/a.py").stdout.decode())
    assert run_cli("show", swhid, "--index", "ix").stdout == (tmp_path / "tree" / "a.py").read_bytes()


def test_searching_imports_nothing_optional(click_index: Path) -> None:
    program = (
        "import sys\nfrom attribution.cli import main\n"
        f"main(['search', 'echo', '--index', {str(click_index)!r}])\n"
        "print(sorted({'zstandard', 'rank_bm25', 'datasketch', 'torch', 'tqdm'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_search_without_any_index_says_how_to_build_one(monkeypatch, tmp_path: Path) -> None:
    from attribution.cli import main
    from attribution.commands import search
    from attribution.index import locate

    monkeypatch.setattr(locate, "find_indexes", lambda workspace: [])
    assert main(["search", "echo"]) == 2
    with pytest.raises(UsageError, match="build one with"):
        search.run(search_arguments("echo"))


def search_arguments(*words: str):
    import argparse

    from attribution.commands import search

    parser = argparse.ArgumentParser()
    search.add_arguments(parser)
    return parser.parse_args(words)
