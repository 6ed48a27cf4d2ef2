"""What a person meets in Neovim beside suggestions: marks, quick fixes, commands, health, and faults."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.editors.conftest import INLINE, block
from tests.editors.neovim import Neovim
from tests.editors.test_neovim_ghost import write
from tests.lsp.conftest import FRESH_BODY, FRESH_HEAD, KNOWN_FUNCTION, KNOWN_HEAD

EVERY = pytest.mark.parametrize("suite", ["bookworm", "trixie", "forky"])
OLD = pytest.mark.parametrize("suite", ["bookworm", "trixie"])
LINK = "https://archive.softwareheritage.org/swh:1:cnt:"


@pytest.fixture
def pasted(workspace) -> str:
    """A file into which a known function was copied, from its fourth line on."""
    (workspace / ".git").mkdir()
    (workspace / "pasted.py").write_text(f"import sys\n\n\n{KNOWN_FUNCTION}")
    return "pasted.py"


def marks(editor: Neovim) -> list[dict]:
    return editor.lua("return vim.diagnostic.get(0)")


def servers(editor: Neovim) -> list[int]:
    """Process ids of the servers that an editor started."""
    children = f"/proc/{editor.pid}/task/{editor.pid}/children"
    with open(children) as file:  # noqa: PTH123
        return [int(word) for word in file.read().split()]


def kill_server(editor: Neovim) -> int:
    """Kill the only server, as a system short of memory would."""
    [pid] = editor.until(lambda: servers(editor), "a server")
    os.kill(pid, signal.SIGKILL)
    return pid


@EVERY
def test_pasted_code_is_marked_with_a_link_to_its_source(start, suite, pasted):
    editor = start(suite)
    editor.command(f"edit {pasted}")
    [mark] = editor.until(lambda: marks(editor))
    assert (mark["lnum"], mark["source"]) == (3, "sc-attrib")
    assert mark["message"].startswith("attribute: 100% like quantiles free.py:3-14 · MIT")
    assert mark["user_data"]["lsp"]["codeDescription"]["href"].startswith(LINK)


@EVERY
def test_a_quick_fix_attributes_the_code_and_credits_it_in_notice(start, suite, pasted):
    editor = start(suite)
    editor.command(f"edit {pasted}")
    editor.until(lambda: marks(editor))
    editor.type("5G" + ("gra" if suite == INLINE else ":lua vim.lsp.buf.code_action()<CR>"))
    editor.sees("Attribute to quantiles free.py:3-14 (MIT)", "to NOTICE")
    editor.type("1<CR>")
    editor.until(lambda: "from free.py of https://example.org/quantiles, under MIT." in editor.text)
    notice = "return vim.fn.join(vim.fn.getbufline('NOTICE', 1, '$'), '\\n')"
    editor.until(lambda: "https://example.org/quantiles\n  MIT" in editor.lua(notice))


def test_hovering_says_where_the_code_comes_from(start, pasted):
    editor = start()
    editor.command(f"edit {pasted}")
    editor.until(lambda: marks(editor))
    editor.type("5GK")
    editor.sees("SPDX-License-Identifier", "100% alike")


@EVERY
def test_checking_a_file_fills_the_quickfix_list(start, suite, pasted):
    editor = start(suite)
    editor.command(f"edit {pasted}")
    editor.type(":ScAttrib check<CR>")
    editor.sees("pasted.py|4", "attribute: 100% like https://example.org/quantiles free.py · MIT")
    editor.is_told("1 place is like known code")


@EVERY
def test_a_check_that_fails_says_what_the_program_says(start, suite):
    editor = start(suite)
    editor.type(":ScAttrib check gone.py<CR>")
    editor.is_told("gone.py")


@EVERY
def test_the_ledger_is_reported_in_a_window(start, suite, environment):
    editor = start(suite)
    write(editor, "a.py", KNOWN_HEAD + "    ")
    editor.until(lambda: editor.lua("return require('sc_attrib.client').of(0) ~= nil"), "a server")
    editor.type("" if suite == INLINE else "<C-x><C-u>")
    editor.sees("free.py:3-14")
    editor.type("<Tab>")
    editor.until(lambda: editor.text == KNOWN_FUNCTION)
    editor.type("<Esc>:w<CR>:sleep 1<CR>:ScAttrib ledger<CR>")
    editor.sees("sc-attrib://ledger", "free.py", "MIT")


def test_a_source_that_is_on_no_disk_is_told_with_its_link(start, pasted):
    editor = start()
    editor.command(f"edit {pasted}")
    editor.until(lambda: marks(editor))
    editor.type("5G:ScAttrib source<CR>")
    editor.is_told("The text is not on this machine", LINK)


@EVERY
def test_the_health_check_names_program_server_and_model(start, suite, pasted):
    editor = start(suite)
    editor.command(f"edit {pasted}")
    editor.until(lambda: marks(editor))
    editor.command("checkhealth sc_attrib")
    text = editor.text
    assert "sc-attrib 0.1.0 (" in text
    assert "runs for " in text
    assert "sc-attrib: scripted" in text
    assert ("ghost text, with their source" in text) == (suite == INLINE)


@EVERY
def test_without_the_program_there_is_one_message_that_says_how_to_mend_it(start, suite, pasted):
    editor = start(suite, options={"cmd": ["sc-attrib-of-nobody", "lsp"]})
    editor.command(f"edit {pasted}")
    editor.command("edit other.py")
    told = editor.is_told("sc-attrib-of-nobody was not found; install it with")
    assert told.count("sc-attrib-of-nobody") == 1
    editor.command("checkhealth sc_attrib")
    assert "sc-attrib-of-nobody was not found" in editor.text


@EVERY
def test_a_killed_server_is_started_again_and_that_is_told_once(start, suite, pasted):
    editor = start(suite)
    editor.command(f"edit {pasted}")
    editor.until(lambda: marks(editor))
    first = kill_server(editor)
    editor.is_told("the server ended (signal 9) and is started again")
    editor.until(lambda: servers(editor) and servers(editor) != [first], "another server")
    editor.until(lambda: editor.lua("return require('sc_attrib').status()") == "sc-attrib: scripted")
    editor.command("edit other.py")
    kill_server(editor)
    editor.until(lambda: servers(editor), "a third server")
    assert editor.messages.count("is started again") == 1


def test_a_server_that_dies_again_and_again_is_left_alone(start, pasted):
    editor = start(options={"cmd": ["false", "lsp"], "restarts": 2})
    editor.command(f"edit {pasted}")
    editor.is_told("the server ended 3 times in three minutes (exit code 1) and is left alone")
    assert servers(editor) == []


@EVERY
def test_restarting_starts_another_server_without_a_word(start, suite, pasted):
    editor = start(suite)
    editor.command(f"edit {pasted}")
    editor.until(lambda: marks(editor))
    first = servers(editor)
    editor.type(":ScAttrib restart<CR>")
    editor.until(lambda: servers(editor) and servers(editor) != first, "another server")
    editor.until(lambda: editor.lua("return require('sc_attrib').status()") == "sc-attrib: scripted")
    assert "ended" not in editor.messages


@EVERY
def test_a_folder_of_the_workspace_does_not_shadow_the_server(start, suite, workspace, pasted):
    for name in ("lsp", "attribution", "pygls"):
        (workspace / name).mkdir()
        (workspace / name / "__init__.py").write_text("raise SystemExit('the workspace was imported')\n")
    editor = start(suite)
    editor.command(f"edit {pasted}")
    editor.until(lambda: marks(editor))


def test_the_options_in_the_docs_are_options(start):
    editor = start(setup=block("Neovim", "lua", 1))
    write(editor, "a.py", FRESH_HEAD + "    ")
    editor.sees("└ · no known source")
    editor.type("<C-l>")
    editor.until(lambda: editor.text == FRESH_HEAD + FRESH_BODY)
    assert editor.lua("return require('sc_attrib.options').current.settings.completion.maxTokens") == 64
    assert "setup()" not in editor.messages


def test_without_the_plugin_neovims_own_means_show_and_take_suggestions(start, workspace, settings):
    given = json.dumps(settings)
    more = f"vim.lsp.config('sc_attrib', {{ init_options = vim.json.decode([==[{given}]==]) }})"
    (workspace / ".git").mkdir()
    editor = start(setup=block("Neovim", "lua", 2) + more)
    editor.command("edit a.py")
    editor.until(lambda: servers(editor), "a server")
    editor.until(lambda: editor.lua("return #vim.lsp.get_clients() > 0"))
    write(editor, "a.py", KNOWN_HEAD + "    ")
    editor.sees("return values[-1]")
    editor.type("<Tab>")
    editor.until(lambda: editor.text == KNOWN_FUNCTION)


def test_an_option_that_is_none_is_told(start):
    editor = start(options={"sttings": {}})
    editor.is_told('setup() has no option "sttings"')


def test_a_word_that_is_none_is_answered_with_those_that_are(start):
    editor = start()
    editor.type(":ScAttrib frobnicate<CR>")
    editor.is_told("there is no :ScAttrib frobnicate; there are archive, check, ledger")


def test_the_help_is_found(start):
    editor = start()
    editor.command("helptags ALL")
    editor.command("help sc_attrib")
    assert "sc_attrib.txt" in editor.lua("return vim.api.nvim_buf_get_name(0)")
