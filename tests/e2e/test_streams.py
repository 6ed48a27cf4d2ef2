"""Exit codes and sentences where streams are closed, full or strict, and where a command fails of itself."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from attribution.cli import main

SC_ATTRIB = Path(sys.executable).parent / "sc-attrib"
NAME = os.fsdecode(b"caf\xe9")
CODE = b"\n".join(b"boat_%d = Boat(%d, colour=%d, seats=%d)" % (n, n, n * 3, n + 2) for n in range(20))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a source and an index of it that keeps the text, and nothing else to look in."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_bytes(CODE)
    built = in_shell(tmp_path, "sc-attrib index build --tree src --index ix --contents")
    assert built.returncode == 0, built.stderr
    return tmp_path


def in_shell(home: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command line of a shell in which ``sc-attrib`` is ours; bytes that are not UTF-8 are escaped."""
    settings = {**os.environ, **environment, "XDG_DATA_HOME": str(home / "data")}
    settings["PATH"] = f"{SC_ATTRIB.parent}:{settings['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=home,
        env=settings,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=60,
    )


def swhid_of_source(home: Path) -> str:
    return in_shell(home, "sc-attrib swhid src/a.py").stdout.split("\t")[0]


@pytest.mark.parametrize(
    "words",
    [
        "index info --index ix",
        "index verify --index ix",
        "index build --tree src --index new",
        "swhid src/a.py",
        "search boat_1 --index ix",
        "show SWHID --index ix --lines 1-2",
        "check src --index ix",
        "--help",
    ],
)
def test_a_closed_stdout_is_one_sentence(home: Path, words: str) -> None:
    done = in_shell(home, f"sc-attrib {words.replace('SWHID', swhid_of_source(home))} >&-")
    assert done.returncode == 2
    assert done.stderr.endswith("sc-attrib: standard output: it is closed; send it somewhere else\n")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_stdout_is_one_sentence(home: Path, unbuffered: str) -> None:
    done = in_shell(home, "sc-attrib index info --index ix >/dev/full", PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_needs_no_stdout_works_without_one(home: Path) -> None:
    done = in_shell(home, "sc-attrib check src --index ix -o report.txt --fail-on never >&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert "identical file" in (home / "report.txt").read_text()


def test_a_closed_stderr_keeps_the_exit_code(home: Path) -> None:
    assert in_shell(home, "sc-attrib index info --index nope 2>&-").returncode == 2
    assert in_shell(home, "sc-attrib index info --index nope 2>/dev/full").returncode == 2
    assert in_shell(home, "sc-attrib index info --index ix 2>&-").returncode == 0


def test_no_file_of_the_index_takes_the_number_of_a_closed_stream(home: Path) -> None:
    built = in_shell(home, "sc-attrib index build --tree src --index new <&- >&- 2>&-")
    assert built.returncode == 2, "the summary could not be written"
    verified = in_shell(home, "sc-attrib index verify --index new")
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize("words", ["check - --index ix", "swhid -", "show SWHID --index ix --against -"])
def test_a_closed_stdin_is_one_sentence(home: Path, words: str) -> None:
    done = in_shell(home, f"sc-attrib {words.replace('SWHID', swhid_of_source(home))} <&-")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sc-attrib: standard input: cannot be read")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_names_that_are_not_utf_8_come_out_as_their_bytes(home: Path, encoding: str) -> None:
    strict = {"PYTHONIOENCODING": encoding}
    built = in_shell(
        home, f"sc-attrib index build --tree src --origin https://x/{NAME} --index {NAME}", **strict
    )
    assert (built.returncode, built.stderr) == (0, "")
    for words in (f"index info --index {NAME}", f"index verify --index {NAME}"):
        done = in_shell(home, f"sc-attrib {words}", **strict)
        assert (done.returncode, done.stderr) == (0, ""), words
        assert NAME in done.stdout
    for words in ("search boat_1", "check src --fail-on never"):
        done = in_shell(home, f"sc-attrib {words} --index {NAME}", **strict)
        assert (done.returncode, done.stderr) == (0, ""), words
        assert f"https://x/{NAME}" in done.stdout


def test_a_name_in_a_sentence_commands_no_terminal(home: Path) -> None:
    done = in_shell(home, "sc-attrib index build --tree $'x\\e[2J\\u202e'")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("sc-attrib: x\\x1b[2J\\u202e: does not exist; ")


def test_what_an_encoding_cannot_say_is_escaped(home: Path) -> None:
    (home / "é.py").write_bytes(CODE)
    done = in_shell(home, "sc-attrib swhid é.py", PYTHONIOENCODING="ascii:strict")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\t\\xe9.py\n")


def test_lines_beyond_any_file_are_ignored_as_other_invalid_qualifiers(home: Path) -> None:
    swhid = swhid_of_source(home)
    done = in_shell(home, f"sc-attrib show '{swhid};lines={'9' * 24}-{'9' * 25}' --index ix")
    assert (done.returncode, done.stdout.encode()) == (0, CODE + b"\n")


def fail(*_: object) -> int:
    raise RuntimeError("the boat\nhas sunk")


def test_a_fault_is_exit_code_2_and_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SC_ATTRIB_DEBUG", raising=False)
    monkeypatch.setattr("attribution.commands.swhid.run", fail)
    assert main(["swhid", "a.py"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("sc-attrib: swhid failed")
    assert "RuntimeError: the boat has sunk" in told
    assert "report" in told
    assert "SC_ATTRIB_DEBUG=1" in told
    assert told.count("\n") == 1


def test_a_package_that_is_not_installed_is_no_fault_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: object) -> int:
        return importlib.import_module("boats_of_nobody.sails").count

    monkeypatch.setattr("attribution.commands.swhid.run", run)
    assert main(["swhid", "a.py"]) == 2
    assert capsys.readouterr().err == (
        "sc-attrib: swhid needs the package boats_of_nobody, which is not installed; all that any command "
        "needs: pip install 'sc-attrib[all]'\n"
    )


def test_a_fault_shows_where_it_happened_to_those_who_ask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SC_ATTRIB_DEBUG", "1")
    monkeypatch.setattr("attribution.commands.swhid.run", fail)
    assert main(["swhid", "a.py"]) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["build", "add", "remove", "info", "verify", "compact", "merge"])
def test_an_index_command_takes_one_index(home: Path, action: str) -> None:
    done = in_shell(home, f"sc-attrib index {action} --index ix --index other")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("both ix and other are named; name one index\n")
    assert not (home / "other").exists()


def test_a_current_folder_that_was_deleted_is_one_sentence(home: Path) -> None:
    for words in ("check .", "check - <../src/a.py"):
        done = in_shell(home, f"mkdir gone && cd gone && rmdir ../gone && sc-attrib {words}")
        assert done.returncode == 2
        assert done.stderr == "sc-attrib: the current folder is gone; change into one that exists\n"


@pytest.mark.parametrize(
    ("term", "no_colour", "is_coloured"),
    [("xterm", "", True), ("xterm", "1", False), ("dumb", "", False)],
)
def test_only_a_terminal_that_wants_them_is_sent_colours(
    home: Path, term: str, no_colour: str, is_coloured: bool
) -> None:
    pty = pytest.importorskip("pty", reason="needs the pseudoterminals of a Unix")
    ours, theirs = pty.openpty()
    settings = {**os.environ, "TERM": term, "NO_COLOR": no_colour}
    subprocess.run(
        [SC_ATTRIB, "check", "src", "--index", "ix"], cwd=home, env=settings, stdout=theirs, check=False
    )
    shown = os.read(ours, 1 << 16)
    os.close(theirs)
    os.close(ours)
    assert b"identical file" in shown
    assert (b"\033[" in shown) == is_coloured
