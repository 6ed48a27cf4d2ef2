"""What is read of a workspace, in real repositories; nothing that git ignores or that is secret."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from assistant.context import disclosure, workspace
from assistant.context.disclosure import Disclosure
from assistant.context.workspace import WorkspaceFiles, read_workspace
from attribution.sources.files import read_code
from tests.assistant.context.git_folder import make_repository

KEY = "ghp_" + "a1B2c3D4e5F6g7H8i9" * 2
FILES = {
    ".gitignore": "local/\n*.private.py\n",
    "boats.py": "def row(boat):\n    return boat.oars\n",
    "src/harbour.ts": "export const berths = 7;\n",
    "local/scratch.py": "scratch = 1\n",
    "notes.private.py": "notes = 1\n",
    "third_party/lib.py": "vendored = 1\n",
    "settings.py": f"TOKEN = '{KEY}'\n",
    ".env": "TOKEN=1\n",
    "data.csv": "1,2\n",
}


def names(root: Path) -> set[str]:
    return {Path(path).relative_to(root).as_posix() for path in read_workspace(root)}


def test_a_workspace_is_its_own_code_without_what_git_ignores(tmp_path):
    root = make_repository(tmp_path / "w", FILES)
    assert names(root) == {"boats.py", "src/harbour.ts"}


def test_a_folder_below_a_repository_keeps_to_the_rules_above(tmp_path):
    root = make_repository(
        tmp_path / "w", FILES | {"src/deep/x.private.py": "x = 1\n", "src/y.py": "y = 1\n"}
    )
    assert names(root / "src") == {"harbour.ts", "y.py"}


def test_a_folder_without_git_is_read_too(tmp_path):
    for name in ("boats.py", "node_modules/lib.js", ".hidden/x.py", "vendor/y.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("code = 1\n")
    assert names(tmp_path) == {"boats.py"}


def test_nothing_is_read_where_git_should_know_and_cannot_say(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "boats.py").write_text("boats = 1\n")
    assert names(tmp_path) == set()


def test_links_large_files_and_other_encodings_are_left_out(tmp_path):
    (tmp_path / "elsewhere.txt").write_text("x = 1\n")
    (tmp_path / "link.py").symlink_to(tmp_path / "elsewhere.txt")
    (tmp_path / "large.py").write_text("x = 1\n" * 20_000)
    (tmp_path / "latin.py").write_bytes(b"name = '\xe9'\n")
    (tmp_path / "binary.py").write_bytes(b"\0" * 64)
    assert names(tmp_path) == set()


def test_what_was_changed_last_is_read_first_within_the_bounds(tmp_path, monkeypatch):
    for number in range(6):
        (tmp_path / f"{number}.py").write_text(f"x = {number}\n")
        os.utime(tmp_path / f"{number}.py", (number, number))
    monkeypatch.setattr(workspace, "MOST_FILES", 2)
    assert list(map(os.path.basename, read_workspace(tmp_path))) == ["5.py", "4.py"]


@pytest.mark.asyncio
async def test_reading_goes_on_beside_and_begins_anew_after_a_minute(tmp_path):
    (tmp_path / "a.py").write_text("a = 1\n")
    now = 0.0
    files = WorkspaceFiles(tmp_path, clock=lambda: now)
    assert files.texts() == {}
    await files.settled()
    first = files.texts()
    assert list(first.values()) == ["a = 1\n"]
    (tmp_path / "a.py").write_text("a = 2\n")
    assert files.texts() is first
    now = 61.0
    files.texts()
    await files.settled()
    assert list(files.texts().values()) == ["a = 2\n"]


@pytest.mark.asyncio
async def test_only_what_was_changed_since_is_read_again(tmp_path, monkeypatch):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("x = 1\n")
    (tmp_path / "secret.py").write_text(f"x = '{KEY}'\n")
    read: list[str] = []

    def reading(path, **rest):
        read.append(path.name)
        return read_code(path, **rest)

    monkeypatch.setattr(workspace, "read_code", reading)
    now = 0.0
    files = WorkspaceFiles(tmp_path, clock=lambda: now)
    files.texts()
    await files.settled()
    (tmp_path / "a.py").write_text("x = 22\n")
    read.clear()
    now = 61.0
    files.texts()
    await files.settled()
    assert read == ["a.py"]
    assert sorted(files.texts().values()) == ["x = 1\n", "x = 22\n"]


@pytest.mark.asyncio
async def test_open_files_that_are_ignored_or_secret_are_not_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(disclosure, "_LONGEST_WAIT_S", 30.0)
    root = make_repository(tmp_path / "w", FILES)
    texts = {str(root / name): text for name, text in FILES.items() if not name.endswith("ignore")}
    permitted = await Disclosure().permitted(texts)
    shown = [Path(path).relative_to(root).as_posix() for path in permitted]
    assert shown == ["boats.py", "src/harbour.ts", "third_party/lib.py", "data.csv"]


@pytest.mark.asyncio
async def test_a_file_is_not_shown_while_a_secret_stands_in_it(tmp_path):
    gate = Disclosure()
    path = str(tmp_path / "a.py")
    assert await gate.permitted({path: "x = 1\n"}) == {path: "x = 1\n"}
    assert await gate.permitted({path: f"x = '{KEY}'\n"}) == {}
    assert await gate.permitted({path: "x = 2\n"}) == {path: "x = 2\n"}


@pytest.mark.asyncio
async def test_texts_are_looked_through_beside_the_event_loop(tmp_path):
    """Of 64 long files that are open, all new, it takes most of a second; keystrokes wait on that loop."""
    threads = set()

    def look(_text):
        threads.add(threading.current_thread())
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disclosure, "holds_secret", look)
        assert await Disclosure().permitted({str(tmp_path / "a.py"): "x = 1\n"})
    assert threads
    assert threading.main_thread() not in threads


@pytest.mark.asyncio
async def test_what_is_no_path_is_not_shown(tmp_path):
    ring = tmp_path / "ring"
    ring.symlink_to(ring)
    texts = {"\0.py": "x = 1\n", str(ring / "a.py"): "x = 1\n", str(tmp_path / "b.py"): "b = 1\n"}
    assert await Disclosure().permitted(texts) == {str(tmp_path / "b.py"): "b = 1\n"}


@pytest.mark.asyncio
async def test_git_is_asked_again_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(disclosure, "_LONGEST_WAIT_S", 30.0)
    root = make_repository(tmp_path / "w", {"a.py": "a = 1\n"})
    now = 0.0
    gate = Disclosure(clock=lambda: now)
    texts = {str(root / "a.py"): "a = 1\n"}
    assert await gate.permitted(texts) == texts
    (root / ".gitignore").write_text("a.py\n")
    now = 31.0
    await gate.permitted(texts)
    assert gate._asking is not None
    await gate._asking
    assert await gate.permitted(texts) == {}
