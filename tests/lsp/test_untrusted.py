"""A workspace that its user does not trust yet chooses neither what is known nor what is allowed."""

from __future__ import annotations

import pytest

from attribution import cli
from tests.lsp.conftest import KNOWN_FUNCTION, OTHER_BODY, OTHER_HEAD, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNTRUSTED = ("--untrusted",)
NO_INDEX = {"trace": {"indexes": []}, "diagnostics": {"debounceMs": 0}}


@pytest.fixture
def project_index(workspace, tmp_path, monkeypatch):
    """The workspace's own index, of code that no other knows; and no index of the user."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    tree = tmp_path / "known"
    tree.mkdir()
    (tree / "free.py").write_text(f"# SPDX-License-Identifier: MIT\n\n{KNOWN_FUNCTION}")
    folder = workspace / ".sc-attrib" / "index"
    assert cli.main(["index", "build", "--index", str(folder), "--tree", str(tree)]) == 0
    return folder


@pytest.mark.parametrize(("words", "count"), [((), 1), (UNTRUSTED, 0)])
async def test_its_index_is_read_only_once_it_is_trusted(start, workspace, project_index, words, count):
    async with start(settings=NO_INDEX, words=words) as editor:
        uri = await editor.open(workspace / "a.py", KNOWN_FUNCTION)
        await until(lambda: uri in editor.diagnostics)
        assert len(editor.diagnostics[uri]) == count


async def test_a_relative_index_of_the_user_is_not_one_of_the_workspace(start, workspace, project_index):
    settings = {**NO_INDEX, "trace": {"indexes": [".sc-attrib/index"]}}
    elsewhere = workspace.parent
    async with start(settings=settings, words=UNTRUSTED, cwd=elsewhere) as editor:
        [told] = await until(lambda: [m.message for m in editor.messages if "index" in m.message])
        assert str(elsewhere / ".sc-attrib") in told


async def test_its_policy_allows_nothing(start, workspace):
    (workspace / ".sc-attrib.toml").write_text('[policy]\nallow = ["GPL-3.0-only"]\n')
    async with start(settings={"trace": {"guard": False}}, words=UNTRUSTED) as editor:
        uri = await editor.open(workspace / "a.py", OTHER_HEAD + "    ")
        assert await editor.inline(uri, 1, 4) == []
        uri = await editor.open(workspace / "b.py", OTHER_HEAD + OTHER_BODY)
        [mark] = await until(lambda: editor.diagnostics.get(uri))
        assert mark.message.startswith("deny")
