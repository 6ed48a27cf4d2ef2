"""A real client, the installed console script, an index and a model: what an editor's user sees."""

from __future__ import annotations

import asyncio
import time

import pytest
from lsprotocol import types

from tests.lsp.conftest import (
    FRESH_BODY,
    FRESH_HEAD,
    KNOWN_BODY,
    KNOWN_FUNCTION,
    KNOWN_HEAD,
    OTHER_HEAD,
    neovim,
    until,
    vs_code,
)

pytestmark = pytest.mark.asyncio


async def test_a_suggestion_carries_its_source_in_its_accept_command(start, workspace):
    async with start() as editor:
        uri = await editor.open(workspace / "a.py", KNOWN_HEAD + "    ")
        [item] = await editor.inline(uri, 1, 4)
        assert item.insert_text == KNOWN_BODY.strip()
        assert item.command.command == "sc-attrib.accepted"
        [provenance] = item.command.arguments
        [match] = provenance["matches"]
        assert match["source"]["swhid"].startswith("swh:1:cnt:")
        assert match["source"]["origin"] == "https://example.org/quantiles"
        assert match["source"]["path"] == "free.py"
        assert match["license"]["expression"] == "MIT"
        assert provenance["decision"] == "annotate"
        assert "free.py" in item.command.title
        assert "MIT" in item.command.title
