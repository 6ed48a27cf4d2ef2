"""Accepted code is found again wherever later edits have put it, and bound by what it still is like."""

from __future__ import annotations

import heapq
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.completion import Completion, Timing
from assistant.ledger.acceptance import Acceptance, Place, ToldBy, accept
from assistant.ledger.locate import locate
from assistant.ledger.retrace import Retracer, State, Traced, Workspace, by_file
from assistant.ledger.sketch import sketch_accepted, sketch_lines
from assistant.tracing import Decision, Ruling
from attribution.index.builder import build_index
from attribution.policy import DEFAULT_POLICY
from attribution.span import Span
from attribution.trace import Tracer

KNOWN = Path(heapq.__file__).read_text().splitlines(keepends=True)
START = next(number for number, line in enumerate(KNOWN) if line.startswith("def heapreplace"))
BODY = "".join(KNOWN[START : START + 40])
OWN_ABOVE = (
    '"""Rents boats."""\n\nBOATS = ("Nele", "Jonas")\n\n\ndef price(hours):\n    return 12 * hours\n\n\n'
)
OWN_BELOW = (
    "\n\ndef late(boat, now):\n    return now - boat.due\n\n\ndef names():\n    return sorted(BOATS)\n"
)


@pytest.fixture(scope="module")
def tracer(real_index) -> Tracer:
    return Tracer.open([real_index], policy=DEFAULT_POLICY)


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    (tmp_path / "own.py").write_text(OWN_ABOVE + BODY + OWN_BELOW)
    return Workspace(root=tmp_path)


@pytest.fixture(scope="module")
def accepted(tracer) -> Acceptance:
    """Forty lines of heapq, accepted at the tenth line of a file of our own, and traced for real."""
    matches = tracer.trace_insertion(
        OWN_ABOVE.encode(), BODY.encode(), OWN_BELOW.encode(), path="own.py", first_line=1
    )
    assert matches
    return acceptance(OWN_ABOVE, BODY.rstrip("\n"), BODY[len(BODY.rstrip("\n")) :] + OWN_BELOW, matches)


def acceptance(before: str, text: str, after: str, matches=()) -> Acceptance:
    verdict = max((m.verdict for m in matches), key=lambda v: v.severity, default="allow")
    completion = Completion(
        id="c1",
        text=text,
        path="own.py",
        ruling=Ruling(decision=Decision.ANNOTATE, verdict=verdict, matches=tuple(matches)),
        timing=Timing(prompt_ms=0, decode_ms=0, trace_ms=0, prompt_tokens=1, generated_tokens=1),
        model="m",
    )
    place = Place(path="own.py", line=before.count("\n") + 1, before=before, after=after)
    return accept(completion, place, characters=len(text), told_by=ToldBy.EDITOR)


def trace(workspace: Workspace, accepted: Acceptance, tracer: Tracer | None) -> Traced:
    (traced,) = Retracer(workspace, tracer).trace_all([accepted])
    return traced


def shown(traced: Traced, workspace: Workspace) -> str:
    """The lines of the range that was found."""
    lines = (workspace.root / str(traced.path)).read_text().split("\n")
    return "\n".join(lines[traced.lines.first - 1 : traced.lines.last])


def test_what_nobody_touched_is_where_it_was_put(workspace, accepted, tracer):
    traced = trace(workspace, accepted, tracer)
    assert (traced.state, traced.lines, traced.kept) == (State.UNCHANGED, accepted.lines, 1.0)
    assert shown(traced, workspace) == BODY.strip("\n")
    assert traced.binding[0].origin.path == accepted.matches[0].origin.path
    assert traced.unchecked == ()


def test_lines_put_above_move_it(workspace, accepted, tracer):
    (workspace.root / "own.py").write_text("import os\nimport sys\n" + OWN_ABOVE + BODY + OWN_BELOW)
    traced = trace(workspace, accepted, tracer)
    assert traced.state is State.MOVED and traced.lines == accepted.lines.shifted(2)
    assert traced.binding[0].query.first >= traced.lines.first - 10


def test_it_is_found_in_the_file_into_which_it_was_moved(workspace, accepted, tracer):
    (workspace.root / "own.py").write_text(OWN_ABOVE + OWN_BELOW)
    (workspace.root / "deep").mkdir()
    (workspace.root / "deep" / "heaps.py").write_text("import sys\n\n\n" + BODY)
    traced = trace(workspace, accepted, tracer)
    assert (traced.state, traced.path) == (State.MOVED, "deep/heaps.py")
    assert shown(traced, workspace) == BODY.strip("\n")
    assert traced.binding


def test_it_is_found_when_its_file_was_renamed(workspace, accepted, tracer):
    (workspace.root / "own.py").rename(workspace.root / "boats.py")
    traced = trace(workspace, accepted, tracer)
    assert (traced.state, traced.path, traced.lines) == (State.MOVED, "boats.py", accepted.lines)


def test_edited_lines_are_within_the_range_that_is_found(workspace, accepted, tracer):
    lines = BODY.split("\n")
    lines[3:3] = ["    print('added')"]
    code = [number for number, line in enumerate(lines) if number > 5 and line.strip()]
    lines[code[2]] += "  # our own remark"
    (workspace.root / "own.py").write_text(OWN_ABOVE + "\n".join(lines) + OWN_BELOW)
    traced = trace(workspace, accepted, tracer)
    assert traced.state is State.EDITED and 0.8 < traced.kept < 1
    assert "print('added')" in shown(traced, workspace) and "our own remark" in shown(traced, workspace)
    assert traced.binding


