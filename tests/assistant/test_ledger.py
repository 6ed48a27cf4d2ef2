"""The ledger's file: added to, never lost, and read back as it was written."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from assistant.completion import Completion, Timing
from assistant.errors import LedgerUnusableError
from assistant.ledger.acceptance import Acceptance, Place, ToldBy, accept
from assistant.ledger.place import PROJECT_LEDGER, find_workspace, ledger_path
from assistant.ledger.sketch import Sketch
from assistant.ledger.store import Ledger, read_ledger
from assistant.tracing import Decision, Ruling
from attribution.model import Verdict
from attribution.policy import DEFAULT_POLICY
from attribution.trace import Tracer

ROOT = Path(__file__).parents[2]
TEXT = Path(textwrap.__file__).read_text()
LINES = TEXT.splitlines(keepends=True)
FIRST, LAST = 206, 241


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(scope="module")
def completion(real_index) -> Completion:
    """Lines of the standard library, suggested in the file that they are from, and traced for real."""
    text = "".join(LINES[FIRST - 1 : LAST]).rstrip("\n")
    tracer = Tracer.open([real_index], policy=DEFAULT_POLICY)
    matches = tracer.trace_insertion("".join(LINES[: FIRST - 1]).encode(), text.encode(), b"", path="own.py")
    assert matches
    ruling = Ruling(decision=Decision.ANNOTATE, verdict=Verdict.ATTRIBUTE, matches=matches)
    timing = Timing(prompt_ms=0, decode_ms=0, trace_ms=0, prompt_tokens=1, generated_tokens=1)
    return Completion(
        id="c1", text=text, path="own.py", ruling=ruling, timing=timing, model="m", prompt_hash="ab" * 32
    )


def acceptance(completion: Completion, *, characters: int | None = None, path: str = "own.py") -> Acceptance:
    place = Place(
        path=path,
        line=FIRST,
        before="".join(LINES[FIRST - 10 : FIRST - 1]),
        after="\n" + "".join(LINES[LAST : LAST + 10]),
    )
    count = len(completion.text) if characters is None else characters
    return accept(completion, place, characters=count, told_by=ToldBy.EDITOR)


def no_words(sentence: str) -> None:
    raise AssertionError(sentence)


def write(path: Path, *acceptances: Acceptance, tell=no_words) -> None:
    ledger = Ledger.open(path, tell=tell)
    for one in acceptances:
        ledger.append(one)
    ledger.close()


def test_what_is_written_is_read_back_match_by_match(tmp_path, completion):
    written = acceptance(completion)
    write(tmp_path / "l.sqlite", written)
    assert read_ledger(tmp_path / "l.sqlite") == [written]
    assert written.matches[0].source.origin and written.lines.first == FIRST and written.is_whole


def test_no_text_of_the_code_is_kept(tmp_path, completion):
    path = tmp_path / "l.sqlite"
    write(path, acceptance(completion))
    raw = path.read_bytes() + b"".join(p.read_bytes() for p in tmp_path.glob("l.sqlite-*"))
    names = {"textwrap", "sequence", "characters", "character"}  # of the source's path and of the table
    words = {word.encode() for word in set(re.findall(r"\w{8,}", completion.text)) - names}
    assert len(words) > 5
    assert [word for word in words if word in raw] == []


def test_of_what_is_taken_piece_by_piece_the_largest_piece_counts(tmp_path, completion):
    whole = acceptance(completion)
    write(tmp_path / "l.sqlite", acceptance(completion, characters=40), whole)
    assert read_ledger(tmp_path / "l.sqlite") == [whole]


def test_rows_can_neither_be_changed_nor_deleted(tmp_path, completion):
    path = tmp_path / "l.sqlite"
    write(path, acceptance(completion))
    with sqlite3.connect(path) as connection:
        for statement in ("UPDATE acceptance SET model = ''", "DELETE FROM acceptance"):
            with pytest.raises(sqlite3.IntegrityError, match="only added to"):
                connection.execute(statement)
    connection.close()
    assert len(read_ledger(path)) == 1


def test_there_is_nothing_to_read_where_nothing_was_accepted(tmp_path):
    assert read_ledger(tmp_path / "none.sqlite") == []


@pytest.mark.parametrize("damage", ["text", "flipped", "truncated", "another program's"])
def test_a_damaged_file_is_put_aside_with_a_sentence_and_a_new_one_begun(tmp_path, completion, damage):
    path = tmp_path / "l.sqlite"
    write(path, *[acceptance(completion, path=f"own{number}.py") for number in range(40)])
    raw = bytearray(path.read_bytes())
    if damage == "text":
        raw = bytearray(b"these are not the bytes of a database, however long one looks at them" * 99)
    elif damage == "flipped":
        raw[4096:8192] = os.urandom(4096)
    elif damage == "truncated":
        del raw[4096 * 2 :]
    else:
        path.unlink()
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE theirs (x)")
        connection.close()
        raw = bytearray(path.read_bytes())
    path.write_bytes(raw)
    told: list[str] = []
    write(path, acceptance(completion), tell=told.append)
    aside = list(tmp_path.glob("l.sqlite.damaged-*"))
    assert [p.read_bytes() for p in aside] == [bytes(raw)]
    assert len(told) == 1 and aside[0].name in told[0] and "put aside" in told[0]
    assert len(read_ledger(path)) == 1


def test_a_report_on_a_damaged_file_leaves_it_where_it_is(tmp_path, completion):
    path = tmp_path / "l.sqlite"
    path.write_bytes(b"no database at all, but long enough to be taken for one by its size" * 20)
    with pytest.raises(LedgerUnusableError, match=r"it is damaged .*restore it from a backup"):
        read_ledger(path)
    assert path.read_bytes().startswith(b"no database")


def test_a_file_of_a_newer_version_is_left_alone(tmp_path, completion):
    path = tmp_path / "l.sqlite"
    write(path, acceptance(completion))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LedgerUnusableError, match=r"format 99 .*upgrade sc-attrib"):
        write(path, acceptance(completion))
    assert list(tmp_path.glob("*damaged*")) == []


def test_a_row_that_makes_no_sense_is_told_with_the_file(tmp_path, completion):
    path = tmp_path / "l.sqlite"
    write(path, acceptance(completion))
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(acceptance)")][1:]
        values = ["x", "x", "x", 1, 1, 1, 1, "editor", "", "", 1, "show", "allow", "[{}]", "[]"]
        marks = ", ".join("?" * len(columns))
        connection.execute(f"INSERT INTO acceptance ({', '.join(columns)}) VALUES ({marks})", values)
    connection.close()
    with pytest.raises(LedgerUnusableError, match="a row of it cannot be read"):
        read_ledger(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"literal": 1}', '{"literal": ["x"], "structural": []}'])
def test_what_is_no_sketch_is_refused(text):
    with pytest.raises(ValueError):
        Sketch.of_text(text)


WRITER = """
import json, sys, time
from pathlib import Path
from assistant.ledger.store import Ledger, read_ledger
path, source, name, count = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
from dataclasses import replace
(template,) = read_ledger(source)
for number in range(count):
    ledger = Ledger.open(path, tell=print)
    ledger.append(replace(template, suggestion=f"{name}-{number}"))
    ledger.close()
    print(number, flush=True)
