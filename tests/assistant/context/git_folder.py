"""Real repositories for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from attribution.sources.git_command import GitMissingError, git_executable


def make_repository(root: Path, files: dict[str, str]) -> Path:
    """A git work tree with these files, none of them committed."""
    try:
        git = git_executable()
    except GitMissingError:
        pytest.skip("needs git (Debian package git)")
    subprocess.run([git, "init", "--quiet", str(root)], check=True)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root
