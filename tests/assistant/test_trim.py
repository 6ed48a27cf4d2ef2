"""What is kept of a model's answer."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.layout import Layout
from assistant.trim import Gap, begins_block, end_of_sense, is_complete, trim


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


@pytest.mark.parametrize(
    ("prefix", "suffix", "answer", "kept"),
    [
        ("function f(x) {", "\n", "\n  return x;\n}\n\nfunction g() {\n", "\n  return x;\n}"),
        ("function f(x) {\n  ", "\n}\n", "return x;\n}\nf(1);\n", "return x;"),
        ("int f(void) {\n    ", "\n", "x = 1;\n    }\n    y();\n", "x = 1;"),
        ("f() {\n\t", "\n}\n", "if e != nil {\n\t\treturn e\n\t}\n}", "if e != nil {\n\t\treturn e\n\t}"),
        ("call(", "\n", "\n    a,\n    b,\n)\ncall()\n", "\n    a,\n    b,\n)"),
        ("if (x) {", "\n", "\n  y();\n} else {\n  z();\n}\nw();", "\n  y();\n} else {\n  z();\n}"),
        ("switch (c) {\n    ", "\n}", "case '}':\n        f();\n}", "case '}':\n        f();"),
    ],
)
def test_brackets_end_a_block_as_indentation_does(prefix, suffix, answer, kept):
    assert trim(answer, gap(prefix, suffix), finished=True) == kept


def test_a_block_that_the_line_above_opens_is_deeper_than_that_line():
    answer = "    return 1\nx = 2\n"
    assert trim(answer, gap("def f():\n"), finished=True) == "    return 1"
    assert trim("x = 1\ny = 2\n", gap("# as follows:\n"), finished=True) == "x = 1\ny = 2"


@pytest.mark.parametrize(
    ("prefix", "answer", "kept"),
    [
        ("if x {\n\ty()\n\t", "if z {\n        w()\n    }", "if z {\n\t\tw()\n\t}"),
        ("if x {\n\ty()\n}\nif z {\n", "    w()", "\tw()"),
        ("if x:\n  y()\n  ", "if z:\n\t\tw()", "if z:\n    w()"),
        ("if x:\n    y()\n    ", "    z()\n        w()", "z()\n    w()"),
        ("if x:\n    y()\n    ", "    z()", "z()"),
        ("if x:\n", "    z()", "    z()"),
    ],
)
def test_lines_are_indented_as_the_document_indents_its_own(prefix, answer, kept):
    assert trim(answer, gap(prefix), finished=True) == kept


@pytest.mark.parametrize(
    ("prefix", "suffix", "end"),
    [
        ("def f():\r\n    ", "\r\n", "\r\n"),
        ("a\r\nb\ndef f():\n    ", "\r\n", "\n"),
        ("a\nb\r\ndef f():\r\n    ", "\n", "\r\n"),
        ("    ", "\r\n", "\r\n"),
        ("def f():\r    ", "\r", "\r"),
    ],
)
@pytest.mark.parametrize("written", ["\n", "\r\n"])
def test_lines_end_as_the_one_before_the_cursor(prefix, suffix, end, written):
    kept = trim(written.join(["a()", "    b()"]), gap(prefix, suffix), finished=True)
    assert kept == f"a(){end}    b()"


@pytest.mark.parametrize(
    ("prefix", "suffix", "answer", "kept"),
    [
        ('print("', '")\n', 'text"', "text"),
        ('print("a", ', '")\n', '"b', '"b'),
        ("if a and ", " == limit and b:\n", "size == limit", "size"),
        ("x = ", "  # the sum of all\r\n", "1  # the sum", "1"),
    ],
)
def test_what_the_rest_of_the_line_begins_with_is_not_said_before_it(prefix, suffix, answer, kept):
    assert trim(answer, gap(prefix, suffix, multiline=False), finished=True) == kept


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_line_above_is_not_said_once_more(end):
    place = gap(f"def f():{end}    total += 1{end}    ", end)
    assert trim("total += 1", place, finished=True) == ""


def test_a_loop_is_cut_between_words():
    assert end_of_sense("na" * 9) == 0
    assert end_of_sense("x = " + "foo, " * 6 + "f") == len("x = foo, ")
    assert end_of_sense("x = o" + ", foo" * 6) == len("x = o, foo")
    chain = "record.colour = self._colours[record.level] = "
    assert end_of_sense(chain * 3) == len(chain)
    assert end_of_sense("record.colour = self._colours[record.level]\n" * 2) is None


def test_lines_of_ten_thousand_characters_are_cut_like_others():
    data = "0, " * 3334
    place = gap(f"table = [{data}", f"{data}]\n", multiline=False)
    assert trim("1, " + data + "\n2", place, finished=True).startswith("1,")
    assert trim("a" * 10_000, gap("x = ", multiline=False), finished=False) == ""
    assert trim('"' * 9_999 + "\nx\n", gap("x = "), finished=True).startswith('"')
    assert end_of_sense("aa" * 5_000) == 0


codes = st.text(st.sampled_from("ab(){}[]:., \n\t\r=\"'é\N{DUCK}"), max_size=60)


def solid(text: str) -> str:
    return "".join(text.split())


@given(codes, codes, codes, st.booleans(), st.booleans())
def test_what_is_kept_begins_the_answer_and_never_ends_in_white_space(
    prefix, suffix, answer, multiline, finished
):
    """But for line ends and indentation, which are the document's."""
    kept = trim(answer, gap(prefix, suffix, multiline=multiline), finished=finished)
    assert solid(answer).startswith(solid(kept))
    assert kept == kept.rstrip()


@given(codes, codes, codes, st.booleans())
def test_every_line_of_what_is_kept_ends_as_the_document_does(prefix, suffix, answer, finished):
    kept = trim(answer, gap(prefix, suffix), finished=finished)
    end = Layout.around(prefix, suffix).line_end
    assert not re.search(r"[\r\n]", kept.replace(end, ""))


@given(codes, codes, codes)
def test_one_line_is_one_line(prefix, suffix, answer):
    kept = trim(answer, gap(prefix, suffix, multiline=False), finished=True)
    assert not re.search(r"[\r\n]", kept)


@given(codes, codes, codes, st.booleans())
def test_no_word_is_halved_by_a_limit(prefix, suffix, answer, multiline):
    """A word at the very end of an answer that was broken off is never kept."""
    place = gap(prefix, suffix, multiline=multiline)
    broken = answer + "a"
    if not is_complete(broken, place):
        kept = trim(broken, place, finished=False)
        assert len(solid(kept)) < len(solid(broken))


@given(codes, codes, codes, st.booleans(), st.booleans())
def test_no_suggestion_is_blank_or_says_what_stands_behind_the_cursor(
    prefix, suffix, answer, multiline, finished
):
    place = gap(prefix, suffix, multiline=multiline)
    kept = trim(answer, place, finished=finished)
    assert not kept or (kept.strip() and kept != place.line_after.rstrip())


@given(codes, codes, codes, codes, st.booleans())
def test_once_complete_more_tokens_change_nothing(prefix, suffix, answer, more, multiline):
    """Generating may stop as soon as the answer is complete."""
    place = gap(prefix, suffix, multiline=multiline)
    if is_complete(answer, place):
        assert trim(answer + more, place, finished=True) == trim(answer, place, finished=True)
