"""Git repositories to read from, made by git."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from pathlib import Path

from attribution.model import SourceFile
from attribution.sources.files import Choice, SkipReason
from attribution.sources.git import GitPlace, read_git

FIRST_SECOND = 1_600_000_000


class Repository:
    """A repository and the clock of its commits, one a minute."""

    def __init__(self, path: Path, *options: str) -> None:
        self.path = path
        self._now = FIRST_SECOND
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main", *options)

    def git(self, *words: str | Path, stdin: bytes = b"") -> str:
        date = f"{self._now} +0000"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_DATE": date,
        }
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        done = subprocess.run(
            ["git", *identity, *words], cwd=self.path, env=environment, input=stdin, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()

    def write(self, path: str, content: bytes | str) -> None:
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self) -> str:
        self._now += 60
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=change", "--allow-empty")
        return self.git("rev-parse", "HEAD")


def read(
    place: Path | str, *, history: bool = False, leave_out: frozenset[SkipReason] = frozenset()
) -> tuple[dict[str, SourceFile], Counter[str]]:
    """Files by path, the last of a path counting, and what was left out."""
    skipped: Counter[str] = Counter()
    parsed = GitPlace.parse(str(place))
    files = list(read_git(parsed, skipped=skipped, with_history=history, choice=Choice(leave_out=leave_out)))
    return {file.origin.path: file for file in files}, skipped
