"""Real editors, with a workspace, an index of known code and a model that is a script."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistant.ledger.place import ledger_path
from assistant.ledger.store import read_ledger
from tests.editors.install import FOLDER
from tests.editors.neovim import Neovim, running
from tests.lsp.conftest import base_settings, index, script

__all__ = ["index", "script"]

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "editors.md"
INLINE = "forky"
"""The Debian release whose Neovim shows ghost text."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what is missing where the editors are not there."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not (FOLDER / "bin").is_dir():
            item.add_marker(pytest.mark.skip("no editors: run python tests/editors/install.py"))


def block(heading: str, language: str, number: int = 0) -> str:
    """A configuration block of ``docs/editors.md``, by the section that it stands in."""
    section = re.split(r"^## ", DOCS.read_text(), flags=re.MULTILINE)
    [text] = [part for part in section if part.startswith(heading + "\n")]
    blocks = re.findall(rf"^ *```{language}\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    return textwrap.dedent(blocks[number])


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing of the user's own; sc-attrib on the PATH, as pipx leaves it."""
    homes = {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    kept = {name: os.environ[name] for name in ("LANG",) if name in os.environ}
    return {**kept, **homes, "PATH": path, "HOME": str(tmp_path), "TERM": "xterm-256color"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A project."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    return folder


@pytest.fixture
def settings(script: Path, index: Path) -> dict[str, dict[str, object]]:
    """The server's settings: the scripted model and the index of two files."""
    return base_settings(script, index)


def accepted(workspace: Path, environment: dict[str, str]) -> list[tuple[str, str, str]]:
    """Path, teller and source of each acceptance that the server wrote into the ledger."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", environment["XDG_STATE_HOME"])
        path = ledger_path(workspace)
    rows = read_ledger(path) if path.exists() else []
    return [(row.path, str(row.told_by), row.matches[0].origin.path if row.matches else "") for row in rows]


Start = Callable[..., Neovim]


@pytest.fixture
def start(workspace: Path, environment: dict[str, str], settings) -> Iterator[Start]:
    """Start a Neovim with the plugin as ``docs/editors.md`` sets it up, and settings laid under it."""
    place = (
        Path(environment["XDG_DATA_HOME"]) / "nvim" / "site" / "pack" / "sc-attrib" / "start" / "sc-attrib"
    )
    place.parent.mkdir(parents=True)
    done = subprocess.run(
        ["sc-attrib", "lsp", "--plugin", "nvim"], env=environment, capture_output=True, check=True, text=True
    )
    place.symlink_to(done.stdout.strip())
    with contextlib.ExitStack() as editors:

        def starting(suite: str = INLINE, *, options: dict | None = None, setup: str | None = None) -> Neovim:
            given = json.dumps({"settings": settings, **(options or {})})
            init = f"vim.g.sc_attrib = vim.fn.json_decode([==[{given}]==])\n"
            init += block("Neovim", "lua") if setup is None else setup
            program = FOLDER / "bin" / f"nvim-{suite}"
            editor = contextlib.contextmanager(running)(program, workspace, init, environment)
            return editors.enter_context(editor)

        yield starting
