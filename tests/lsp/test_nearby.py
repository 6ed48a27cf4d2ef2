"""The bundled model in a real server: what stands in an open file shows in suggestions elsewhere."""

from __future__ import annotations

import pytest

from assistant.models import DEFAULT_MODEL
from tests.assistant.context.git_folder import make_repository

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEFORE = "def total(order):\n    return order.zanzibar"
LINE = "    return order.zanzibar_quagga_tariff(7)\n"
OTHER = f"def sum_up(order):\n{LINE}\n\ndef again(order):\n{LINE}"


async def test_the_bundled_model_goes_on_as_another_open_file_does(start, workspace):
    settings = {"model": {"path": str(DEFAULT_MODEL)}, "completion": {"timeoutMs": 20_000}}
    async with start(settings=settings) as editor:
        uri = await editor.open(workspace / "a.py", BEFORE)
        alone = [item.insert_text for item in await editor.inline(uri, 1, 25)]
        await editor.open(workspace / "other.py", OTHER)
        [item] = await editor.inline(uri, 1, 25)
    assert "_quagga" not in "".join(alone)
    assert item.insert_text == "_quagga_tariff(7)"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("local/other.py", OTHER),
        (".env", OTHER),
        ("keys.py", f"KEY = '{'ghp_' + 'a1B2c3D4e5F6g7H8i9' * 2}'\n{OTHER}"),
    ],
    ids=["ignored by git", "for secrets by its name", "with a key in it"],
)
async def test_an_open_file_that_is_ignored_or_secret_shows_in_no_suggestion(start, workspace, name, text):
    make_repository(workspace, {".gitignore": "local/\n", name: text})
    settings = {"model": {"path": str(DEFAULT_MODEL)}, "completion": {"timeoutMs": 20_000}}
    async with start(settings=settings) as editor:
        await editor.open(workspace / name, text)
        uri = await editor.open(workspace / "a.py", BEFORE)
        for _ in range(2):
            items = await editor.inline(uri, 1, 25)
            assert "quagga" not in "".join(item.insert_text for item in items)
