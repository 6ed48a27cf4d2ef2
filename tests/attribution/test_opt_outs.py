"""Who said no, however it is written: ids, lists of them, and what they cover."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from attribution.errors import UnreadableInputError, UsageError
from attribution.index.builder import add_files, build_index
from attribution.index.catalog import read_catalog
from attribution.index.index import Index
from attribution.index.opt_outs import key_of, parse_id, read_list
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
    assert remove(tmp_path, [url.swapcase() if url.startswith("https") else url]).files == 1
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
