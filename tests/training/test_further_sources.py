"""Documentation and notebooks beside code: what is read of real packages, and what becomes of it."""

from __future__ import annotations

import importlib.metadata
import json
import sysconfig
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from attribution.model import Origin, SourceFile
from attribution.sources.documentation import is_documentation
from attribution.sources.files import Choice
from attribution.sources.packages import read_packages
from attribution.sources.tree import read_tree
from training.data.documents import Notebooks, Opening, open_document
from training.data.kinds import kind_of
from training.data.languages import language_of_document
from training.data.marked import segments_of
from training.data.metadata import description_of
from training.data.shards import PackedRows
from training.data.stage import Document
from training.tokenizer import CONTROL_TOKENS, fingerprint, load_tokenizer

STANDARD_LIBRARY = Path(sysconfig.get_paths()["stdlib"])
PAIRS = Opening(notebooks=Notebooks.PAIRS)
PACKAGES = frozenset({"click", "hypothesis", "pluggy"})


def opened(content: bytes, path: str = "note.ipynb", opening: Opening = PAIRS) -> Document:
    origin = Origin(url="https://example.org/project", path=path)
    document = open_document(SourceFile(content=content, origin=origin), opening)
    assert isinstance(document, Document)
    return document


def shown(document: Document) -> str:
    return "".join("".join(s.tokens) + s.text for s in segments_of(document.text, document.marks))


def code(source: str, *outputs: dict[str, object]) -> dict[str, object]:
    lines = source.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [*outputs], "source": lines}


def text(source: str) -> dict[str, object]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def printed(what: str) -> dict[str, object]:
    return {"output_type": "stream", "name": "stdout", "text": what.splitlines(keepends=True)}


def notebook(*cells: dict[str, object], language: str = "python") -> bytes:
    metadata = {"kernelspec": {"name": "k", "language": language}, "language_info": {"name": language}}
    whole = {"cells": [*cells], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1).encode()


def real_notebook() -> bytes:
    """The functions of a real module, each below the docstring that explains it."""
    functions = (STANDARD_LIBRARY / "textwrap.py").read_text("utf-8").split("\ndef ")[1:]
    cells = [cell for f in functions for cell in (text(f.split('"""')[1]), code(f"def {f}", printed("ok\n")))]
    return notebook(*cells)


def test_a_notebook_is_a_chain_of_text_code_and_output() -> None:
    image = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo="}, "metadata": {}}
    result = {
        "output_type": "execute_result",
        "data": {"text/plain": ["3"]},
        "metadata": {},
        "execution_count": 1,
    }
    cells = (
        text("# Sums"), text("Of two numbers."),
        code("a = 1\n", printed("lost\n")), code("print(a)\n1 + 2", printed("\x1b[31m1\x1b[0m\n"), result),
        text("Silence"), code("b = 2"), text("A picture"), code("plot(b)", image),
        text("Much"), code("print(list(range(999)))", printed("0, 1, 2\n" * 200)),
    )  # fmt: skip
    assert shown(opened(notebook(*cells))) == (
        "<jupyter_start><jupyter_text># Sums\nOf two numbers.\n"
        "<jupyter_code>a = 1\nprint(a)\n1 + 2\n<jupyter_output>1\n3\n"
        "<jupyter_text>Silence\n<jupyter_code>b = 2\n<jupyter_output><empty_output>"
        "<jupyter_text>A picture\n<jupyter_code>plot(b)\n"
        "<jupyter_text>Much\n<jupyter_code>print(list(range(999)))\n"
    )


def test_real_code_and_docstrings_are_in_the_chain_as_they_are() -> None:
    document = opened(real_notebook())
    assert (document.language, kind_of(document.language)) == ("Jupyter Notebook", "Jupyter")
    script = opened(real_notebook(), opening=Opening())
    assert script.language == "Python" and script.marks == ()
    cells = [s.text for s in segments_of(document.text, document.marks) if "<jupyter_code>" in s.tokens]
    assert "".join(cells).split() == script.text.split() and len(cells) == 5


