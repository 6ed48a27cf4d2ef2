"""What git ignores, by git itself: its rules are too many to be told again.

Only commands are run that read names; the one program that a repository's own configuration could have them
start, ``core.fsmonitor``, is turned off. The user's configuration counts, because it may ignore files too.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from attribution.sources.git_command import GitMissingError, git_executable, inherited_environment

_LONGEST_S = 10.0
_NONE_IGNORED = 1
"""Exit code of ``check-ignore`` where it found nothing."""


def work_tree_of(folder: Path) -> Path | None:
    """The nearest folder upwards that holds ``.git``; ``None`` where there is none."""
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), None)


def listed_files(root: Path) -> list[str] | None:
    """Files below a folder that git does not ignore, relative to it; ``None`` where git cannot say."""
    words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    answer = _ask(root, words)
    if answer is None or answer.returncode:
        return None
    return [os.fsdecode(name) for name in answer.stdout.split(b"\0") if name]


def ignored_among(work_tree: Path, paths: Sequence[Path]) -> frozenset[Path]:
    """Those that git ignores; all of them where it cannot say. Paths lie in the work tree, links resolved."""
    named = b"\0".join(os.fsencode(path) for path in paths)
    answer = _ask(work_tree, ("check-ignore", "-z", "--stdin"), told=named)
    if answer is None or answer.returncode not in (0, _NONE_IGNORED):
        return frozenset(paths)
    return frozenset(Path(os.fsdecode(name)) for name in answer.stdout.split(b"\0") if name)


def _ask(
    folder: Path, words: Sequence[str], *, told: bytes = b""
) -> subprocess.CompletedProcess[bytes] | None:
    """Run git in a folder; ``None`` where that fails or takes too long."""
    try:
        command = [git_executable(), "--no-optional-locks", "-c", "core.fsmonitor=false", *words]
        environment = inherited_environment() | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            input=told,
            capture_output=True,
            timeout=_LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError, GitMissingError):
        return None
