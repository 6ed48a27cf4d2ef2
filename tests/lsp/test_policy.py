"""The project's own policy in an editor: what is withheld, marked and said follows it, as it is now."""

from __future__ import annotations

import pytest
from lsprotocol import types

from tests.lsp.conftest import KNOWN_BODY, KNOWN_FUNCTION, KNOWN_HEAD, OTHER_HEAD, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNGUARDED = {"trace": {"guard": False}}
"""What is denied is withheld, and nothing else is put in its place."""
DENIES_MIT = '[policy]\nallow = ["GPL-3.0-only"]\ndeny = ["MIT"]\n'


async def test_ghost_text_is_withheld_by_the_projects_own_rules(start, workspace):
    (workspace / ".sc-attrib.toml").write_text(DENIES_MIT)
    async with start(settings=UNGUARDED) as editor:
        uri = await editor.open(workspace / "a.py", KNOWN_HEAD + "    ")
        assert await editor.inline(uri, 1, 4) == []
        [said] = await until(lambda: [p for m, p in editor.heard if m == "sc-attrib/didWithholdCompletion"])
        assert "policy .sc-attrib.toml line 3 denies MIT" in said.reason.replace(f"{workspace}/", "")
        uri = await editor.open(workspace / "b.py", OTHER_HEAD + "    ")
        [item] = await editor.inline(uri, 1, 4)
        assert item.command.arguments[0]["verdict"] == "allow"


async def test_a_changed_policy_holds_from_the_next_request_on(start, workspace):
    policy = workspace / ".sc-attrib.toml"
    policy.write_text(DENIES_MIT)
    async with start(settings=UNGUARDED) as editor:
        uri = await editor.open(workspace / "a.py", KNOWN_HEAD + "    ")
        assert await editor.inline(uri, 1, 4) == []
        policy.write_text('[policy]\nallow = ["permissive"]\n')
        uri = await editor.open(workspace / "b.py", KNOWN_HEAD + "    ")
        [item] = await editor.inline(uri, 1, 4)
        assert item.insert_text == KNOWN_BODY.strip()


async def test_a_broken_policy_is_told_and_the_built_in_one_takes_its_place(start, workspace):
    (workspace / ".sc-attrib.toml").write_text('[policy]\ndenny = ["MIT"]\n')
    async with start(settings=UNGUARDED) as editor:
        uri = await editor.open(workspace / "a.py", OTHER_HEAD + "    ")
        assert await editor.inline(uri, 1, 4) == []
        [told] = await until(lambda: [m.message for m in editor.messages if ".sc-attrib.toml" in m.message])
        assert 'line 2: [policy] has no key "denny"' in told
        assert 'did you mean "deny"?' in told
        assert told.endswith("until that is mended the built-in policy is used")


async def test_a_mark_gives_the_reason_and_an_ignore_comment_takes_it_away(start, workspace):
    (workspace / ".sc-attrib.toml").write_text(DENIES_MIT)
    async with start() as editor:
        uri = await editor.open(workspace / "a.py", KNOWN_FUNCTION)
        [mark] = await until(lambda: editor.diagnostics.get(uri))
        assert "line 3 denies MIT" in mark.message
        ignored = f"# sc-attrib: ignore written by us in 2009\n{KNOWN_FUNCTION}"
        uri = await editor.open(workspace / "b.py", ignored + "\n# sc-attrib: ignore\n")
        [notice] = await until(lambda: editor.diagnostics.get(uri))
        assert notice.severity is types.DiagnosticSeverity.Hint
        assert notice.range.start.line == ignored.count("\n") + 1
        assert "gives no reason" in notice.message
