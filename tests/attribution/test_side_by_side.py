"""Two texts beside each other."""

import random
import re
import time
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.report.side_by_side import rows_of, side_by_side
from attribution.span import Span
from attribution.verify import Excerpt, compare

SOURCE = b"""def area(width, height):
\tif width < 0:
        raise ValueError("width")

    return width * height


def unused():
    pass
"""
QUERY = b"""def area(w, height):
    if w < 0:
        raise TypeError("w" + 1)

    print(w)
    return w * height
"""


def render(query: bytes, source: bytes, *, columns: int = 100, colour: bool = False) -> str:
    comparison = compare(Excerpt.of(query), Excerpt.of(source))
    return side_by_side(comparison, titles=("yours", "theirs"), columns=columns, colour=colour)


def marks(query: bytes, source: bytes) -> list[tuple[int | None, int | None, str]]:
    return [(r.query, r.source, r.mark) for r in rows_of(compare(Excerpt.of(query), Excerpt.of(source)))]


def test_each_line_says_what_became_of_it() -> None:
    assert marks(QUERY, SOURCE)[:6] == [
        (1, 1, "~"),
        (2, 2, "~"),
        (3, 3, "|"),
        (4, 4, " "),
        (5, None, "<"),
        (6, 5, "~"),
    ]
    assert {row[2] for row in marks(QUERY, SOURCE)[6:]} == {">"}
    assert {row[2] for row in marks(SOURCE, SOURCE)} == {" "}


def test_the_picture_is_plain_text_with_the_renames_below() -> None:
    assert render(QUERY, SOURCE, columns=72) == (
        "yours                                theirs\n"
        "1 def area(w, height):             ~ 1 def area(width, height):\n"
        "2     if w < 0:                    ~ 2     if width < 0:\n"
        '3         raise TypeError("w" + 1) | 3         raise ValueError("width…\n'
        "4                                    4\n"
        "5     print(w)                     <\n"
        "6     return w * height            ~ 5     return width * height\n"
        "                                   > 6\n"
        "                                   > 7\n"
        "                                   > 8 def unused():\n"
        "                                   > 9     pass\n"
        "\n"
        "renamed   width → w  (4×)\n"
        "renamed   ValueError → TypeError  (1×)\n"
    )


def test_line_numbers_are_those_of_the_whole_files() -> None:
    query = Excerpt.of(b"\n" * 98 + QUERY, Span(99, 104))
    source = Excerpt.of(b"\n" * 7 + SOURCE, Span(8, 12))
    text = side_by_side(compare(query, source), titles=("a", "b"), columns=80, colour=False)
    assert text.splitlines()[1].startswith(" 99 def area(w, height):")
    assert " 12     return width * height" in text


def test_colours_come_only_when_they_are_asked_for() -> None:
    assert "\033" not in render(QUERY, SOURCE)
    coloured = render(QUERY, SOURCE, colour=True)
    assert "\033[36m" in coloured
    assert re.sub(r"\033\[\d*m", "", coloured) == render(QUERY, SOURCE)


def test_control_characters_of_the_texts_never_reach_the_terminal() -> None:
    text = render(b"x = '\x1b[31m\xe2\x80\xae\x00'\r\n", b"y = '\x07\xff'\n")
    assert not {c for c in text if c != "\n" and not c.isprintable()}


def columns_of(line: str) -> int:
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line
    )


@given(st.text(max_size=200), st.text(max_size=200), st.integers(1, 150))
@settings(max_examples=60)
def test_no_row_is_wider_than_the_screen(query: str, source: str, columns: int) -> None:
    text = render(
        query.encode("utf-8", "surrogatepass"), source.encode("utf-8", "surrogatepass"), columns=columns
    )
    picture = text.split("\n\nrenamed ")[0]
    assert all(columns_of(line) <= max(columns, 2 * (16 + 4) + 3) for line in picture.splitlines())


@given(st.binary(max_size=200), st.binary(max_size=200))
@settings(max_examples=60)
def test_every_line_of_both_sides_is_shown_once_and_in_order(query: bytes, source: bytes) -> None:
    rows = marks(query, source)
    for side, content in ((0, query), (1, source)):
        lines = content.count(b"\n") + (0 if content.endswith(b"\n") or not content else 1)
        assert [row[side] for row in rows if row[side] is not None] == list(range(1, lines + 1))


def test_long_files_are_rendered_in_bounded_time() -> None:
    chance = random.Random(1)
    lines = [b"v%d = f%d(%d)" % (n, chance.randrange(9), chance.randrange(99)) for n in range(10_000)]
    started = time.process_time()
    render(b"\n".join(lines[::2]), b"\n".join(lines))
    render(b"x" * 5_000_000, b"y" * 5_000_000)
    assert time.process_time() - started < 10
