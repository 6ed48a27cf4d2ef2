"""The bundled model in a real server: what stands in an open file shows in suggestions elsewhere."""

from __future__ import annotations

import pytest

from assistant.models import DEFAULT_MODEL

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
