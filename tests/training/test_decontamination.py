"""Documents that hold items of evaluation sets are dropped, and named by set and item only."""

from __future__ import annotations

import gzip
import json
import pickle
import random
import string
import sysconfig
import textwrap
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.errors import UnreadableInputError
from attribution.model import Origin, SourceFile
from training.data.config import digest
from training.data.decontamination.needles import build_needles
from training.data.decontamination.runs import LiteralRuns
from training.data.decontamination.sets import EvaluationSet, ItemText, read_texts
from training.data.decontamination.stage import DropContaminated
from training.data.stage import Document, DropReason

DESCRIPTION = (
    "Given the harvest of each orchard in baskets, answer the names of those orchards that brought more than "
    "the average of their two neighbours on the river, counted downstream from the spring, without the first "
    "and the last."
)
SOLUTION = """\
    chosen = []
    for upstream, here, downstream in zip(harvest, harvest[1:], harvest[2:]):
        average = (upstream.baskets + downstream.baskets) / 2
        if here.baskets > average:
            chosen.append(here.name)
    return chosen
"""
HEAD = "def above_neighbours(harvest: list) -> list:"
PROMPT = f'{HEAD}\n    """{DESCRIPTION}\n    >>> above_neighbours([])\n    []\n    """\n'
FUNCTION = f"def f(harvest):\n{SOLUTION}"
FORMATS = {
    "HumanEval": {
        "task_id": "HumanEval/900",
        "prompt": PROMPT,
        "canonical_solution": SOLUTION,
        "entry_point": "x",
    },
    "MBPP": {"task_id": 900, "text": DESCRIPTION, "code": FUNCTION, "test_list": []},
    "MBPP sanitised": {"task_id": 900, "prompt": DESCRIPTION, "code": FUNCTION, "test_list": []},
    "DS-1000": {"prompt": f"Problem:\n{DESCRIPTION}\nA:\n<code>\n", "reference_code": SOLUTION},
    "APPS": {"problem_id": 900, "question": DESCRIPTION, "solutions": "[]", "input_output": "{}"},
    "GSM8K": {"question": DESCRIPTION, "answer": "#### 4"},
    "MultiPL-E": {
        "name": "HumanEval_900",
        "language": "js",
        "prompt": f"//{DESCRIPTION}\nf(){{\n",
        "tests": "",
    },
}


def write(path, rows):
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def document(text):
    origin = Origin(url="https://example.org/x", path="a.py")
    return Document(
        file=SourceFile(content=text.encode("utf-8", "replace"), origin=origin), text=text, language="Python"
    )


@pytest.fixture(scope="module")
def real_texts():
    return [path.read_text("utf-8") for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:150]]


@pytest.fixture
def humaneval(tmp_path):
    return EvaluationSet.of(write(tmp_path / "HumanEval.jsonl", [FORMATS["HumanEval"]]))


def details(stage, text):
    return [dropped.detail for dropped in stage([document(text)]).dropped]


@pytest.mark.parametrize("name", FORMATS)
def test_published_format_is_told_by_its_fields(tmp_path, name, real_texts):
    """The description as it stands in the set, inside a real file."""
    source = EvaluationSet.of(write(tmp_path / "set.jsonl", [FORMATS[name]]))
    row = FORMATS[name]
    text = row.get("question") or row.get("text") or row["prompt"]
    judged = DropContaminated(sets=(source,))([document(f"{real_texts[0]}\n'''{text}'''\n{real_texts[1]}")])
    assert [dropped.reason for dropped in judged.dropped] == [DropReason.CONTAMINATED]
    assert "whole" in judged.dropped[0].detail
    assert judged.kept == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: s, "whole solution of HumanEval HumanEval/900"),
        (lambda s: textwrap.indent(s, "\t\t"), "whole solution of HumanEval HumanEval/900"),
        (lambda s: s.replace("\n", "\r\n\n"), "whole solution of HumanEval HumanEval/900"),
        (lambda s: s.upper(), "whole solution of HumanEval HumanEval/900"),
        (lambda s: s.replace("chosen", "picked"), "of solution of HumanEval HumanEval/900"),
        (
            lambda s: s.replace("    if", "    # more than both\n        if"),
            "of solution of HumanEval HumanEval/900",
        ),
    ],
    ids=["verbatim", "indented", "line ends", "capitals", "renamed", "commented"],
)
def test_solution_is_found_however_it_is_laid_out(humaneval, real_texts, change, expected):
    (detail,) = details(
        DropContaminated(sets=(humaneval,)), f"{real_texts[3]}\ndef f(h):\n{change(SOLUTION)}"
    )
    assert detail.endswith(expected)