def test_a_single_line_under_another_name_is_found_between_its_neighbours(workspace):
    before, line, after = OWN_ABOVE + "    ", "return now - boat.due", "\n" + OWN_BELOW
    one = acceptance(before, line, after)
    changed = (before + line.replace("boat", "vessel") + after).encode()
    found = locate(one.sketch, sketch_lines(changed, path="own.py"))
    assert (found.kept, found.renamed, found.lines) == (0, 1, one.lines)


def test_what_was_deleted_is_gone_and_binds_nothing(workspace, accepted, tracer):
    (workspace.root / "own.py").write_text(OWN_ABOVE + OWN_BELOW)
    traced = trace(workspace, accepted, tracer)
    assert (traced.state, traced.path, traced.binding) == (State.GONE, None, ())


def test_what_was_rewritten_line_by_line_is_gone(workspace, accepted, tracer):
    rewritten = "".join(f"    total_{n} = boats[{n}].rent({n} + 1)\n" for n in range(40))
    (workspace.root / "own.py").write_text(OWN_ABOVE + rewritten + OWN_BELOW)
    assert trace(workspace, accepted, tracer).state is State.GONE


def test_a_line_that_stands_in_every_function_is_not_taken_for_the_accepted_one(workspace):
    one = acceptance(
        "def a(x):\n    if x:\n        y = x\n    ", "return None", "\n\n\nclass B:\n    z = 3\n"
    )
    elsewhere = "import os\n\n\ndef other(p, q):\n    os.remove(p)\n    return None\n"
    assert locate(one.sketch, sketch_lines(elsewhere.encode(), path="own.py")) is None


def test_a_file_that_is_binary_now_holds_nothing(workspace, accepted, tracer):
    (workspace.root / "own.py").write_bytes(b"\0" * 5000)
    assert trace(workspace, accepted, tracer).state is State.GONE


def test_windows_line_ends_change_nothing(workspace, accepted, tracer):
    (workspace.root / "own.py").write_bytes((OWN_ABOVE + BODY + OWN_BELOW).replace("\n", "\r\n").encode())
    traced = trace(workspace, accepted, tracer)
    assert (traced.state, traced.lines) == (State.UNCHANGED, accepted.lines)


def test_without_an_index_what_was_written_down_goes_on_to_bind_where_the_code_is_now(workspace, accepted):
    (workspace.root / "own.py").write_text("\n# moved\nimport os\n" + OWN_ABOVE + BODY + OWN_BELOW)
    traced = trace(workspace, accepted, None)
    assert traced.binding == traced.unchecked and len(traced.binding) == len(accepted.matches)
    assert traced.binding[0].source == accepted.matches[0].source
    assert traced.binding[0].query.last <= traced.lines.last


def test_an_index_that_lost_the_source_releases_nobody(workspace, accepted, real_files, tmp_path_factory):
    others = [file for file in real_files if "heapq" not in file.origin.path][:20]
    folder = tmp_path_factory.mktemp("other") / "index"
    build_index(folder, others)
    traced = trace(workspace, accepted, Tracer.open([folder], policy=DEFAULT_POLICY))
    assert traced.unchecked and traced.binding


def test_an_index_that_has_the_source_has_the_last_word(workspace, accepted, tracer):
    """Renamed and cut to a stump, the code is like its source no more: nothing binds."""
    stump = re.sub(r"\b(heap|item|returnitem)\b", "boat", "\n".join(BODY.strip("\n").split("\n")[:3]))
    (workspace.root / "own.py").write_text(OWN_ABOVE + stump + OWN_BELOW)
    traced = trace(workspace, accepted, tracer)
    assert traced.state in (State.EDITED, State.GONE)
    assert traced.binding == ()


def test_what_binds_is_one_attribution_for_each_file(workspace, accepted, tracer):
    traced = Retracer(workspace, tracer).trace_all([accepted, accepted])
    (attribution,) = by_file(traced, workspace)
    assert attribution.path == "own.py"
    assert len(attribution.matches) == len({(m.source, m.query) for m in attribution.matches})


words = st.sampled_from(["x = 1", "y = call(x)", "", "return None", "for a in b:", "    z += a", "print(z)"])


@given(
    above=st.lists(words, max_size=40), code=st.lists(words, min_size=1, max_size=12), below=st.lists(words)
)
def test_any_code_is_found_under_lines_that_were_put_above_it(above, code, below):
    """Whatever repeats itself in it: the range that is found holds exactly the accepted lines."""
    before = "".join(line + "\n" for line in ["start = begin()", *above])
    text, after = "\n".join(code), "".join("\n" + line for line in below)
    sketch, span = sketch_accepted(before, text, after, path="a.py")
    moved = "import os\nimport sys\n" + before + text + after
    found = locate(sketch, sketch_lines(moved.encode(), path="a.py"))
    if not text.strip():
        assert found is None or found.total == 0
        return
    assert found is not None
    then = (before + text + after).split("\n")[span.first - 1 : span.last]
    now = moved.split("\n")[found.lines.first - 1 : found.lines.last]
    assert [line for line in now if line.strip()] == [line for line in then if line.strip()]
    assert found.kept == found.total


def test_ranges_are_those_of_lines_with_tokens():
    _, span = sketch_accepted("def f():", "\n\n    return 1\n", "\n", path="a.py")
    assert span == Span(1, 3)
    _, span = sketch_accepted("x = 1\n", "\n\ny = 2\n\n", "z = 3\n", path="a.py")
    assert span == Span(4, 6)
