"""What is kept of a model's answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.trim import Gap, begins_block, is_complete, trim


def gap(prefix: str, suffix: str = "", *, multiline: bool = True, max_lines: int = 24) -> Gap:
    return Gap(prefix=prefix, suffix=suffix, multiline=multiline, max_lines=max_lines)


def test_a_single_line_ends_with_its_line():
    assert trim("1 + 2\ny = 3\n", gap("x = ", multiline=False), finished=True) == "1 + 2"


def test_a_block_ends_where_the_indentation_falls_back():
    answer = "if x:\n        return 1\n    return 2\n\ndef g():\n    pass"
    assert trim(answer, gap("def f(x):\n    "), finished=True) == "if x:\n        return 1\n    return 2"


def test_a_block_that_a_colon_opens_is_deeper_than_its_line():
    assert trim("\n    return 1\nx = 2\n", gap("def f():"), finished=True) == "\n    return 1"


def test_a_closing_bracket_one_level_out_belongs_to_the_block():
    answer = "\n    1,\n    2,\n]\nx = 3"
    assert trim(answer, gap("a = ["), finished=True) == "\n    1,\n    2,\n]"


def test_tabs_indent_as_well():
    assert trim("a()\n\tb()\nc()\n", gap("if x {\n\t"), finished=True) == "a()\n\tb()"


def test_two_blank_lines_end_a_block():
    assert trim("a = 1\n\n\n\nb = 2\n", gap(""), finished=True) == "a = 1"


def test_no_more_lines_than_asked_for():
    assert trim("a\nb\nc\nd\n", gap("", max_lines=2), finished=True) == "a\nb"


@pytest.mark.parametrize(
    ("prefix", "suffix", "answer", "kept"),
    [
        ("f(", ")\n", "a, b)", "a, b"),
        ("f(", ")\n", "g(a), b)", "g(a), b"),
        ("f(", ")\n", "g(a)", "g(a)"),
        ("if f(", "):\n", "g(a)):", "g(a)"),
        ('x = "', '"\n', 'text"', "text"),
        ("x = [", "]\n", "1, 2]", "1, 2"),
        ("print(", "value)\n", "f'{x}', value)", "f'{x}',"),
        ("a = ", "  # note\n", "1  # note", "1"),
    ],
)
def test_what_the_rest_of_the_line_says_already_is_not_said_again(prefix, suffix, answer, kept):
    assert trim(answer, gap(prefix, suffix, multiline=False), finished=True) == kept


def test_lines_that_follow_already_are_not_repeated():
    place = gap("def f(x):\n    ", "\n    return total\n")
    assert trim("total = x\n    return total\n", place, finished=True) == "total = x"


def test_the_line_that_comes_next_is_no_suggestion():
    assert trim("return total", gap("def f(x):\n    ", "\n    return total\n"), finished=True) == ""


def test_the_same_line_in_an_inner_block_is_kept():
    place = gap("def f(x):\n    ", "\n    return x\n")
    answer = "if not x:\n        return x"
    assert trim(answer, place, finished=True) == answer


def test_a_closing_bracket_that_follows_already_is_not_repeated():
    assert trim("\n    1,\n]", gap("a = [", "\n]\n"), finished=True) == "\n    1,"


def test_an_equal_line_that_only_closes_something_of_the_answers_own_is_kept():
    place = gap("x = {\n    ", "\n}\n")
    answer = "'a': {\n        'b': 1,\n    },\n    'c': 2,"
    assert trim(answer, place, finished=True) == answer


@pytest.mark.parametrize(("text", "kept"), [("result.appe", "result."), ("total", ""), ("f(x)", "f(x)")])
def test_a_word_that_a_limit_may_have_halved_is_left_out(text, kept):
    assert trim(text, gap("x = ", multiline=False), finished=False) == kept


def test_a_line_that_a_limit_may_have_halved_is_left_out():
    assert trim("a = 1\n    b = f(", gap("def f():\n    "), finished=False) == "a = 1"


def test_member_access_is_no_place_to_stop():
    """Stop strings such as a dot cut ``result.append`` in other assistants."""
    assert trim("result.append(x)", gap("    ", multiline=False), finished=True) == "result.append(x)"


@pytest.mark.parametrize("answer", ["", " ", "\n", "\n\n   \n", "\t"])
def test_white_space_is_no_suggestion(answer):
    assert trim(answer, gap("x = "), finished=True) == ""


def test_what_stands_there_already_is_no_suggestion():
    assert trim("return x", gap("    ", "return x\n", multiline=False), finished=True) == ""


@pytest.mark.parametrize(
    ("prefix", "suffix", "expected"),
    [
        ("def f():", "\n", True),
        ("def f():\n    ", "\n", True),
        ("", "", True),
        ("f({", "})\n", True),
        ("x = ", "\n", False),
        ("undo", "\n", False),
        ("while read line; do", "\n", True),
        ("x = f(", ") + g(1)\n", False),
        ("for x in ", "xs:\n", False),
    ],
)
def test_several_lines_are_suggested_where_a_block_begins(prefix, suffix, expected):
    assert begins_block(prefix, suffix) is expected


codes = st.text(st.sampled_from("ab(){}[]:., \n\t\r=\"'é\N{DUCK}"), max_size=60)


@given(codes, codes, codes, st.booleans(), st.booleans())
def test_what_is_kept_begins_the_answer_and_never_ends_in_white_space(
    prefix, suffix, answer, multiline, finished
):
    kept = trim(answer, gap(prefix, suffix, multiline=multiline), finished=finished)
    assert answer.startswith(kept)
    assert kept == kept.rstrip()


@given(codes, codes, codes, codes, st.booleans())
def test_once_complete_more_tokens_change_nothing(prefix, suffix, answer, more, multiline):
    """Generating may stop as soon as the answer is complete."""
    place = gap(prefix, suffix, multiline=multiline)
    if is_complete(answer, place):
        assert trim(answer + more, place, finished=True) == trim(answer, place, finished=True)
