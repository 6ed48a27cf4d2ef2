"""Write the help of every command into ``docs/cli.md``, between its markers.

    python docs/make_cli_help.py

A test fails when the page and the program disagree.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).with_name("cli.md")
BLOCK = re.compile(r"```text\n\$ (sc-attrib[^\n]* --help)\n.*?```", re.DOTALL)


def help_of(command: str) -> str:
    """What the installed program prints for this command line."""
    script = Path(sys.executable).with_name("sc-attrib")
    environment = {**os.environ, "COLUMNS": "100", "PYTHON_COLORS": "0", "NO_COLOR": "1"}
    words = command.split()[1:]
    done = subprocess.run([script, *words], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.rstrip()


def render(page: str) -> str:
    """The page with every help block brought up to date."""
    return BLOCK.sub(lambda match: f"```text\n$ {match[1]}\n{help_of(match[1])}\n```", page)


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