@pytest.mark.parametrize(
    "content",
    [
        notebook(code("x = 1")),
        notebook(text("Text"), code("x <- 1"), language="R"),
        notebook(code("x = 1"), text(" \n")),
    ],
)
def test_other_notebooks_stay_scripts(content: bytes) -> None:
    """Without text there are no pairs, and only Python is taken so, as in StarCoder2."""
    assert opened(content).marks == ()


def test_a_cell_that_never_ran_has_no_output_and_a_kernel_may_name_the_language() -> None:
    """Many notebooks are stored without outputs, and with a kernel's name alone."""
    never_ran = {**code("x = 1"), "execution_count": None}
    whole = json.loads(notebook(text("Text"), never_ran))
    whole["metadata"] = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    content = json.dumps(whole).encode()
    assert shown(opened(content)) == "<jupyter_start><jupyter_text>Text\n<jupyter_code>x = 1\n"


def test_halves_of_characters_in_a_notebook_are_replaced() -> None:
    content = notebook(text("Half: X"), code("x = 1")).replace(b"X", b"\\ud83d")
    assert "Half: ?" in opened(content).text


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_of_a_real_package_the_readme_is_read_without_its_fields(name: str) -> None:
    distribution = importlib.metadata.distribution(name)
    content = (distribution.read_text("METADATA") or "").encode()
    body, language = description_of(content)
    described = distribution.metadata.get_payload()
    assert body.decode().strip() == str(described).strip() and len(body) > 200
    assert language == ("Markdown" if b"Content-Type: text/markdown" in content else "reStructuredText")
    assert b"Metadata-Version" not in body


def test_a_description_folded_into_its_field_is_unfolded() -> None:
    """Core metadata before 2.1."""
    fields = b"Metadata-Version: 1.1\nName: x\nDescription: Title\n"
    head = fields + b"        =====\n        \n        Text.\nLicense: MIT\n"
    assert description_of(head)[0] == b"Title\n=====\n\nText."
    assert description_of(b"Metadata-Version: 2.1\nName: x\n") == (b"", "reStructuredText")


def test_documentation_of_packages_is_read_only_where_it_is_asked_for() -> None:
    code_only, both = (
        {f.origin.path: f for f in read_packages(skipped=Counter(), only=PACKAGES, choice=choice)}
        for choice in (Choice(), Choice(documentation=True))
    )
    more = both.keys() - code_only.keys()
    assert code_only.keys() <= both.keys() and more
    assert all(is_documentation(path) for path in more)
    assert not any(is_documentation(path) for path in code_only)
    licenses = {both[path].origin.license.expression for path in more if path.endswith("/METADATA")}
    assert licenses == {"BSD-3-Clause", "MPL-2.0", "MIT"}


def test_names_tell_documentation_from_data_and_licences(tmp_path: Path) -> None:
    names = ("README", "README.rst", "docs/guide/intro.txt", "notes/API.adoc", "CHANGELOG.txt", "a.md")
    others = (
        "LICENSE.md",
        "COPYING",
        "words.txt",
        "docs/conf",
        "data.csv",
        "docs/picture.svg",
        "README.html",
    )
    for name in (*names, *others):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Some words.\n")
    skipped: Counter[str] = Counter()
    found = read_tree(tmp_path, skipped=skipped, choice=Choice(documentation=True))
    assert sorted(f.origin.path for f in found) == sorted(names)
    assert skipped == {"not source code": len(others)}
    assert [*read_tree(tmp_path, skipped=Counter())] == []


