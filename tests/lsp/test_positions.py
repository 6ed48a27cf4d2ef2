"""Positions in the three encodings, against the encoders of the standard library."""

from __future__ import annotations

import re
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol.types import (
    Position,
    PositionEncodingKind,
    Range,
    TextDocumentContentChangePartial,
    TextDocumentContentChangeWholeDocument,
)
from pygls.workspace import PositionCodec

from lsp.documents import Document
from lsp.positions import LineTable, column, units

UNIT_BYTES = {
    PositionEncodingKind.Utf8: ("utf-8", 1),
    PositionEncodingKind.Utf16: ("utf-16-le", 2),
    PositionEncodingKind.Utf32: ("utf-32-le", 4),
}
encodings = st.sampled_from(list(UNIT_BYTES))
characters = st.sampled_from("ab \t\n\r\x0c\x85\u2028é€\N{DUCK}\N{MUSICAL SYMBOL G CLEF}")
texts = st.text(characters, max_size=40)


def oracle_units(text: str, encoding: PositionEncodingKind) -> int:
    codec, size = UNIT_BYTES[encoding]
    return len(text.encode(codec)) // size


@given(st.text(st.characters(exclude_categories=["Cs"])), encodings)
def test_units_are_those_of_the_encoders(text, encoding):
    assert units(text, encoding) == oracle_units(text, encoding)


def widths(encoding: PositionEncodingKind):
    """Of each character by itself, lone surrogates too, which an editor's JSON may hold."""
    codec, size = UNIT_BYTES[encoding]
    return lambda character: len(character.encode(codec, "surrogatepass")) // size


@given(st.text(st.sampled_from("ab\té€\N{DUCK}\ud83d\udc00"), max_size=12), encodings, st.integers(-2, 60))
def test_a_column_is_the_last_character_that_begins_at_or_before_it(line, encoding, character):
    starts = [0, *accumulate(map(widths(encoding), line))]
    assert column(line, character, encoding) == max(
        i for i, at in enumerate(starts) if at <= max(0, character)
    )


@given(texts, encodings, st.data())
def test_offset_and_position_are_inverse(text, encoding, data):
    """Except between CR and LF, where no position points."""
    offset = data.draw(st.integers(0, len(text)))
    table = LineTable(text, encoding)
    if text[offset - 1 : offset + 1] != "\r\n" or offset == 0:
        assert table.offset(table.position(offset)) == offset
    else:
        assert table.offset(table.position(offset)) == offset - 1


@given(texts, encodings, st.data())
def test_a_position_counts_line_ends_and_units_before_it(text, encoding, data):
    offset = data.draw(st.integers(0, len(text)))
    if offset and text[offset - 1 : offset + 1] == "\r\n":
        offset -= 1
    lines = re.split(r"\r\n|\n|\r", text[:offset])
    expected = Position(line=len(lines) - 1, character=oracle_units(lines[-1], encoding))
    assert LineTable(text, encoding).position(offset) == expected


@given(texts, encodings, st.integers(0, 50), st.integers(0, 50))
def test_any_position_is_somewhere_in_the_text(text, encoding, line, character):
    assert 0 <= LineTable(text, encoding).offset(Position(line=line, character=character)) <= len(text)


@given(texts.map(lambda t: re.sub(r"[\r\n]", "", t)), encodings, st.integers(0, 200))
def test_a_column_never_splits_a_character_nor_leaves_the_line(line, encoding, character):
    index = column(line, character, encoding)
    assert units(line[:index], encoding) <= character
    assert index == len(line) or units(line[: index + 1], encoding) > character


@given(texts, encodings, texts, st.data())
def test_an_incremental_edit_is_the_same_as_cutting_and_joining(text, encoding, new, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    table = LineTable(text, encoding)
    first, last = table.position(start), table.position(end)
    document = Document("file:///a.py", source=text, position_codec=PositionCodec(encoding))
    document.apply_change(TextDocumentContentChangePartial(range=Range(start=first, end=last), text=new))
    assert document.source == text[: table.offset(first)] + new + text[table.offset(last) :]
    assert document.table.position(len(document.source)) == LineTable(document.source, encoding).position(
        10**6
    )


def test_a_whole_document_replaces_what_was_there():
    document = Document("file:///a.py", source="old")
    document.apply_change(TextDocumentContentChangeWholeDocument(text="new\n"))
    assert document.source == "new\n"
    assert len(document.table) == 2


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_only_the_line_ends_of_the_specification_end_a_line(mark):
    assert len(LineTable(f"a{mark}b", PositionEncodingKind.Utf16)) == 1


@given(texts, encodings, st.integers(1, 60), st.integers(1, 60))
def test_a_range_of_lines_covers_whole_lines_of_the_text(text, encoding, first, last):
    table = LineTable(text, encoding)
    found = table.range_of_lines(first, max(first, last))
    assert found.start.character == 0
    assert 0 <= found.start.line <= found.end.line < len(table)
    assert found.end.character == units(table.line(found.end.line), encoding)
