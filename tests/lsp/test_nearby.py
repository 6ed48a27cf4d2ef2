"""The bundled model in a real server: what stands in other files shows in suggestions."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from assistant.models import DEFAULT_MODEL
from tests.assistant.context.git_folder import make_repository
from tests.lsp.conftest import ANSWER_LIMIT_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEFORE = "def total(order):\n    return order.zanzibar"
LINE = "    return order.zanzibar_quagga_tariff(7)\n"
SETTINGS = {"model": {"path": str(DEFAULT_MODEL)}, "completion": {"timeoutMs": 20_000}}
OTHER = f"def sum_up(order):\n{LINE}\n\ndef again(order):\n{LINE}"


async def test_the_bundled_model_goes_on_as_another_open_file_does(start, workspace):
    async with start(settings=SETTINGS) as editor:
        uri = await editor.open(workspace / "a.py", BEFORE)
        alone = [item.insert_text for item in await editor.inline(uri, 1, 25)]
        await editor.open(workspace / "other.py", OTHER)
        [item] = await editor.inline(uri, 1, 25)
    assert "_quagga" not in "".join(alone)
    assert item.insert_text == "_quagga_tariff(7)"


async def suggested(editor, uri: str, line: int, column: int) -> str:
    return "".join(item.insert_text for item in await editor.inline(uri, line, column))


async def test_the_bundled_model_goes_on_as_a_file_of_the_workspace_does_that_nobody_opened(start, workspace):
    make_repository(workspace, {"other.py": OTHER, "a.py": BEFORE})
    async with start(settings=SETTINGS) as editor:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            for number in itertools.count():  # each time anew: a suggestion stays where it was made
                uri = await editor.open(workspace / f"new{number}.py", BEFORE)
                if "_quagga_tariff(7)" in await suggested(editor, uri, 1, 25):
                    break


SECRET_OR_IGNORED = pytest.mark.parametrize(
    ("name", "text"),
    [
        ("local/other.py", OTHER),
        (".env", OTHER),
        ("keys.py", f"KEY = '{'ghp_' + 'a1B2c3D4e5F6g7H8i9' * 2}'\n{OTHER}"),
    ],
    ids=["ignored by git", "for secrets by its name", "with a key in it"],
)


@SECRET_OR_IGNORED
async def test_a_file_that_nobody_opened_is_not_read_if_it_is_ignored_or_secret(start, workspace, name, text):
    """That the workspace was read is seen by another file of it."""
    known = OTHER.replace("zanzibar", "tangiers").replace("quagga", "okapi")
    make_repository(workspace, {".gitignore": "local/\n", name: text, "known.py": known})
    async with start(settings=SETTINGS) as editor:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            for number in itertools.count():
                uri = await editor.open(workspace / f"x{number}.py", BEFORE.replace("zanzibar", "tangiers"))
                if "_okapi_tariff(7)" in await suggested(editor, uri, 1, 25):
                    break
        uri = await editor.open(workspace / "a.py", BEFORE)
        assert "quagga" not in await suggested(editor, uri, 1, 25)


@SECRET_OR_IGNORED
async def test_an_open_file_that_is_ignored_or_secret_shows_in_no_suggestion(start, workspace, name, text):
    make_repository(workspace, {".gitignore": "local/\n", name: text})
    async with start(settings=SETTINGS) as editor:
        await editor.open(workspace / name, text)
        uri = await editor.open(workspace / "a.py", BEFORE)
        for _ in range(2):
            items = await editor.inline(uri, 1, 25)
            assert "quagga" not in "".join(item.insert_text for item in items)
