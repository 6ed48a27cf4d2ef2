"""Helix in a terminal, with the configuration of ``docs/editors.md``."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.editors.conftest import accepted, block
from tests.editors.install import FOLDER
from tests.editors.neovim import COLUMNS, ROWS
from tests.lsp.conftest import KNOWN_FUNCTION, KNOWN_HEAD

ANSWER_LIMIT_S = 20
MARK = "●"
"""In the margin of a line that is like known code."""
_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-9;?:<>=]*[A-Za-z]|[()][A-Z0-9]|\][^\x07\x1b]*(?:\x07|\x1b\\)|P[^\x1b]*\x1b\\|.)"
)


class Terminal:
    """A program in a terminal of its own: keys go in, what it draws comes out as text."""

    def __init__(self, words: list[str | Path], folder: Path, environment: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            words,
            cwd=folder,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._drawn = b""

    @property
    def drawn(self) -> str:
        """All that was drawn so far, without colours and places."""
        while select.select([self._master], [], [], 0.05)[0]:
            try:
                self._drawn += os.read(self._master, 65536)
            except OSError:  # it has ended
                break
        return _ESCAPES.sub(b"", self._drawn).decode("utf-8", "replace")

    def type(self, keys: str) -> None:
        """Press keys, and forget what was drawn before them."""
        self._drawn = b""
        os.write(self._master, keys.encode())

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until something holds."""
        end = time.monotonic() + ANSWER_LIMIT_S
        while not condition():
            assert time.monotonic() < end, f"{what} never came\n{' '.join(self.drawn.split())}"

    def sees(self, *words: str) -> None:
        """Wait until all these words were drawn; spaces that were blank before are not drawn again."""
        wanted = ["".join(word.split()) for word in words]
        self.until(lambda: all(word in "".join(self.drawn.split()) for word in wanted), " and ".join(words))

    def close(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.wait()
        os.close(self._master)


@pytest.fixture
def helix(workspace: Path, environment: dict[str, str], settings) -> Iterator[Callable[[str], Terminal]]:
    """Open a file in Helix."""
    folder = Path(environment["XDG_CONFIG_HOME"]) / "helix"
    folder.mkdir(parents=True)
    tables = "".join(
        f"[language-server.sc-attrib.config.{table}]\n"
        + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
        for table, values in settings.items()
    )
    trusted = Path(environment["XDG_DATA_HOME"]) / "helix" / "workspace_trust"
    (folder / "languages.toml").write_text(f"{block('Helix', 'toml')}\n{tables}")
    with contextlib.ExitStack() as stack:

        def opening(name: str) -> Terminal:
            terminal = Terminal([FOLDER / "bin" / "hx", name], workspace, environment)
            stack.callback(terminal.close)
            return terminal

        first = opening("empty.py")
        first.sees("NOR")
        first.type(":workspace-trust\r")
        first.until(lambda: trusted.is_dir() and any(trusted.iterdir()), "trust in the workspace")

        yield opening


def test_a_suggestion_stands_in_the_menu_with_its_source_and_is_taken(helix, workspace, environment):
    (workspace / "typed.py").write_text(KNOWN_HEAD + "    ")
    terminal = helix("typed.py")
    terminal.sees(MARK)
    terminal.type("gegla\x18")
    terminal.sees("if len(weights) != len(values):")
    terminal.type("\t")
    terminal.sees("100% like quantiles free.py:3-14 · MIT")
    terminal.type("\r")
    terminal.type("\x1b")
    terminal.sees("NOR")
    terminal.type(":w\r")
    terminal.sees("written")  # until then the file may be gone: Helix moves it away while it writes
    assert (workspace / "typed.py").read_text().strip() == KNOWN_FUNCTION.strip()
    terminal.until(lambda: accepted(workspace, environment) == [("typed.py", "change", "free.py")])


def test_pasted_code_is_marked(helix, workspace):
    (workspace / "pasted.py").write_text(f"import sys\n\n\n{KNOWN_FUNCTION}")
    terminal = helix("pasted.py")
    terminal.sees(MARK)
    terminal.type(" d")
    terminal.sees("INFO", "sc-attrib", "swh:1:cnt:", "attribut")
