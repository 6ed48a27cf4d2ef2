"""Emacs 30 in batch mode, with the configurations of ``docs/editors.md``: Eglot, and lsp-mode 10."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.editors.conftest import accepted, block
from tests.editors.install import FOLDER
from tests.lsp.conftest import KNOWN_BODY, KNOWN_FUNCTION, KNOWN_HEAD

SCRIPTS = Path(__file__).parent / "emacs"
PACKAGES = FOLDER / "forky" / "usr" / "share" / "emacs" / "site-lisp" / "elpa-src"

NOT_COMPILED = "(setq native-comp-enable-subr-trampolines nil native-comp-jit-compilation nil)"
"""Nothing is compiled: that takes a linker of the same release."""


@pytest.fixture
def project(workspace: Path) -> Path:
    """A repository with a file into which code was copied, and one in which a function was begun."""
    (workspace / ".git").mkdir()
    (workspace / "pasted.py").write_text(f"import sys\n\n\n{KNOWN_FUNCTION}")
    (workspace / "typed.py").write_text(KNOWN_HEAD + "    ")
    (workspace / "NOTICE").touch()  # Eglot creates no files
    return workspace


def run_emacs(
    script: str, configuration: str, project: Path, environment: dict[str, str], settings: dict[str, Any]
) -> dict[str, Any]:
    """Run a script of ours after a configuration of the docs; answer all that it found out."""
    file = project.parent / "configuration.el"
    file.write_text(f";; -*- lexical-binding: t -*-\n{configuration}")
    packages = [word for folder in sorted(PACKAGES.iterdir()) for word in ("-L", str(folder))]
    done = subprocess.run(
        [
            FOLDER / "bin" / "emacs",
            "-Q",
            "--batch",
            "--eval",
            NOT_COMPILED,
            "-L",
            SCRIPTS,
            *packages,
            "-l",
            SCRIPTS / script,
        ],
        cwd=project,
        env={**environment, "CONFIGURATION": str(file), "SETTINGS": json.dumps(settings)},
        capture_output=True,
        text=True,
        timeout=90,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.removeprefix("ANSWER ") for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    return {key: value for line in lines for key, value in json.loads(line).items()}


def test_eglot_marks_copied_code_attributes_it_and_completes(project, environment, settings):
    found = run_emacs("eglot-test.el", block("Emacs", "elisp", 0), project, environment, settings)
    assert found["line"] == 4
    assert "attribute: 100% like quantiles free.py:3-14 · MIT" in found["mark"]
    assert "Attribute to quantiles free.py:3-14 (MIT)" in found["actions"]
    assert "from free.py of https://example.org/quantiles, under MIT." in found["attributed"]
    assert found["label"] == KNOWN_BODY.strip().split("\n")[0]
    assert "100% like quantiles free.py:3-14 · MIT" in found["source"]
    assert found["text"] == KNOWN_FUNCTION.rstrip("\n")
    assert accepted(project, environment) == [("typed.py", "change", "free.py")]


def test_lsp_mode_shows_ghost_text_with_its_source(project, environment, settings):
    found = run_emacs("lsp-mode-test.el", block("Emacs", "elisp", 1), project, environment, settings)
    assert "attribute: 100% like quantiles free.py:3-14 · MIT" in found["mark"]
    assert found["link"].startswith("https://archive.softwareheritage.org/swh:1:cnt:")
    assert found["before"] == KNOWN_HEAD + "    "
    assert found["ghost"].rstrip().endswith("└ 100% like quantiles free.py:3-14 · MIT")
    assert found["text"] == KNOWN_FUNCTION.rstrip("\n")
    assert ("typed.py", "editor", "free.py") in accepted(project, environment)
