"""Which brackets an answer may close."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.brackets import fit_brackets

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("before", "answer", "after", "kept"),
    [
        ("x = f(", "a, b)", "", "a, b)"),
        ("x = f(", "a, b)", ")", "a, b"),
        ("x = f(g(", "a))", ")", "a)"),
        ("x = f(\n    a=g(", "1)),", "\n    b=2,\n)\n", "1)"),
        ("x = f(\n    g(\n        a=1,\n        b=", "c) == 0:", "\n        d=2,\n    ),\n    e,\n)\n", "c"),
        ("x = [\n    f(", "1)],", "\n]\ny = g()\n", "1)"),
        ("x = ", "y)", "\nz = 1\n", "y"),
        ("x = [", "f(1]", "\n", "f(1"),
        ("if f(", "a) and g(", "):\n", "a) and g("),
        ("def __init", "__(self, *args):", "\n    self,\n):\n    pass\n", "__("),
        ("    raise Bad", 'Parameter("no")', "\n        'more'\n    )\n", "Parameter("),
        ("run", "(a)(b)", "\n    c\n)\n", "(a)("),
        ("x = a", "[0]", "\n    b\n)\n", "[0]"),
        ("x = f(", "':)', a))", "\n", "':)', a)"),
        ("x = f('", ":)')", ")\n", ":)'"),
        ("x = f(  # :(\n    ", "a))", "\n", "a)"),
        ("/* (( */ f(", "a))", ";\n", "a)"),
        ("fn f<'a>(x: &'a [u8", "], y: T))", ") {\n}\n", "], y: T"),
        ("f(() => {\n  g(", "x))", "\n})\n", "x)"),
        ("x = a.replace(/\\(.*/, ", "'')", ";\n", "'')"),
        ("class A {\n  f() {\n    x = { a: 1", " }", "\n  }\n}\n", " }"),
        ("class A {\r\n  f() {\r\n    g(", "1))", "\r\n  }\r\n}\r\n", "1)"),
    ],
)
def test_what_is_kept(before, answer, after, kept):
    assert fit_brackets(answer, before, after) == kept


@pytest.mark.parametrize("levels", [1, 4, 12])
def test_brackets_further_out_than_is_looked_do_not_confuse(levels):
    before = "".join(f"{'  ' * level}f({{\n" for level in range(levels)) + "  " * levels + "g("
    after = "\n" + "".join(f"{'  ' * level}}})\n" for level in reversed(range(levels)))
    assert fit_brackets("x)", before, after) == "x)"
    assert fit_brackets("x))", before, after) == "x)"


def test_inside_a_long_string_all_is_allowed():
    text = '"""Usage:\n\nIt says :) and more:\n' + "as it is\n" * 3
    assert fit_brackets("so :)", text, '\n"""\n') == "so :)"


@pytest.mark.parametrize("pattern", ["assistant/**/*.py", "lsp/nvim/**/*.lua", "vscode-ext/src/**/*.ts"])
def test_the_rest_of_a_real_line_is_kept_as_it_is(pattern):
    """But for one in a hundred: patterns between slashes and the like are not told from code."""
    chosen = random.Random(7)
    cut: list[str] = []
    count = 0
    for path in sorted(ROOT.glob(pattern)):
        text = path.read_text(encoding="utf-8")
        ends = [i for i, character in enumerate(text) if character == "\n" and text[i - 1 : i].strip()]
        for end in chosen.sample(ends, min(len(ends), 40)):
            start = text.rfind("\n", 0, end) + 1
            cursor = chosen.randint(start, end)
            rest = text[cursor:end]
            count += 1
            cut += [f"{path}: {text[start:end]}"] * (fit_brackets(rest, text[:cursor], text[end:]) != rest)
    assert count > 100
    assert len(cut) <= count / 100, cut


@given(*[st.text(alphabet="([{}])\"'`#/*\\ \n\r\tab", max_size=60)] * 3)
def test_whatever_it_is_given_it_answers_a_head_of_it(answer, before, after):
    assert answer.startswith(fit_brackets(answer, before, after))
