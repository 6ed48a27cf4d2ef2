"""A real Neovim, driven as its user interfaces drive it: MessagePack-RPC on its streams, a grid of cells.

Protocol: ``:help ui-linegrid`` and https://neovim.io/doc/user/api.html#rpc.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack

ANSWER_LIMIT_S = 30.0
ROWS, COLUMNS = 30, 110
_REQUEST, _RESPONSE, _NOTIFICATION = 0, 1, 2


class NeovimError(Exception):
    """What Neovim answered instead of a result."""


@dataclass(slots=True)
class Cell:
    """A character on the screen, and the number of its highlight."""

    text: str = " "
    highlight: int = 0


@dataclass(slots=True)
class Screen:
    """What a person sees: one grid of cells, and the highlights' colours."""

    cells: list[list[Cell]] = field(default_factory=lambda: _empty(ROWS, COLUMNS))
    highlights: dict[int, dict[str, Any]] = field(default_factory=dict)
    default: tuple[int, int] = (0xE0E2EA, 0x14161B)
    cursor: tuple[int, int] = (0, 0)

    @property
    def lines(self) -> list[str]:
        """The rows as text."""
        return ["".join(cell.text for cell in row).rstrip() for row in self.cells]

    def draw(self, events: list[list[Any]]) -> None:
        """Take a batch of ``redraw`` events."""
        for name, *calls in events:
            handler = getattr(self, f"_{name}", None)
            for call in calls if handler else ():
                handler(*call)

    def _grid_resize(self, _grid: int, columns: int, rows: int) -> None:
        self.cells = _empty(rows, columns)

    def _grid_clear(self, _grid: int) -> None:
        self.cells = _empty(len(self.cells), len(self.cells[0]))

    def _default_colors_set(self, foreground: int, background: int, *_rest: Any) -> None:
        self.default = foreground, background

    def _hl_attr_define(self, number: int, attributes: dict[str, Any], *_rest: Any) -> None:
        self.highlights[number] = attributes

    def _grid_cursor_goto(self, _grid: int, row: int, column: int) -> None:
        self.cursor = row, column

    def _grid_line(self, _grid: int, row: int, column: int, cells: list[list[Any]], *_rest: Any) -> None:
        highlight = 0
        for text, *more in cells:
            highlight = more[0] if more else highlight
            for _ in range(more[1] if len(more) > 1 else 1):
                self.cells[row][column] = Cell(text, highlight)
                column += 1

    def _grid_scroll(
        self, _grid: int, top: int, bottom: int, left: int, right: int, rows: int, _columns: int
    ) -> None:
        order = range(top, bottom - rows) if rows > 0 else range(bottom - 1, top - rows - 1, -1)
        for row in order:
            self.cells[row][left:right] = [
                Cell(cell.text, cell.highlight) for cell in self.cells[row + rows][left:right]
            ]


def _empty(rows: int, columns: int) -> list[list[Cell]]:
    return [[Cell() for _ in range(columns)] for _ in range(rows)]


class Neovim:
    """One embedded Neovim with a screen of 30 lines."""

    def __init__(self, program: Path, folder: Path, init: str, environment: dict[str, str]) -> None:
        script = folder.parent / "init.lua"
        script.write_text(init)
        self.screen = Screen()
        self._errors = (folder.parent / "stderr").open("wb")
        self._process = subprocess.Popen(
            [str(program), "--embed", "--headless", "-n", "-i", "NONE", "-u", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=folder,
            env=environment,
        )
        self._answers: queue.Queue[list[Any]] = queue.Queue()
        self._next = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()
        self.call("nvim_ui_attach", COLUMNS, ROWS, {"ext_linegrid": True, "rgb": True})

    def _read(self) -> None:
        unpacker = msgpack.Unpacker(raw=False, unicode_errors="surrogateescape", strict_map_key=False)
        stream = self._process.stdout
        assert stream is not None
        while chunk := stream.read1(65536):  # type: ignore[attr-defined]
            unpacker.feed(chunk)
            for message in unpacker:
                if message[0] == _RESPONSE:
                    self._answers.put(message)
                elif message[:2] == [_NOTIFICATION, "redraw"]:
                    with self._lock:
                        self.screen.draw(message[2])

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a function of Neovim's API; raises :class:`NeovimError`."""
        self._next += 1
        self._send(_REQUEST, self._next, method, arguments)
        _, _, error, result = self._answer(method)
        if error is not None:
            raise NeovimError(f"{method}: {error}")
        return result

    def _answer(self, method: str) -> list[Any]:
        """Wait for the answer to the last call; a prompt that wants a key to go on gets it."""
        end = time.monotonic() + ANSWER_LIMIT_S
        while time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                answer = self._answers.get(timeout=0.5)
                if answer[1] == self._next:
                    return answer
                continue
            if "Press ENTER" in self.shown:
                self._send(_NOTIFICATION, "nvim_input", ["<CR>"])
        raise AssertionError(f"Neovim does not answer to {method}\n{self.shown}")

    def _send(self, *message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(msgpack.packb(message))
        self._process.stdin.flush()

    def lua(self, code: str, *arguments: Any) -> Any:
        """Run Lua; answer what it returns."""
        return self.call("nvim_exec_lua", code, list(arguments))

    def command(self, line: str) -> None:
        """Run an Ex command."""
        self.call("nvim_command", line)

    def type(self, keys: str) -> None:
        """Press keys, spelled as in mappings."""
        self.call("nvim_input", keys)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def text(self) -> str:
        """The current buffer."""
        return "\n".join(self.call("nvim_buf_get_lines", 0, 0, -1, False)) + "\n"

    @property
    def messages(self) -> str:
        """All that was told (``:messages``)."""
        return str(self.call("nvim_exec", "messages", True))

    @property
    def shown(self) -> str:
        """The screen as text."""
        with self._lock:
            return "\n".join(self.screen.lines)

    def until(self, condition: Callable[[], Any], what: str = "") -> Any:
        """Wait until something holds; what stands on the screen is told where it never does."""
        end = time.monotonic() + ANSWER_LIMIT_S
        while not (value := condition()):
            if time.monotonic() > end:
                raise AssertionError(f"{what or 'it'} never came\n{self.shown}\n{self.messages}")
            time.sleep(0.02)
        return value

    def sees(self, *words: str) -> str:
        """Wait until all these words stand on the screen; answer it."""
        self.until(lambda: all(word in self.shown for word in words), " and ".join(words))
        return self.shown

    def is_told(self, *words: str) -> str:
        """Wait until all these words were told as messages; answer the messages."""
        self.until(lambda: all(word in self.messages for word in words), " and ".join(words))
        return self.messages

    def close(self) -> None:
        """Leave without saving; killed where it does not."""
        try:
            self._send(_NOTIFICATION, "nvim_command", ["qall!"])
            self._process.wait(timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            stream.close()  # type: ignore[union-attr]


def running(program: Path, folder: Path, init: str, environment: dict[str, str]) -> Iterator[Neovim]:
    """A Neovim for the length of a test."""
    editor = Neovim(program, folder, init, environment)
    try:
        yield editor
    finally:
        editor.close()
