"""Neovim 0.12: ghost text, and where it comes from before it is accepted."""

from __future__ import annotations

from tests.editors.conftest import accepted
from tests.editors.install import FOLDER
from tests.editors.neovim import Neovim
from tests.editors.picture import draw
from tests.lsp.conftest import (
    FRESH_BODY,
    FRESH_HEAD,
    KNOWN_FUNCTION,
    KNOWN_HEAD,
    OTHER_BODY,
    OTHER_HEAD,
)

SOURCE = "└ ≈ 100% like quantiles free.py:3-14 · MIT · attribute"


def write(editor: Neovim, name: str, text: str) -> None:
    """Open a new file and type."""
    editor.command(f"edit {name}")
    editor.command("setlocal noautoindent indentexpr=")
    editor.type("i" + text.replace("<", "<lt>").replace("\n", "<CR>"))


def test_a_picture_of_it_is_drawn_for_the_docs(start):
    """``build/editors/neovim.png``; the one in ``docs/images`` is a copy from such a run."""
    editor = start()
    write(editor, "quantiles.py", KNOWN_HEAD + "    ")
    editor.sees(SOURCE)
    picture = FOLDER / "neovim.png"
    picture.unlink(missing_ok=True)
    draw(editor.screen, picture, 15)
    assert picture.stat().st_size > 10_000


def test_the_source_stands_below_the_ghost_text_before_it_is_accepted(start):
    editor = start()
    write(editor, "a.py", KNOWN_HEAD + "    ")
    lines = editor.sees("return values[-1]", SOURCE).split("\n")
    assert "\n".join(lines[:13]) == f"{KNOWN_FUNCTION}{SOURCE}"
    assert editor.text == KNOWN_HEAD + "    \n"


def test_tab_takes_the_suggestion_and_the_ledger_knows_it(start, workspace, environment):
    editor = start()
    write(editor, "a.py", KNOWN_HEAD + "    ")
    editor.sees(SOURCE)
    editor.type("<Tab>")
    editor.until(lambda: editor.text == KNOWN_FUNCTION)
    editor.until(lambda: "└" not in editor.shown)
    editor.until(lambda: accepted(workspace, environment) == [("a.py", "editor", "free.py")])


def test_tab_is_a_tab_where_nothing_is_suggested(start):
    editor = start()
    editor.command("edit empty.py | setlocal noexpandtab")
    editor.type("ix<Tab>y")
    editor.until(lambda: editor.text == "x\ty\n")


def test_new_code_is_said_to_have_no_known_source(start):
    editor = start()
    write(editor, "a.py", FRESH_HEAD + "    ")
    editor.sees(FRESH_BODY.strip(), "└ · no known source")


def test_what_was_typed_of_a_suggestion_is_not_inserted_again(start):
    editor = start()
    write(editor, "a.py", FRESH_HEAD + "    ")
    editor.sees("└ · no known source")
    editor.type("ret<Tab>")
    editor.until(lambda: editor.text == FRESH_HEAD + FRESH_BODY)


def test_what_does_not_fit_any_more_is_not_inserted(start):
    editor = start()
    write(editor, "a.py", FRESH_HEAD + "    ")
    editor.sees("└ · no known source")
    editor.type("x<Tab>")
    editor.call("nvim_eval", "1")
    editor.type("<Esc>")
    editor.until(lambda: editor.call("nvim_get_mode")["mode"] == "n")
    assert editor.text.startswith(FRESH_HEAD + "    x")
    assert "return" not in editor.text


def test_the_source_goes_away_with_the_ghost_text(start):
    editor = start()
    write(editor, "a.py", KNOWN_HEAD + "    ")
    editor.sees(SOURCE)
    editor.type("<Esc>")
    editor.until(lambda: "└" not in editor.shown and "return values" not in editor.shown)


def test_a_word_can_be_taken_and_the_rest_is_suggested_again(start):
    editor = start()
    write(editor, "a.py", FRESH_HEAD + "    ret")
    editor.sees("└ · no known source")
    editor.type("<M-Right>")
    editor.until(lambda: editor.text == FRESH_HEAD + "    return\n")


def test_dismissing_takes_ghost_text_and_source_off_the_screen(start):
    editor = start()
    write(editor, "a.py", KNOWN_HEAD + "    ")
    editor.sees(SOURCE)
    assert editor.lua("return require('sc_attrib').dismiss()") is True
    editor.until(lambda: "└" not in editor.shown)
    assert editor.text == KNOWN_HEAD + "    \n"


def test_neovims_own_way_to_accept_does_the_same(start):
    """Who maps ``vim.lsp.inline_completion.get()`` has the source below all the same."""
    editor = start(options={"keys": False})
    editor.lua("vim.keymap.set('i', '<C-l>', vim.lsp.inline_completion.get)")
    write(editor, "a.py", KNOWN_HEAD + "    ")
    editor.sees(SOURCE)
    editor.type("<C-l>")
    editor.until(lambda: editor.text == KNOWN_FUNCTION)
    editor.until(lambda: "└" not in editor.shown)


def test_what_the_policy_denies_is_withheld_and_the_reason_stands_at_the_cursor(start, settings):
    settings["trace"]["guard"] = False
    editor = start()
    write(editor, "a.py", OTHER_HEAD + "    ")
    screen = editor.sees("└ withheld: ", "GPL-3.0-only")
    assert OTHER_BODY.strip().split("\n")[0] not in screen
    editor.type("#")
    editor.until(lambda: "withheld" not in editor.shown)
    editor.type("<Esc>:ScAttrib status<CR>")
    editor.sees("last withheld: ")


def test_a_policy_that_is_made_stricter_holds_for_the_next_suggestion(start, settings, workspace):
    settings["trace"]["guard"] = False
    editor = start()
    (workspace / ".sc-attrib.toml").write_text('[policy]\ndeny = ["MIT"]\n')
    write(editor, "a.py", KNOWN_HEAD + "    ")
    editor.sees("└ withheld: ", "denies MIT")
