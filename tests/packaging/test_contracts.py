"""The contracts of imports name what they are about."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
KNOWN_TO_TRAINING = {"errors", "fim", "quantize"}
"""The prompt format, the quantiser, and the errors that it raises."""


def test_every_other_part_of_the_assistant_is_forbidden_to_training():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    [contract] = [c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "forbidden"]
    parts = {path.stem for path in (ROOT / "assistant").glob("*.py")} | {
        path.parent.name for path in (ROOT / "assistant").glob("*/__init__.py")
    }
    wanted = {f"assistant.{name}" for name in parts - KNOWN_TO_TRAINING - {"__init__"}}
    assert set(contract["forbidden_modules"]) == wanted