def test_description_is_found_behind_the_marks_of_comments(humaneval):
    wrapped = textwrap.wrap(DESCRIPTION, 60)
    for mark in ("# ", "// ", " * "):
        assert details(DropContaminated(sets=(humaneval,)), "\n".join(mark + line for line in wrapped))


def test_solution_is_found_under_other_names(humaneval, real_texts):
    """Every name changed, so that hardly a run of words is the same; in other languages nobody looks."""
    renamed = SOLUTION
    for name in ("chosen", "upstream", "downstream", "here", "harvest", "average"):
        renamed = renamed.replace(name, f"{name[::-1]}x")
    text = f"{real_texts[3]}\ndef f(h):\n{renamed}"
    stage = DropContaminated(sets=(humaneval,))
    (detail,) = details(stage, text)
    assert detail.endswith("of the structure of solution of HumanEval HumanEval/900")
    assert details(replace(stage, share_of_structure=None), text) == []
    assert stage([replace(document(text), language="Java")]).dropped == ()


def test_only_whole_texts_count_without_a_share(humaneval):
    stage = DropContaminated(sets=(humaneval,), share=None, share_of_structure=None)
    assert details(stage, SOLUTION.replace("chosen", "picked")) == []
    assert details(stage, SOLUTION) == ["whole solution of HumanEval HumanEval/900"]


def test_real_files_are_kept(humaneval, real_texts):
    judged = DropContaminated(sets=(humaneval,))([document(text) for text in real_texts])
    assert len(judged.kept) == len(real_texts)
    assert judged.dropped == ()


def test_detail_holds_no_text_of_the_document_or_the_set(humaneval):
    (detail,) = details(DropContaminated(sets=(humaneval,)), PROMPT + SOLUTION)
    assert not set(detail.split()) & set(f"{DESCRIPTION} {SOLUTION}".split()) - {"of"}


def test_short_texts_are_not_looked_for_and_a_notice_says_so(tmp_path):
    row = {**FORMATS["HumanEval"], "canonical_solution": "    return a + b\n"}
    stage = DropContaminated(sets=(EvaluationSet.of(write(tmp_path / "set.jsonl", [row])),))
    judged = stage([document("def add(a, b):\n    return a + b\n")])
    assert judged.dropped == ()
    assert judged.notices == {
        "1 of 2 texts of the evaluation sets have fewer than 16 tokens and were not looked for"
    }


def test_frame_that_all_items_share_makes_no_document_contaminated(tmp_path):
    """Imports that a set puts before each of its prompts are nobody's."""
    frame = "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt\nimport scipy as sp\n"
    words = random.Random(1)
    rows = [
        {
            "prompt": f"{frame}{''.join(words.choices(string.ascii_lowercase, k=6))} = 1",
            "reference_code": SOLUTION,
        }
        for _ in range(12)
    ]
    stage = DropContaminated(sets=(EvaluationSet.of(write(tmp_path / "ds.jsonl", rows)),))
    assert details(stage, f"{frame}\nprint(np.zeros(3))\n") == []


