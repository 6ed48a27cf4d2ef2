"""The lane of vectors: blocks of code that were renamed, edited and put in another order, all at once."""

import ast
import importlib.util
import keyword
import logging
import random
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from attribution.errors import MissingExtraError, UsageError
from attribution.fingerprint.blocks import blocks
from attribution.fingerprint.structure import structure
from attribution.index import similar, vectors
from attribution.index.builder import add_files, build_index
from attribution.index.compaction import compact
from attribution.index.index import Index
from attribution.index.merging import merge_indexes
from attribution.index.profile import Profile
from attribution.index.removal import remove
from attribution.index.vectors import VECTOR_COLUMNS
from attribution.languages import language_named
from attribution.model import Kind, Lane, SourceFile
from attribution.trace import Tracer

PYTHON = language_named("Python")
KEYWORDS = frozenset(word.encode() for word in keyword.kwlist)


def oracle(name: str):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "oracles" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def renamed(code: bytes) -> bytes:
    """Every name another one; strings stay."""
    names: dict[bytes, bytes] = {}

    def other(found: re.Match[bytes]) -> bytes:
        word = found[0]
        if word[:1] in b"\"'" or word in KEYWORDS:
            return word
        return names.setdefault(word, b"quux_%d" % len(names))

    return re.sub(rb"\"[^\"\n]*\"|'[^'\n]*'|\b[A-Za-z_]\w*", other, code)


def reordered(code: bytes) -> bytes:
    """The statements of a function's body from the last to the first."""
    lines = code.splitlines()
    body = ast.parse(textwrap.dedent(code.decode())).body[0].body
    starts = [statement.lineno - 1 for statement in body]
    ends = [*starts[1:], len(lines)]
    moved = [lines[first:end] for first, end in zip(starts, ends, strict=True)][::-1]
    return b"\n".join([*lines[: starts[0]], *(line for part in moved for line in part)]) + b"\n"


@pytest.fixture(scope="module")
def sample(real_files: list[SourceFile]) -> list[SourceFile]:
    library = [file for file in real_files if re.fullmatch(r"Lib/(?!.*test).*\.py", file.origin.path)]
    return random.Random(31).sample([f for f in library if f.content.count(b"\n") > 80], 100)


def functions_of(file: SourceFile) -> Iterator[tuple[ast.FunctionDef, bytes]]:
    """The functions of 10 to 40 lines."""
    lines = file.content.splitlines(keepends=True)
    for node in ast.walk(ast.parse(file.content)):
        if isinstance(node, ast.FunctionDef) and 10 <= node.end_lineno - node.lineno + 1 <= 40:
            yield node, b"".join(lines[node.lineno - 1 : node.end_lineno])


@pytest.fixture(scope="module")
def functions(sample: list[SourceFile]) -> list[tuple[SourceFile, bytes]]:
    """Functions of four statements and 50 words or more, without comments, docstrings, prefixed strings."""
    found = [
        (file, code)
        for file in sample
        for node, code in functions_of(file)
        if len(node.body) >= 4
        and len(code.split()) > 50
        and not re.search(rb"#|\b[rbfu]+[\"']|\"\"\"|'''", code)
    ]
    assert len(found) >= 20
    return found


