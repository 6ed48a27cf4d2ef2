"""Where indexes lie when nobody names one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROJECT_INDEX = Path(".sc-attrib", "index")
BUNDLED_INDEX = Path(__file__).parents[2] / "assistant" / "default" / "index"
"""Data, not code: the index of what the bundled model was trained on, installed beside it."""


def find_indexes(workspace: Path) -> list[Path]:
    """The indexes that exist: the project's (here or in a folder above), the user's, the bundled one."""
    workspace = workspace.resolve()
    project = next(
        (
            folder / PROJECT_INDEX
            for folder in (workspace, *workspace.parents)
            if is_index(folder / PROJECT_INDEX)
        ),
        None,
    )
    return [*([project] if project else []), *indexes_of_everywhere()]


def indexes_of_everywhere() -> list[Path]:
    """The indexes that exist and belong to no project: the user's, the bundled one."""
    return [path for path in (user_index(), BUNDLED_INDEX) if is_index(path)]


def user_index() -> Path:
    """The user's own index, in the platform's folder for application data."""
    if sys.platform == "darwin":
        data = Path("~/Library/Application Support").expanduser()
    elif sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local")).expanduser()
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser()
    return data / "sc-attrib" / "index"


def is_index(path: Path) -> bool:
    """Whether a folder holds an index, usable or not."""
    return (path / "catalog.sqlite").is_file()