def test_fields_may_be_named(tmp_path):
    path = write(tmp_path / "own.jsonl", [{"id": "a7", "passage": DESCRIPTION, "label": 3}])
    stage = DropContaminated(sets=(EvaluationSet.of(path, name="Own", fields=("passage",)),))
    assert details(stage, f"# {DESCRIPTION}") == ["whole passage of Own a7"]


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".json", ".parquet"])
def test_other_containers_are_read(tmp_path, suffix):
    rows, path = [FORMATS["HumanEval"]], tmp_path / f"set{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_bytes(gzip.compress(json.dumps(rows[0]).encode()))
    assert [text.part for text in read_texts(EvaluationSet.of(path))] == ["docstring", "solution"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b'{"a": 1}\n',
            "row 1 is of no known format (HumanEval, DS-1000, MBPP, MultiPL-E, APPS, GSM8K); name",
        ),
        (b'{"question": 1, "answer": 2}\n{"que', "line 2 is not JSON"),
        (b"[1]", "row 1 is not an object"),
        (b"\xff\xfe\x00", "cannot be read as text"),
        (b"[" * 100_000, "the file is not JSON"),
    ],
)
def test_file_that_is_no_evaluation_set_is_refused_in_one_sentence(tmp_path, content, words):
    path = tmp_path / "set.jsonl"
    path.write_bytes(content)
    with pytest.raises(UnreadableInputError) as caught:
        DropContaminated(sets=(EvaluationSet.of(path),))([])
    assert str(path) in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_broken_and_truncated_files_are_refused(tmp_path):
    with pytest.raises(UnreadableInputError, match="No such file"):
        EvaluationSet.of(tmp_path / "none.jsonl")
    for name, content in (("a.parquet", b"PAR1"), ("a.jsonl.gz", gzip.compress(b"{}" * 99)[:-5])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableInputError, match="read"):
            list(read_texts(EvaluationSet.of(tmp_path / name)))
    own = EvaluationSet.of(write(tmp_path / "own.jsonl", [{"a": 1, "b": 2}]), fields=("c",))
    with pytest.raises(UnreadableInputError, match="has no field 'c'; it has: a, b"):
        list(read_texts(own))


def test_set_that_changed_after_it_was_named_is_refused(tmp_path, humaneval):
    humaneval.path.write_text("{}")
    with pytest.raises(UnreadableInputError, match="is not the file that was named first"):
        list(read_texts(humaneval))


def test_configuration_pickles_and_is_written_down(humaneval):
    stage = DropContaminated(sets=(humaneval,))
    assert pickle.loads(pickle.dumps(stage)) == stage
    assert digest(stage) != digest(DropContaminated(sets=(humaneval,), share=0.9))


@pytest.mark.parametrize(
    "text",
    ["x" * 10_000_000, "a b " * 2_500_000, SOLUTION.replace("\n", " ") * 20_000, "", "\ud800\0"],
    ids=len,
)
def test_any_text_is_judged(humaneval, text):
    judged = DropContaminated(sets=(humaneval,))([document(text)])
    assert len(judged.kept) + len(judged.dropped) == 1


_TOKENS = st.lists(st.sampled_from(["alpha", "beta", "x", "(", ")", "+", "=", "7"]), min_size=1, max_size=60)


@given(_TOKENS, _TOKENS, _TOKENS, st.sampled_from([" ", "\n", "\t "]))
@settings(max_examples=200)
def test_a_text_of_enough_tokens_is_found_wherever_it_stands(before, words, after, space):
    text = " ".join(words)
    needles = build_needles(
        [ItemText("s", "1", "text", text)], LiteralRuns(tokens=4), least_runs=3, common_texts=8
    )
    found = list(needles.find(space.join([*before, *words, *after]).encode(), share=2.0, least_runs=1))
    assert bool(found) == (len(words) >= 6)
    assert all(overlap.is_exact and overlap.share == 1 for overlap in found)


@given(_TOKENS, _TOKENS)
@settings(max_examples=200)
def test_share_is_that_of_sets_of_runs(words, document_words):
    def runs(tokens):
        return {tuple(tokens[at : at + 4]) for at in range(len(tokens) - 3)}

    needles = build_needles(
        [ItemText("s", "1", "t", " ".join(words))], LiteralRuns(tokens=4), least_runs=3, common_texts=8
    )
    found = list(needles.find(" ".join(document_words).encode(), share=0.0, least_runs=1))
    shared = runs(words) & runs(document_words)
    if len(words) >= 6 and shared:
        assert found[0].share == pytest.approx(len(shared) / len(runs(words)))
    else:
        assert found == []