@pytest.fixture(scope="module")
def index(sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("vectors") / "index"
    build_index(directory, sample, with_vectors=True)
    return directory


def columns(directory: Path) -> dict[str, list[int]]:
    (segment,) = Index.open(directory).segments
    return {name: segment.file[name].all().tolist() for name in VECTOR_COLUMNS}


FUNCTION = b"""import os

def first(path, names):
    found = {}
    for name in names:
        if name in found:
            raise ValueError("twice", name)
        found[name] = os.path.join(path, name + ".txt", str(len(found) * 2))
    if not found:
        return None
    return [found[name] for name in sorted(found) if name != "index"]

value = 3
"""


def test_a_function_is_a_block_from_its_head_to_its_last_line() -> None:
    found = blocks(FUNCTION, PYTHON)
    assert list(zip(found.first_lines, found.last_lines, strict=True)) == [(3, 11)]


def test_braces_end_a_block_wherever_they_stand() -> None:
    body = b"".join(b"  total[%d] += read(source, %d) * (limit - %d) / 7;\n" % (n, n, n) for n in range(8))
    for head in (b"function sum(limit) {\n", b"function sum(limit)\n{\n", b"function sum(\n  limit\n) {\n"):
        code = b"first();\n" + head + body + b"}\nlast();\n"
        found = blocks(code, language_named("JavaScript"))
        assert (found.first_lines[0], found.last_lines[0]) == (2, code.count(b"\n") - 1)
    joined = b"if (limit) {\n" + body + b"} else {\n" + body + b"}\n"
    assert blocks(joined, language_named("JavaScript")).last_lines.tolist() == [19]


def test_names_layout_and_comments_do_not_change_a_vector(functions) -> None:
    for _, code in functions:
        plain = blocks(code, PYTHON, with_whole=True).codes
        wider = re.sub(rb"(?m)^( +)", rb"\1\1", renamed(code)).replace(b"\n", b"  # a remark\n", 1)
        assert np.array_equal(blocks(wider, PYTHON, with_whole=True).codes, plain)


def test_vectors_are_those_of_the_oracle(functions) -> None:
    code_of_block = oracle("blocks").code_of_block
    for _, code in functions[:20]:
        whole = blocks(code, PYTHON, with_whole=True)
        assert whole.codes[-1].tobytes() == code_of_block(structure(code, PYTHON), code)


def test_hostile_text_takes_bounded_time() -> None:
    for text in (
        b"(" * 10**6,
        b" a\n" * 10**5,
        b"".join(b" " * n + b"if x:\n" for n in range(2000)),
        b"\0" * 999,
    ):
        assert len(blocks(text, PYTHON, with_whole=True)) < 10**5


def test_what_was_renamed_and_reordered_is_found_with_its_lines(index: Path, functions) -> None:
    with_vectors = Tracer.open([index])
    without = Tracer.open([index], lanes=frozenset(Lane) - {Lane.VECTORS})
    found = before = 0
    for file, code in functions:
        text = reordered(renamed(code))
        matches = with_vectors.trace(text, path="q.py").matches
        before += any(match.origin == file.origin for match in without.trace(text, path="q.py").matches)
        if not matches or matches[0].origin != file.origin:
            continue
        found += 1
        if Lane.VECTORS in matches[0].found_by:
            lines = matches[0].source.lines
            assert matches[0].kind is Kind.RENAMED
            assert lines is not None
            first = file.content[: file.content.index(code)].count(b"\n") + 1
            assert abs(lines.first - first) <= 2
            assert abs(lines.last - first - code.count(b"\n") + 1) <= 2
    assert found >= 0.9 * len(functions)
    assert found >= before + 0.15 * len(functions)


def test_what_other_lanes_found_stays_what_it_is(index: Path, functions) -> None:
    with_vectors = Tracer.open([index])
    without = Tracer.open([index], lanes=frozenset(Lane) - {Lane.VECTORS})
    for _, code in functions:
        assert with_vectors.trace(code, path="q.py") == without.trace(code, path="q.py")


def test_strange_functions_are_hardly_ever_accused(index: Path, real_files: list[SourceFile]) -> None:
    tracer = Tracer.open([index], lanes={Lane.VECTORS})
    strange = [
        code
        for file in real_files
        if re.fullmatch(r"(click|packaging)/.*\.py", file.origin.path)
        for _, code in functions_of(file)
    ]
    accused = [code for code in strange if tracer.trace(code, path="q.py").matches]
    assert len(strange) > 200
    assert len(accused) <= 0.01 * len(strange)


def test_compaction_and_merging_keep_just_the_vectors_of_what_is_live(sample, tmp_path: Path) -> None:
    gone = sample[3]
    build_index(tmp_path / "grown", sample[::2], with_vectors=True)
    add_files(tmp_path / "grown", sample[1::2])
    remove(tmp_path / "grown", [str(gone.swhid)])
    compact(tmp_path / "grown")
    kept = [file for file in [*sample[::2], *sample[1::2]] if file is not gone]
    build_index(tmp_path / "fresh", kept, with_vectors=True)
    assert columns(tmp_path / "grown") == columns(tmp_path / "fresh")
    merge_indexes(tmp_path / "merged", [tmp_path / "fresh"])
    assert columns(tmp_path / "merged") == columns(tmp_path / "fresh")


def test_what_was_removed_is_not_proposed(sample, functions, tmp_path: Path) -> None:
    build_index(tmp_path / "index", sample, with_vectors=True)
    file, code = functions[0]
    text = reordered(renamed(code))
    assert Tracer.open([tmp_path / "index"], lanes={Lane.VECTORS}).trace(text, path="q.py").matches
    remove(tmp_path / "index", [str(file.swhid)])
    matches = Tracer.open([tmp_path / "index"], lanes={Lane.VECTORS}).trace(text, path="q.py").matches
    assert file.origin not in {match.origin for match in matches}


def test_segments_with_and_without_vectors_live_side_by_side(sample, functions, tmp_path: Path) -> None:
    build_index(tmp_path, sample[:40])
    add_files(tmp_path, sample[40:], with_vectors=True)
    compact(tmp_path)
    assert [segment.has_vectors for segment in Index.open(tmp_path).segments] == [False, True]
    for _, code in functions[:5]:
        Tracer.open([tmp_path]).trace(reordered(renamed(code)), path="q.py")


def test_the_sparse_profile_has_no_vectors(sample, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="profile sparse has no vectors"):
        build_index(tmp_path, sample[:2], profile=Profile.SPARSE, with_vectors=True)
    build_index(tmp_path, sample[:2], with_vectors=True)
    add_files(tmp_path, sample[2:4], profile=Profile.SPARSE)


def test_without_faiss_the_lane_is_silent_and_building_says_what_to_install(
    index: Path, sample, functions, tmp_path: Path, monkeypatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(vectors, "has_faiss", lambda: False)
    monkeypatch.setattr(similar, "has_faiss", lambda: False)
    with pytest.raises(MissingExtraError, match=r"sc-attrib\[vectors\]"):
        build_index(tmp_path, sample[:1], with_vectors=True)
    with caplog.at_level(logging.DEBUG):
        tracer = Tracer.open([index], lanes={Lane.VECTORS})
        assert tracer.trace(reordered(renamed(functions[0][1])), path="q.py").matches == ()
    assert [record.levelname for record in caplog.records] == ["DEBUG"]


def test_faiss_is_not_loaded_for_an_index_without_vectors(real_index: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from attribution.trace import Tracer\n"
        f"Tracer.open([Path({str(real_index)!r})]).trace({FUNCTION!r}, path='q.py')\n"
        "sys.exit('faiss' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
