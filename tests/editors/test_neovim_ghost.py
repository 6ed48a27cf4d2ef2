"""Neovim 0.12: ghost text, and where it comes from before it is accepted."""

from __future__ import annotations

from tests.lsp.conftest import KNOWN_BODY, KNOWN_HEAD


def write(editor, name: str, head: str) -> None:
    """Open a new file and type the head of a function."""
    editor.command(f"edit {name}")
    editor.command("setlocal noautoindent indentexpr= formatoptions=")
    editor.type("i" + head.replace("<", "<lt>").replace("\n", "<CR>"))


def test_ghost_text_stands_there_with_its_source_before_it_is_accepted(start):
    editor = start()
    write(editor, "a.py", KNOWN_HEAD + "    ")
    screen = editor.sees("return values[-1]", "≈ ", "quantiles free.py:", "MIT · attribute")
    print(screen)
    assert editor.text == KNOWN_HEAD + "    \n"
    editor.type("<Tab>")
    editor.until(lambda: editor.text == KNOWN_HEAD + KNOWN_BODY)
    editor.until(lambda: "free.py:" not in editor.shown)
