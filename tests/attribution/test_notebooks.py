"""Notebooks made of real code, in the shapes that nbformat writes."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.fingerprint.seeds import all_seeds
from attribution.fingerprint.tokens import tokenize
from attribution.sources.notebooks import NotebookCode, code_of, is_notebook, notebook_code


def code_cell(source: str | list[str]) -> dict[str, object]:
    output = {"output_type": "stream", "name": "stdout", "text": ["source\n", '"cells"']}
    return {
        "cell_type": "code",
        "execution_count": 1,
        "metadata": {"tags": ["source"]},
        "outputs": [output],
        "source": source,
    }


def version_4(sources: list[str | list[str]], *, language: str = "python") -> dict[str, object]:
    text = {"cell_type": "markdown", "metadata": {}, "source": ["# def not_code():\n"]}
    return {
        "cells": [text, *map(code_cell, sources), text],
        "metadata": {"kernelspec": {"name": "k"}, "language_info": {"name": language}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def version_3(sources: list[str | list[str]]) -> dict[str, object]:
    cells = [{"cell_type": "code", "input": s, "language": "python", "outputs": []} for s in sources]
    return {"metadata": {}, "nbformat": 3, "worksheets": [{"cells": cells, "metadata": {}}]}


def read(notebook: object, *, indent: int | None = 1) -> tuple[NotebookCode, list[str]]:
    text = json.dumps(notebook, indent=indent, ensure_ascii=False) + "\n"
    code = notebook_code(text.encode())
    assert code is not None
    return code, text.split("\n")


@pytest.fixture
def functions(stdlib: Path) -> list[str]:
    """Real code, cut where a notebook's author would."""
    return ("\n" + (stdlib / "textwrap.py").read_text()).split("\ndef ")


@pytest.mark.parametrize("make", [version_4, version_3])
@pytest.mark.parametrize("as_list", [True, False])
def test_the_code_is_that_of_the_code_cells(make, as_list, functions) -> None:
    code, _ = read(make([f.splitlines(keepends=True) if as_list else f for f in functions]))
    assert code.content.decode().split() == "\n".join(functions).split()
    assert code.language.name == "Python"


@pytest.mark.parametrize("make", [version_4, version_3])
def test_each_line_of_code_stands_on_the_line_that_the_map_names(make, functions) -> None:
    code, file_lines = read(make([f.splitlines(keepends=True) for f in functions]))
    texts = code.content.decode().split("\n")[:-1]
    assert len(texts) == len(code.lines) > 300
    for text, line in zip(texts, code.lines, strict=True):
        assert json.loads(file_lines[line - 1].strip().rstrip(",")).rstrip("\n") == text


def test_code_in_place_has_the_line_numbers_of_the_file(functions) -> None:
    code, file_lines = read(version_4([f.splitlines(keepends=True) for f in functions]))
    placed = tokenize(code.in_place(len(file_lines)))
    joined = tokenize(code.content)
    assert placed.line_count == len(file_lines) - 1
    assert placed.lines.tolist() == [code.lines[line - 1] for line in joined.lines.tolist()]
    assert all_seeds(placed).hashes.tolist() == all_seeds(joined).hashes.tolist()


def test_lines_of_code_on_one_line_of_the_file_stay_lines_of_their_own(functions) -> None:
    """Else the first comment or import would swallow the rest."""
    for sources, indent in (([functions[1]], 1), ([f.splitlines(keepends=True) for f in functions], None)):
        text = json.dumps(version_4(sources), indent=indent).encode()
        code, _ = code_of("x.ipynb", text)
        read_again = notebook_code(text)
        assert read_again is not None
        assert code == read_again.content
        assert code.decode().split() == "\n".join("".join(s) for s in sources).split()


def test_long_cells_are_read_in_linear_time() -> None:
    count = 200_000
    started = time.perf_counter()
    for source in ("x = 1\n" * count, ["x "] * count, ["x = 1\n"] * count):
        text = json.dumps(version_4([source])).encode()
        code, _ = code_of("x.ipynb", text)
        assert code.count(b"x") == count
    assert time.perf_counter() - started < 30


def test_a_notebook_on_one_line_is_read(functions) -> None:
    code, _ = read(version_4(functions), indent=None)
    assert set(code.lines) == {1}


def test_the_metadata_name_the_language() -> None:
    assert read(version_4(["1"], language="rust"))[0].language.name == "Rust"
    assert read(version_4(["1"], language="brainfuck"))[0].language.name == "Python"
    assert read({"cells": []})[0].language.name == "Python"


def test_strings_in_pieces_are_joined() -> None:
    code, _ = read(version_4([["x = ", "1\ny", " = 2"], "z = 3\n\n"]))
    assert code.content == b"x = 1\ny = 2\nz = 3\n\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x = 1\n",
        b"[]",
        b"{}",
        b'{"cells": [',
        b'{"cells": ["\xff"]}',
        b"[" * 100_000,
        b'{"cells": ' * 100_000,
        b'{"cells": [{"cell_type": "code", "source": ["x\n"]}]}',
    ],
    ids=lambda content: repr(content[:40]),
)
def test_what_is_no_notebook_is_none(content: bytes) -> None:
    assert notebook_code(content) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["code", "source"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["cells", "source", "cell_type", "worksheets", "input", "metadata", "language", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(st.dictionaries(st.sampled_from(["cells", "worksheets", "metadata"]), JSON))
def test_any_json_is_read_or_refused(value: object) -> None:
    text = json.dumps(value)
    code = notebook_code(text.encode())
    if code is not None:
        assert len(code.lines) == code.content.count(b"\n")


def test_lone_surrogates_and_byte_order_marks_do_no_harm() -> None:
    code = notebook_code(b'\xef\xbb\xbf{"cells": [{"cell_type": "code", "source": "a = \\"\\ud800\\""}]}')
    assert code is not None
    assert code.content.startswith(b'a = "\xed\xa0\x80"')


def test_notebooks_are_fingerprinted_in_place_and_other_files_as_they_are() -> None:
    text = json.dumps(version_4([["import os\n", "os.sep"]], language="python"), indent=1).encode()
    code, language = code_of("a/b.IPYNB", text)
    assert (code.split(), language.name) == ([b"import", b"os", b"os.sep"], "Python")
    assert code_of("broken.ipynb", b"{") == (b"{", code_of("a.py", b"")[1])
    assert code_of("a.rs", text)[0] == text
    assert [is_notebook(path) for path in ("a/b.IPYNB", "b.ipynb", "ipynb", "a.ipynb.py")] == [
        True,
        True,
        False,
        False,
    ]
