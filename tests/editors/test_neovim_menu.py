"""Neovim before 0.12: suggestions in the menu, with their source, taken only when they are chosen."""

from __future__ import annotations

import pytest

from tests.editors.conftest import accepted
from tests.editors.test_neovim_ghost import write
from tests.lsp.conftest import FRESH_BODY, FRESH_HEAD, KNOWN_FUNCTION, KNOWN_HEAD, OTHER_HEAD

pytestmark = pytest.mark.parametrize("suite", ["bookworm", "trixie"])  # 0.7 and 0.10


def ready(editor) -> None:
    """Wait until the server of the current file is there."""
    editor.until(lambda: editor.lua("return require('sc_attrib.client').of(0) ~= nil"), "a server")


def test_the_menu_names_the_source_and_nothing_is_inserted_before_it_is_taken(start, suite):
    editor = start(suite)
    write(editor, "a.py", KNOWN_HEAD + "    ")
    ready(editor)
    editor.type("<C-x><C-u>")
    editor.sees("if len(weights) != len(values):", "100% like quantiles free.py:3-14 · MIT")
    assert editor.text == KNOWN_HEAD + "    \n"


@pytest.mark.parametrize("key", ["<C-y>", "<Tab>"])
def test_what_is_taken_is_the_whole_suggestion_and_the_ledger_knows_it(
    start, suite, key, workspace, environment
):
    editor = start(suite)
    write(editor, "a.py", KNOWN_HEAD + "    ")
    ready(editor)
    editor.type("<M-Bslash>")
    editor.sees("100% like quantiles free.py:3-14 · MIT")
    editor.type(key)
    editor.until(lambda: editor.text == KNOWN_FUNCTION)
    editor.until(lambda: accepted(workspace, environment) == [("a.py", "editor", "free.py")])


def test_a_suggestion_goes_on_with_the_word_that_was_begun(start, suite):
    editor = start(suite)
    write(editor, "a.py", FRESH_HEAD + "    ret")
    ready(editor)
    editor.type("<C-x><C-u>")
    editor.sees("no known source")
    editor.type("<C-y>")
    editor.until(lambda: editor.text == FRESH_HEAD + FRESH_BODY)


def test_the_menus_options_are_the_users_own_again(start, suite):
    editor = start(suite)
    editor.command("set completeopt=menu,longest")
    write(editor, "a.py", KNOWN_HEAD + "    ")
    ready(editor)
    editor.type("<C-x><C-u>")
    editor.sees("free.py:3-14")
    editor.type("<C-e><Esc>")
    editor.until(lambda: editor.lua("return vim.o.completeopt") == "menu,longest")


def test_a_completefunc_of_the_users_own_stays(start, suite):
    editor = start(suite)
    editor.command("autocmd FileType python setlocal completefunc=syntaxcomplete#Complete")
    write(editor, "a.py", KNOWN_HEAD)
    ready(editor)
    assert editor.lua("return vim.bo.completefunc") == "syntaxcomplete#Complete"


def test_what_the_policy_denies_is_withheld_and_the_reason_stands_at_the_cursor(start, suite, settings):
    settings["trace"]["guard"] = False
    editor = start(suite)
    write(editor, "a.py", OTHER_HEAD + "    ")
    ready(editor)
    editor.type("<C-x><C-u>")
    editor.sees("└ withheld: ", "GPL-3.0-only")
    assert editor.text == OTHER_HEAD + "    \n"
