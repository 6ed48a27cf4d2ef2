import dataclasses
import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from swh.model.model import Content
from swh.model.swhids import CoreSWHID, QualifiedSWHID
from swh.model.swhids import ObjectType as SwhType

from attribution.index.opt_outs import parse_id
from attribution.span import Span
from attribution.swhid import ObjectType, Swhid

HEX = st.text("0123456789abcdef", min_size=40, max_size=40)
SPANS = st.tuples(st.integers(1, 10**6), st.integers(0, 10**6)).map(lambda pair: Span(pair[0], sum(pair)))
PATHS = st.binary(max_size=20).map(lambda raw: "/" + raw.decode("utf-8", "surrogateescape"))
ORIGINS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(
    lambda text: "https://a.b/" + text
)


@st.composite
def swhids(draw: st.DrawFn) -> Swhid:
    core = Swhid(object_type=draw(st.sampled_from(ObjectType)), object_id=draw(HEX))
    origin = draw(st.none() | ORIGINS)
    snapshot = Swhid(object_type=ObjectType.SNAPSHOT, object_id=draw(HEX))
    anchors = st.sampled_from(["dir", "rev", "rel", "snp"])
    anchor = Swhid(object_type=ObjectType(draw(anchors)), object_id=draw(HEX))
    is_content = core.object_type is ObjectType.CONTENT
    fragment = draw(st.sampled_from(["", "lines", "byte_range"])) if is_content else ""
    return dataclasses.replace(
        core,
        origin=origin,
        visit=snapshot if origin and draw(st.booleans()) else None,
        anchor=draw(st.none() | st.just(anchor)),
        path=draw(st.none() | PATHS),
        **({fragment: draw(SPANS)} if fragment else {}),
    )


@given(swhids())
def test_parsing_what_was_printed_gives_the_same_value(swhid: Swhid) -> None:
    assert Swhid.parse(str(swhid)) == swhid


@given(swhids())
def test_nothing_that_ends_a_qualifier_or_a_line_stands_inside_one(swhid: Swhid) -> None:
    for qualifier in str(swhid).split(";")[1:]:
        assert qualifier.partition("=")[0] in {"origin", "visit", "anchor", "path", "lines", "bytes"}
    assert "\n" not in str(swhid)


@given(swhids())
def test_swh_model_reads_ours_with_the_same_meaning(swhid: Swhid) -> None:
    """It rejects ``bytes``, and white space beyond ASCII, which need not be encoded."""
    ours = str(dataclasses.replace(swhid, byte_range=None))
    if any(character.isspace() for character in ours):
        return
    theirs = QualifiedSWHID.from_string(ours)
    assert theirs.object_id.hex() == swhid.object_id
    assert theirs.path == (os.fsencode(swhid.path) if swhid.path is not None else None)
    assert (
        theirs.lines == ((swhid.lines.first, swhid.lines.last) if swhid.lines else None)
        or len(swhid.lines) == 1
    )


@given(HEX, SPANS)
def test_we_read_those_of_swh_model_with_the_same_meaning(object_id: str, lines: Span) -> None:
    theirs = QualifiedSWHID(
        object_type=SwhType.CONTENT,
        object_id=bytes.fromhex(object_id),
        lines=(lines.first, lines.last),
        path=b"/a;b",
    )
    ours = Swhid.parse(str(theirs))
    assert (ours.object_id, ours.lines, ours.path) == (object_id, lines, "/a;b")


@given(st.binary(max_size=200))
def test_content_identifiers_equal_those_of_swh_model(content: bytes) -> None:
    assert str(Swhid.of_content(content)) == str(Content.from_data(content).swhid())


def test_content_identifiers_equal_git_blob_ids(tmp_path) -> None:
    path = tmp_path / "code.py"
    path.write_bytes(b"print('\xc3\xa9')\r\n")
    blob = subprocess.run(
        ["git", "hash-object", "--no-filters", path], capture_output=True, check=True, text=True
    ).stdout.strip()
    assert Swhid.of_content(path.read_bytes()).object_id == blob


@pytest.mark.parametrize(
    "text",
    [
        "swh:1:cnt:94A9ed024d3859793618152ea559a168bbcbb5e2",  # upper case
        "swh:2:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2",
        "swh:1:xyz:94a9ed024d3859793618152ea559a168bbcbb5e2",
        "swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e",
        "swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2\n",
        "",
    ],
)
def test_a_malformed_core_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="not a SWHID"):
        Swhid.parse(text)


@pytest.mark.parametrize(
    "qualifier",
    [
        "lines=15-9",
        "lines=0",
        "lines=x",
        f"lines={'9' * 24}",
        f"bytes=1-{'9' * 19}",
        "path=relative",
        "visit=nonsense",
        "unknown=1",
        "anchor=",
    ],
)
def test_an_invalid_qualifier_is_ignored_on_reading(qualifier: str) -> None:
    core = "swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2"
    assert str(Swhid.parse(f"{core};{qualifier}")) == core


@pytest.mark.parametrize(
    "fields",
    [
        {"lines": Span(0, 3)},
        {"path": "relative"},
        {"origin": "no-uri"},
        {"lines": Span(1, 2), "byte_range": Span(1, 2)},
        {"visit": Swhid(object_type=ObjectType.SNAPSHOT, object_id="0" * 40)},
        {"anchor": Swhid(object_type=ObjectType.CONTENT, object_id="0" * 40)},
        {"object_type": ObjectType.DIRECTORY, "lines": Span(1, 2)},
    ],
)
def test_an_invalid_qualifier_cannot_be_made(fields: dict) -> None:
    valid = {"object_type": ObjectType.CONTENT, "object_id": "a" * 40}
    Swhid(**valid)
    with pytest.raises(ValueError, match="qualifier"):
        Swhid(**(valid | fields))


def test_qualifiers_are_printed_in_canonical_order() -> None:
    core = CoreSWHID.from_string("swh:1:cnt:" + "a" * 40)
    anchor, visit = f"swh:1:rev:{'b' * 40}", f"swh:1:snp:{'c' * 40}"
    written = f"{core};lines=1-2;path=/a%3Bb;anchor={anchor};visit={visit};origin=https://x"
    keys = [part.partition("=")[0] for part in str(Swhid.parse(written)).split(";")[1:]]
    assert keys == ["origin", "visit", "anchor", "path", "lines"]


def test_paths_are_written_as_iri_paths_as_swh_model_writes_them() -> None:
    path = '/a?b#c [id]"<x>é.py'
    ours = dataclasses.replace(Swhid.of_content(b""), path=path)
    theirs = QualifiedSWHID(
        object_type=SwhType.CONTENT, object_id=bytes.fromhex(ours.object_id), path=os.fsencode(path)
    )
    assert QualifiedSWHID.from_string(str(ours)).path == theirs.path
    assert "?" not in str(ours)
    assert "[" not in str(ours)


def test_a_lone_surrogate_is_no_path() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        dataclasses.replace(Swhid.of_content(b""), path="/\ud800")


def test_a_range_may_be_longer_than_a_machine_can_count() -> None:
    """As long as the specification allows, though nothing reads one of more than 18 digits."""
    content = Swhid.of_content(b"")
    assert dataclasses.replace(content, lines=Span(1, 10**24)).lines == Span(1, 10**24)
    assert parse_id(f"{content};lines={'9' * 24}-{'9' * 25}") == str(content)
