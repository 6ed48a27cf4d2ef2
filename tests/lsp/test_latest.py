"""At most one computation for each document."""

from __future__ import annotations

import asyncio

import pytest

from lsp.latest import Latest

pytestmark = pytest.mark.asyncio


async def _forever() -> str:
    await asyncio.Event().wait()
    return "never"


async def _at_once() -> str:
    return "done"


async def test_work_that_is_left_alone_is_done():
    assert await Latest().run("a", _at_once()) == "done"


async def test_newer_work_for_the_same_document_ends_the_older():
    latest = Latest()
    older = asyncio.create_task(latest.run("a", _forever()))
    await asyncio.sleep(0)
    assert await latest.run("a", _at_once()) == "done"
    assert await older is None


async def test_documents_do_not_disturb_each_other():
    latest = Latest()
    other = asyncio.create_task(latest.run("b", _forever()))
    await asyncio.sleep(0)
    assert await latest.run("a", _at_once()) == "done"
    latest.drop("a")
    assert not other.done()
    latest.drop("b")
    assert await other is None


async def test_cancelling_the_waiting_task_cancels_the_work():
    latest = Latest()
    waiting = asyncio.create_task(latest.run("a", _forever()))
    await asyncio.sleep(0)
    work = latest._running["a"]
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert work.cancelled()
    assert latest._running == {}


async def test_an_error_of_the_work_is_passed_on():
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Latest().run("a", fail())
