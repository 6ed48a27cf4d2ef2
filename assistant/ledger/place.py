"""Where the ledger of a workspace lies.

In the user's state folder, under a name made of the workspace's path; or in the workspace itself, as
``.sc-attrib/ledger.sqlite``, once the project opted in by making that file (an empty one will do).
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from pathlib import Path

PROJECT_LEDGER = Path(".sc-attrib", "ledger.sqlite")
_KEY_DIGITS = 16
_NAME_CHARACTERS = 40


def ledger_path(workspace: Path) -> Path:
    """The ledger of a workspace, which need not exist: the project's file if it is there, else the user's.

    A link in the place of the project's file is not followed: it is no opt-in.
    """
    workspace = workspace.resolve()
    project = workspace / PROJECT_LEDGER
    if project.is_file() and not project.is_symlink():
        return project
    return user_state() / "ledgers" / f"{_readable(workspace.name)}-{_key(workspace)}.sqlite"


def find_workspace(folder: Path) -> Path:
    """The nearest folder upwards that has a ledger; the folder itself where none has."""
    folder = folder.resolve()
    return next((f for f in (folder, *folder.parents) if ledger_path(f).is_file()), folder)


def user_state() -> Path:
    """The user's folder for what programs remember (XDG Base Directory: ``XDG_STATE_HOME``)."""
    if sys.platform == "darwin":
        state = Path("~/Library/Application Support").expanduser()
    elif sys.platform == "win32":
        state = Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local")).expanduser()
    else:
        state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
    return state / "sc-attrib"


def _key(workspace: Path) -> str:
    return sha256(os.fsencode(workspace)).hexdigest()[:_KEY_DIGITS]


def _readable(name: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    return kept[:_NAME_CHARACTERS] or "workspace"