"""


def start_writer(path: Path, source: Path, name: str, count: int, **options) -> subprocess.Popen:
    command = [sys.executable, "-c", WRITER, str(path), str(source), name, str(count)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def test_two_processes_write_to_one_ledger_at_once(tmp_path, completion):
    write(tmp_path / "source.sqlite", acceptance(completion))
    path = tmp_path / "l.sqlite"
    writers = [start_writer(path, tmp_path / "source.sqlite", name, 25) for name in "ab"]
    for writer in writers:
        _, err = writer.communicate(timeout=100)
        assert (writer.returncode, err) == (0, "")
    ids = {one.suggestion for one in read_ledger(path)}
    assert ids == {f"{name}-{number}" for name in "ab" for number in range(25)}


def test_two_processes_that_meet_a_damaged_file_put_it_aside_once(tmp_path, completion):
    write(tmp_path / "source.sqlite", acceptance(completion))
    path = tmp_path / "l.sqlite"
    path.write_bytes(b"torn" * 5000)
    writers = [start_writer(path, tmp_path / "source.sqlite", name, 5) for name in "abc"]
    for writer in writers:
        writer.communicate(timeout=100)
        assert writer.returncode == 0
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1
    assert len(read_ledger(path)) == 15


def test_what_was_accepted_survives_a_killed_process(tmp_path, completion):
    write(tmp_path / "source.sqlite", acceptance(completion))
    path = tmp_path / "l.sqlite"
    writer = start_writer(path, tmp_path / "source.sqlite", "a", 10_000)
    for _ in range(20):
        told = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert len(read_ledger(path)) > told
    write(path, acceptance(completion))
    assert list(tmp_path.glob("*damaged*")) == []


def test_a_full_disk_is_told_and_loses_nothing_that_was_written(tmp_path, completion):
    """No file of the process may grow beyond 64 KiB, as on a full disk."""
    import resource

    write(tmp_path / "source.sqlite", acceptance(completion))
    path = tmp_path / "l.sqlite"

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, 64 << 10))

    writer = start_writer(path, tmp_path / "source.sqlite", "a", 10_000, preexec_fn=limit)
    out, err = writer.communicate(timeout=100)
    assert writer.returncode == 1
    assert "LedgerUnusableError" in err and "check its permissions and free space" in err
    written = len(out.split())
    assert written > 2
    assert len(read_ledger(path)) == written
    write(path, acceptance(completion))
    assert len(read_ledger(path)) == written + 1


def test_the_ledger_of_a_workspace_is_the_users_until_the_project_makes_a_file_for_it(tmp_path, state):
    workspace = tmp_path / "my project"
    workspace.mkdir()
    users = ledger_path(workspace)
    assert users.is_relative_to(state / "sc-attrib" / "ledgers") and users.name.startswith("my_project-")
    (workspace / PROJECT_LEDGER).parent.mkdir()
    (workspace / PROJECT_LEDGER).touch()
    assert ledger_path(workspace) == workspace / PROJECT_LEDGER


def test_a_link_is_no_opt_in(tmp_path, state):
    """A folder from somebody else must not make the server write to any file it likes."""
    workspace = tmp_path / "w"
    (workspace / ".sc-attrib").mkdir(parents=True)
    (tmp_path / "target").touch()
    (workspace / PROJECT_LEDGER).symlink_to(tmp_path / "target")
    assert ledger_path(workspace).is_relative_to(state)


def test_an_empty_file_becomes_the_ledger(tmp_path, completion):
    path = tmp_path / "l.sqlite"
    path.touch()
    assert read_ledger(path) == []
    write(path, acceptance(completion))
    assert len(read_ledger(path)) == 1


def test_the_workspace_of_a_folder_is_the_nearest_one_with_a_ledger(tmp_path, completion):
    inner = tmp_path / "w" / "src" / "deep"
    inner.mkdir(parents=True)
    assert find_workspace(inner) == inner
    write(ledger_path(tmp_path / "w"), acceptance(completion))
    assert find_workspace(inner) == tmp_path / "w"


def test_the_columns_can_be_read_with_sqlite_alone(tmp_path, completion):
    """The file is the user's own: anybody with sqlite3 can see all that is in it."""
    write(tmp_path / "l.sqlite", acceptance(completion))
    connection = sqlite3.connect(tmp_path / "l.sqlite")
    ((path, matches, prompt),) = connection.execute("SELECT path, matches, prompt_hash FROM acceptance")
    connection.close()
    assert (path, prompt) == ("own.py", "ab" * 32)
    assert json.loads(matches)[0]["source"]["swhid"].startswith("swh:1:cnt:")
