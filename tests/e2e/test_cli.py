"""The command line as a user meets it: the installed console script, real files, exit codes."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SC_ATTRIB = Path(sys.executable).parent / "sc-attrib"
OWN = b"def rent(boat, hours):\n    return boat.seats * hours\n"


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment in which one real package, click, is installed."""
    home = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    import click

    source = Path(click.__file__).parents[1]
    (target,) = home.glob("lib/python*/site-packages")
    shutil.copytree(source / "click", target / "click", ignore=shutil.ignore_patterns("__pycache__"))
    (info,) = source.glob("click-*.dist-info")
    shutil.copytree(info, target / info.name)
    return home / "bin" / "python"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, interpreter: Path) -> Path:
    """An index built by the command line from that environment and its standard library."""
    directory = tmp_path_factory.mktemp("cli") / "index"
    built = subprocess.run(
        [SC_ATTRIB, "index", "build", "--packages", interpreter, "--index", directory],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert "distinct contents" in built.stdout
    return directory


@pytest.fixture(scope="module")
def function(interpreter: Path) -> tuple[Path, int, int]:
    """A real function: its file, first and last line."""
    (utils,) = interpreter.parents[1].glob("lib/python*/site-packages/click/utils.py")
    functions = [node for node in ast.parse(utils.read_bytes()).body if isinstance(node, ast.FunctionDef)]
    chosen = max(functions, key=lambda node: (node.end_lineno or 0) - node.lineno)
    return utils, chosen.lineno, chosen.end_lineno or 0


@pytest.fixture
def pasted(tmp_path: Path, function: tuple[Path, int, int]) -> Path:
    """A file of one's own into which that function was pasted, from line 4 on."""
    utils, first, last = function
    path = tmp_path / "pasted.py"
    lines = utils.read_bytes().split(b"\n")[first - 1 : last]
    path.write_bytes(OWN + b"\n" + b"\n".join(lines) + b"\n")
    return path


def test_a_pasted_function_is_named_with_swhid_lines_and_licence(run_cli, index, pasted, function) -> None:
    utils, first, last = function
    done = run_cli("check", pasted, "--index", index, "--format", "json")
    assert done.returncode == 0, "a permissive licence does not fail the default gate"
    report = json.loads(done.stdout)
    assert report["schema"] == 1
    (file,) = report["files"]
    (match,) = file["matches"]
    blob = subprocess.run(
        ["git", "hash-object", "--no-filters", utils], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert match["source"]["swhid"].startswith(f"swh:1:cnt:{blob};origin=https://github.com/pallets/click;")
    assert match["source"]["lines"] == [first, last]
    assert match["source"]["swhid"].endswith(f";lines={first}-{last}")
    assert match["query"]["lines"] == [4, 4 + last - first]
    assert match["license"]["expression"] == "BSD-3-Clause"
    assert match["license"]["evidence"]
    assert (match["kind"], match["verdict"], file["verdict"]) == ("literal", "attribute", "attribute")
    assert set(match) >= {"similarity", "containment", "tokens", "found_by"}


def test_the_gate_decides_the_exit_code(run_cli, index, pasted) -> None:
    codes = {
        gate: run_cli("check", pasted, "--index", index, "--fail-on", gate).returncode
        for gate in ("deny", "review", "attribute", "never")
    }
    assert codes == {"deny": 0, "review": 0, "attribute": 1, "never": 0}


def test_own_code_finds_nothing_on_stdin_and_as_a_file(run_cli, index, tmp_path) -> None:
    (tmp_path / "own.py").write_bytes(OWN)
    for done in (
        run_cli("check", "own.py", "--index", index),
        run_cli("check", "-", "--index", index, stdin=OWN),
    ):
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == b"1 file checked: nothing that the indexes know\n"


def test_nothing_found_in_the_bundled_index_alone_says_how_to_know_more(
    run_cli, index, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "own.py").write_bytes(OWN)
    done = run_cli("check", "own.py")
    assert (done.returncode, done.stdout) == (0, b"1 file checked: nothing that the indexes know\n")
    assert b"only the bundled index" in done.stderr and b"sc-attrib index build" in done.stderr
    shutil.copytree(index, tmp_path / ".sc-attrib" / "index")
    assert run_cli("check", "own.py").stderr == b""


def test_text_for_people_says_where_what_and_whose(run_cli, index, pasted, function) -> None:
    _, first, last = function
    text = run_cli("check", pasted, "--index", index).stdout.decode()
    assert f"{pasted}:4-{4 + last - first}  attribute  copied code, 100% alike" in text
    assert "licence   BSD-3-Clause" in text
    assert f"https://github.com/pallets/click  click/utils.py:{first}-{last}" in text
    assert "\033[" not in text, "no colour unless on a terminal"


def test_a_folder_is_walked_and_what_cannot_be_used_is_counted(run_cli, index, pasted, tmp_path) -> None:
    (tmp_path / "image.py").write_bytes(b"\0\1")
    (tmp_path / "latin.py").write_bytes(b"name = '\xe9'\n")
    (tmp_path / "empty.py").touch()
    done = run_cli("check", ".", "--index", index, "--format", "json")
    assert done.returncode == 0
    assert [file["path"] for file in json.loads(done.stdout)["files"]] == ["latin.py", "pasted.py"]
    assert done.stderr == b"skipped: 1 empty, 1 binary\n"


def test_empty_and_undecodable_files_are_clean(run_cli, index, tmp_path) -> None:
    (tmp_path / "empty.py").touch()
    (tmp_path / "latin.py").write_bytes(b"name = '\xe9\xff'\n")
    assert run_cli("check", "empty.py", "latin.py", "--index", index).returncode == 0


def test_the_report_can_go_to_a_file(run_cli, index, pasted, tmp_path) -> None:
    done = run_cli("check", pasted, "--index", index, "--format", "json", "-o", "report.json")
    assert done.stdout == b""
    assert json.loads((tmp_path / "report.json").read_text())["files"]


def test_an_index_tells_what_it_holds(run_cli, index) -> None:
    facts = json.loads(run_cli("index", "info", "--index", index, "--format", "json").stdout)
    assert facts["documents"] > 1000
    assert facts["licenses"]["BSD-3-Clause"] > 10
    assert b"documents" in run_cli("index", "info", "--index", index).stdout


def test_swhid_prints_what_git_says(run_cli, tmp_path) -> None:
    (tmp_path / "a.py").write_bytes(OWN)
    done = run_cli("swhid", "a.py", "-", stdin=b"")
    blob = subprocess.run(
        ["git", "hash-object", "--no-filters", tmp_path / "a.py"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert done.stdout.decode() == (
        f"swh:1:cnt:{blob}\ta.py\nswh:1:cnt:e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\t-\n"
    )


def test_a_tree_is_indexed_under_the_origin_that_is_named(run_cli, tmp_path) -> None:
    (tmp_path / "src").mkdir()
    body = b"\n".join(b"boat_%d = Boat(%d, colour=%d, seats=%d)" % (n, n, n * 3, n + 2) for n in range(20))
    (tmp_path / "src" / "a.py").write_bytes(b"# SPDX-License-Identifier: GPL-3.0-only\n" + body)
    run_cli("index", "build", "--tree", "src", "--origin", "https://example.org/r", "--index", "ix")
    done = run_cli("check", "-", "--index", "ix", "--format", "json", stdin=body)
    (match,) = json.loads(done.stdout)["files"][0]["matches"]
    assert match["source"]["origin"] == "https://example.org/r"
    assert match["source"]["lines"] == [2, 21]
    assert (match["verdict"], done.returncode) == ("deny", 1)


def unusable(done: subprocess.CompletedProcess[bytes], *parts: str) -> None:
    """Exit code 2, nothing on stdout, one sentence on stderr that holds these parts."""
    text = done.stderr.decode()
    assert (done.returncode, done.stdout) == (2, b"")
    assert text.startswith("sc-attrib: ")
    assert text.count("\n") == 1, text
    assert all(part in text for part in parts), text


def test_bad_paths_are_one_sentence_each(run_cli, index, tmp_path) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "binary.py").write_bytes(b"\x7fELF\0\0")
    (tmp_path / "wide.py").write_text("boats = 1\n", "utf-16")
    with (tmp_path / "huge.py").open("wb") as file:
        file.truncate(200 << 20)
    os.mkfifo(tmp_path / "pipe")
    for name, parts in {
        "missing.py": ("does not exist",),
        "nothing": ("holds no source code",),
        "binary.py": ("is binary",),
        "wide.py": ("UTF-16", "convert it to UTF-8"),
        "huge.py": ("larger than 16 MiB",),
        "pipe": ("not a regular file",),
    }.items():
        unusable(run_cli("check", name, "--index", index), name, *parts)
    unusable(run_cli("swhid", "missing.py"), "missing.py", "No such file")
    unusable(run_cli("check", "-", "--index", index, stdin=b"\0"), "is binary")


def test_bad_indexes_are_one_sentence_each(run_cli, index, pasted, tmp_path) -> None:
    unusable(run_cli("check", pasted, "--index", "nowhere"), "nowhere", "index build")
    unusable(run_cli("index", "info", "--index", "nowhere"), "nowhere")
    unusable(run_cli("index", "build", "--index", "ix"), "--packages")
    unusable(run_cli("index", "build", "--index", "ix", "--tree", "nowhere"), "nowhere", "does not exist")
    unusable(run_cli("index", "build", "--index", "ix", "--packages", "/bin/false"), "/bin/false")
    shutil.copytree(index, tmp_path / "truncated")
    (data,) = (tmp_path / "truncated").rglob("arrays.bin")
    os.truncate(data, 10_000)
    unusable(run_cli("check", pasted, "--index", "truncated"), "arrays.bin", "build it anew")
    unusable(run_cli("check", pasted, "--index", pasted), "is a file, not a folder")


def test_the_projects_index_is_found_from_below(index, pasted, function, tmp_path) -> None:
    (tmp_path / ".sc-attrib").mkdir()
    shutil.copytree(index, tmp_path / ".sc-attrib" / "index")
    below = tmp_path / "deep" / "down"
    below.mkdir(parents=True)
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}
    done = subprocess.run(
        [SC_ATTRIB, "check", pasted], cwd=below, env=environment, capture_output=True, text=True
    )
    assert f"click/utils.py:{function[1]}-{function[2]}" in done.stdout


def test_odd_paths_and_streams_are_no_traceback(run_cli, index) -> None:
    unusable(run_cli("check", "x" * 300, "--index", index), "too long")
    unusable(run_cli("check", "", "--index", index), "does not exist")
    unusable(run_cli("check", "-", "--index", "x" * 300), "xxx")
    full = subprocess.run(
        ["sh", "-c", f"{SC_ATTRIB} index info --index {index} > /dev/full"], capture_output=True, text=True
    )
    assert (full.returncode, full.stderr.count("\n")) == (2, 1)
    assert "No space left on device" in full.stderr


def test_names_that_are_not_utf_8_are_shown_and_written(run_cli, index, pasted, tmp_path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n.py")
    Path(name).write_bytes(pasted.read_bytes())
    assert b"caf\xe9\\n.py:4-" in run_cli("check", name, "--index", index).stdout
    assert run_cli("check", name, "--index", index, "--format", "json", "-o", "out.json").returncode == 0
    assert run_cli("swhid", name).stdout.count(b"\n") == 1


def test_a_folder_without_code_is_told_even_beside_one_with_empty_files(run_cli, index, tmp_path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "empty.py").touch()
    (tmp_path / "b").mkdir()
    unusable(run_cli("check", "a", "b", "--index", index), "b: holds no source code")


def test_the_gate_holds_when_nobody_reads_the_report(index, pasted) -> None:
    command = f"{SC_ATTRIB} check {pasted} --index {index} --fail-on attribute; echo $? >&2"
    done = subprocess.run(["bash", "-c", f"({command}) | true"], capture_output=True, text=True, timeout=60)
    assert done.stderr == "1\n"


def test_the_users_index_is_found(index, pasted, function, tmp_path) -> None:
    shutil.copytree(index, tmp_path / "data" / "sc-attrib" / "index")
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}
    done = subprocess.run(
        [SC_ATTRIB, "check", pasted], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert f"click/utils.py:{function[1]}-{function[2]}" in done.stdout


def test_wrong_use_is_exit_code_2(run_cli, index) -> None:
    assert b"is not a URI" in run_cli("index", "build", "--tree", ".", "--origin", "foo").stderr
    assert b"whole number" in run_cli("check", "-", "--index", index, "--min-tokens", "abc").stderr
    assert run_cli("check").returncode == 2
    assert run_cli("no-such-command").returncode == 2
    assert run_cli().returncode == 0


def test_a_closed_pipe_is_no_error(index, pasted) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{SC_ATTRIB} index info --index {index} | true"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
