"""A very long file is completed at its end as a short one is."""

import pytest

from tests.lsp.conftest import FRESH_BODY, FRESH_HEAD

pytestmark = pytest.mark.asyncio(loop_scope="module")
LINES = 50_000


async def test_a_file_of_50_000_lines_gets_suggestions_at_its_end(editor, workspace):
    text = "".join(f"value_{number} = {number} * scale\n" for number in range(LINES))
    uri = await editor.open(workspace / "long.py", f"{text}{FRESH_HEAD}    ")
    (item,) = await editor.inline(uri, LINES + 1, 4)
    assert item.insert_text == FRESH_BODY.strip()