def test_the_command_packs_notebooks_and_documentation(run_cli, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "docs").mkdir(parents=True)
    (tree / "LICENSE").write_text((Path(__file__).parents[2] / "LICENSE").read_text("utf-8"))
    (tree / "note.ipynb").write_bytes(real_notebook())
    (tree / "shlex.py").write_bytes((STANDARD_LIBRARY / "shlex.py").read_bytes())
    (tree / "docs" / "intro.txt").write_text("How one begins with it, and what <jupyter_start> means.\n" * 2)
    out = tmp_path / "out"
    words = ("train", "curate", "--tree", tree, "--out", out, "--documentation", "--recipe", "notebook-both")
    done = run_cli(*words, "--processes", "1", "--vocabulary", "512", "--row-tokens", "256")
    assert done.returncode == 0, done.stderr
    card = (out / "card.md").read_text("utf-8")
    for kind in ("Code", "Documentation", "Jupyter"):
        assert f"| {kind} | 1 |" in card
    rows = {row["path"]: row for row in pq.read_table(out / "curated-00000.parquet").to_pylist()}
    assert rows["/note.ipynb"]["marks"][:2] == [
        {"position": 0, "token": "<jupyter_start>"},
        {"position": 0, "token": "<jupyter_text>"},
    ]
    tokenizer = load_tokenizer(out / "tokenizer.json")
    packed = PackedRows(out / "shards" / "train", tokenizer=fingerprint(tokenizer))
    ids = [i for number in range(len(packed)) for i in packed.batch([number]).ids.ravel().tolist()]
    counts = Counter(CONTROL_TOKENS[i] for i in ids if i < len(CONTROL_TOKENS))
    assert counts["<jupyter_code>"] == counts["<jupyter_output>"] == 5
    assert counts["<jupyter_script>"] >= 1 and counts["<jupyter_start>"] >= 1


@pytest.mark.parametrize(
    ("path", "content", "language"),
    [
        ("a.h", "int area(int width);\n/* class x: std::vector, namespace */\n", "C"),
        ("a.h", "#pragma once\ntorch::Tensor area(int width);\n", "C++"),
        ("a.h", "@interface Area : NSObject\n@end\n", "Objective-C"),
        ("a.h", "// -*- mode: c++; indent: 2 -*-\nint area();\n", "C++"),
        ("a.m", "% Area of a rectangle\nfunction a = area(w, h)\na = w * h;\nend\n", "MATLAB"),
        ("a.m", "#import <Foundation/Foundation.h>\nint main() {}\n", "Objective-C"),
        ("a.m", "(* Area *)\narea[w_, h_] := w h\n", "Mathematica"),
        ("a.pl", "area(W, H, A) :- A is W * H.\n", "Prolog"),
        ("a.pl", "use strict;\nmy $area = $w * $h;\n", "Perl"),
        ("a.pl", "#!/usr/bin/swipl\nmain.\n", "Prolog"),
        ("a.v", "module area(input [7:0] w);\nendmodule\n", "Verilog"),
        ("a.v", "Lemma area : forall w, w = w.\nProof. auto. Qed.\n", "Coq"),
        ("a.v", "pub fn area(w int) int {\n\treturn w\n}\n", "V"),
        ("a.ts", '<?xml version="1.0"?>\n<!DOCTYPE TS>\n<TS version="2.1">\n</TS>\n', "XML"),
        ("a.ts", "export const area = (w: number): number => w;\n", "TypeScript"),
        ("bin/area", "#!/usr/bin/env -S python3.11 -u\nprint(1)\n", "Python"),
        ("bin/area", "#! /usr/local/bin/Rscript --vanilla\nprint(1)\n", "R"),
        ("bin/area", "#!/usr/bin/env LANG=C bash\necho 1\n", "Shell"),
        ("bin/area", "#!/usr/bin/env deno\nconsole.log(1)\n", "TypeScript"),
        ("bin/area", "echo 1\n# vim: set ts=2 ft=sh:\n", "Shell"),
        ("README", "Areas of rectangles.\n", "Text"),
        ("a.py", "#!/bin/sh\nprint(1)\n", "Python"),
    ],
)
def test_ambiguous_names_are_told_by_their_text(path: str, content: str, language: str) -> None:
    assert language_of_document(path, content.encode()) == language


def test_real_headers_of_c_are_not_taken_for_its_relatives() -> None:
    """Python's own, of which many hold guards for C++."""
    headers = sorted(Path(sysconfig.get_paths()["include"]).rglob("*.h"))
    if not headers:
        pytest.skip("needs the headers of Python (python3-dev)")
    found = Counter(language_of_document(path.name, path.read_bytes()) for path in headers)
    assert found["C"] >= 0.95 * len(headers)
