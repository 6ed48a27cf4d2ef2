"""Who said no, however it is written: ids, lists of them, and what they cover."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from attribution.authorship import addresses_in
from attribution.errors import UnreadableInputError, UsageError
from attribution.index.builder import add_files, build_index
from attribution.index.catalog import read_catalog
from attribution.index.index import Index
from attribution.index.merging import merge_indexes
from attribution.index.opt_outs import OptOuts, key_of, parse_id, read_list
from attribution.index.removal import readmit, remove
from attribution.model import Origin, SourceFile


def source(url: str) -> SourceFile:
    return SourceFile(content=b"value = call(1, 2, 3)\n" * 9, origin=Origin(url=url, path="a.py"))


@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Z"))),
    st.lists(st.sampled_from(["/", ".git", ".GIT", "git", "."])),
)
def test_every_spelling_of_an_origin_is_stored_so_that_it_is_found_again(
    name: str, ending: list[str]
) -> None:
    """key_of(parse_id(u)) == key_of(u), and the stored id is a fixed point."""
    url = f"https://x{name}{''.join(ending)}"
    try:
        stored = parse_id(url)
    except UsageError:
        assume(False)
    assert key_of(stored) == key_of(url) == key_of(url + "/") == key_of(url + ".git")
    assert parse_id(stored) == stored


@pytest.mark.parametrize(
    "url",
    [
        "https://x.org/y/.git",
        "https://x.org/y.git.git",
        "file:///home/me/y/.git",
        "https://x.org/y.GIT",
        "https://x.org/Y.git/",
    ],
)
def test_an_origin_stays_out_whatever_its_url_ends_with(tmp_path: Path, url: str) -> None:
    build_index(tmp_path, [source(url)])
    assert remove(tmp_path, [url.swapcase()]).files == 1
    assert add_files(tmp_path, [source(url)]).left_out == {"opted out": 1}
    assert Index.open(tmp_path).document_count == 0
    assert readmit(tmp_path, [url]) == 1
    assert read_catalog(tmp_path).opt_outs == frozenset()


@pytest.mark.parametrize(
    "text", ["https:", "https://", "file:///.git", "https://x.org/\0", "https://x.org/\x07y"]
)
def test_what_names_nothing_or_cannot_be_written_is_no_id(text: str) -> None:
    with pytest.raises(UsageError, match="name"):
        parse_id(text)


def test_an_argument_that_is_not_utf8_is_refused_in_words_that_can_be_printed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not UTF-8") as refused:
        parse_id("https://x.org/\udcff")
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        (b"https://x.org/y\t# why\n", ["https://x.org/y"]),
        (b"\t# nobody\nhttps://x.org/y#z # why\r\n", ["https://x.org/y#z"]),
        (b"\xef\xbb\xbfhttps://x.org/y\n", ["https://x.org/y"]),
        (b"\xef\xbb\xbf# nobody\n", []),
        (b"", []),
    ],
)
def test_a_list_is_read_as_editors_write_it(tmp_path: Path, content: bytes, ids: list[str]) -> None:
    (tmp_path / "list").write_bytes(content)
    assert read_list(tmp_path / "list") == ids


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"https:", UsageError),
        (b"https://x.org/\0", UsageError),
        (b"https://x.org/\x0cy", UsageError),
        (b"https://x.org/\xff", UnreadableInputError),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: bytes, error: type[Exception]) -> None:
    (tmp_path / "list").write_bytes(b"https://x.org/y\n" + line + b"\n")
    with pytest.raises(error, match="line 2"):
        read_list(tmp_path / "list")


def covers(name: str, url: str) -> bool:
    return bool(OptOuts.of([parse_id(name)]).covering(Origin(url=url, path="a.py")))


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("https://github.com/alice", "https://github.com/alice/project"),
        ("https://github.com/alice/", "https://github.com/Alice/project.git"),
        ("https://gitlab.com/group", "https://gitlab.com/group/sub/project"),
        ("https://gitlab.com/group/sub", "https://gitlab.com/group/sub/project"),
        ("https://github.com/alice/project", "https://github.com/alice/project"),
        ("file:///home/alice", "file:///home/alice/project"),
        ("pkg:pypi/click", "pkg:pypi/click@8.1"),
        ("pkg:npm/%40scope", "pkg:npm/%40scope/name@1"),
        ("github:alice", "https://github.com/alice/project"),
        ("http://www@github.com:80/alice", "ssh://git@github.com/alice/project"),
        ("GitLab:group/sub", "https://gitlab.com/group/sub/project"),
    ],
)
def test_an_account_covers_what_is_below_it(name: str, url: str) -> None:
    assert covers(name, url)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("https://github.com/alice", "https://github.com/alice2/project"),
        ("https://github.com/alice/project", "https://github.com/alice/project2"),
        ("https://github.com/alice/project", "https://github.com/alice"),
        ("https://github.com", "https://github.com/alice/project"),
        ("https://github.com/", "https://github.com/alice"),
        ("file:///home", "file:///homes/alice"),
        ("pkg:pypi", "pkg:pypi/click@8.1"),
        ("pkg:pypi/click", "pkg:pypi/clicker@8.1"),
        ("pkg:pypi/click@8.1", "pkg:pypi/click@8.2"),
    ],
)
def test_an_id_covers_whole_segments_and_never_a_host(name: str, url: str) -> None:
    assert not covers(name, url)


def by(address: str, number: int = 0) -> SourceFile:
    content = f"# Copyright (c) 2024 Alice <{address}>\nvalue{number} = call(1, 2, 3)\n".encode() * 9
    return SourceFile(content=content, origin=Origin(url=f"https://x.org/{number}", path="a.py"))


def test_an_account_and_an_author_stay_out_of_a_build_from_the_start(tmp_path: Path) -> None:
    files = [by("alice@example.org"), by("bob@example.org", 1), source("https://github.com/alice/x")]
    ids = [parse_id("mailto:Alice@Example.org"), parse_id("github:alice")]
    summary = build_index(tmp_path, files, opt_outs=ids)
    assert (summary.documents, summary.left_out) == (1, {"opted out": 2})
    assert read_catalog(tmp_path).opt_outs == {"mailto:alice@example.org", "https://github.com/alice"}
    assert add_files(tmp_path, [by("alice@example.org", 2)]).left_out == {"opted out": 1}


def test_a_list_named_to_build_is_obeyed_from_the_start(tmp_path: Path, run_cli) -> None:
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text(f"value = {name}(1, 2, 3)\n" * 9)
    (tmp_path / "list").write_text(f"{(tmp_path / 'theirs').as_uri()}  # asked on a Monday\n")
    done = run_cli(
        *("index", "build", "--index", "ix", "--tree", "theirs", "--tree", "ours", "--opt-out", "list")
    )
    assert done.returncode == 0, done.stderr
    assert b"1 opted out" in done.stderr
    assert b"ix: 1 file," in done.stdout


def test_an_author_is_taken_out_of_an_index_that_keeps_texts(tmp_path: Path) -> None:
    build_index(tmp_path, [by("alice@example.org"), by("bob@example.org", 1)], with_contents=True)
    summary = remove(tmp_path, ["mailto:ALICE@example.org"])
    assert (summary.files, summary.unknown, summary.unsearched) == (1, (), 0)
    assert Index.open(tmp_path).document_count == 1


def test_an_index_without_texts_says_that_it_cannot_tell_authors(tmp_path: Path, run_cli) -> None:
    build_index(tmp_path / "index", [by("alice@example.org"), by("bob@example.org", 1)])
    done = run_cli("index", "remove", "--index", tmp_path / "index", "mailto:alice@example.org")
    assert done.returncode == 0
    assert b"keeps no authors, and the text of 2 contents was not kept" in done.stderr
    assert b"not in the index" not in done.stderr
    assert b"0 files removed" in done.stdout


def test_an_author_stays_out_of_a_merge_and_what_cannot_be_told_is_counted(tmp_path: Path) -> None:
    build_index(tmp_path / "mine", [by("bob@example.org")], opt_outs=["mailto:alice@example.org"])
    build_index(tmp_path / "theirs", [by("alice@example.org", 1), by("c@example.org", 2)], with_contents=True)
    summary = merge_indexes(tmp_path / "mine", [tmp_path / "theirs"])
    assert (summary.documents, summary.opted_out, summary.unsearched) == (1, 1, 1)


@pytest.mark.parametrize(
    "text", ["mailto:", "mailto:alice", "mailto:a@b", "mailto:a b@example.org", "@alice"]
)
def test_what_is_no_address_is_no_author(text: str) -> None:
    with pytest.raises(UsageError, match="such as mailto:alice@example"):
        parse_id(text)


@pytest.mark.parametrize(
    ("content", "addresses"),
    [
        (b"__author__ = 'A <a@x.org>'\n", {"a@x.org"}),
        (b"/* Copyright 2020 A. B. <A.B@X.org> */", {"a.b@x.org"}),
        (b"# Maintainer: a@x.org, b@x.org\r\n", {"a@x.org", "b@x.org"}),
        (b"# Authors:\n# a@x.org\n# b@x.org\n#\n# c@x.org\n", {"a@x.org", "b@x.org"}),
        (b"git clone git@x.org\n", set()),
        (b"x\n" * 100 + b"# Author: a@x.org\n", set()),
        (b"# Author: \xff a@x.org\n", {"a@x.org"}),
        (b"# Author: xa@x.organ\n", {"xa@x.organ"}),
    ],
)
def test_authors_are_the_addresses_on_lines_that_say_so(content: bytes, addresses: set[str]) -> None:
    assert addresses_in(content) == addresses
