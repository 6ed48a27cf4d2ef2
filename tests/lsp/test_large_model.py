"""A model that no machine has memory for is refused before it is loaded, and what would fit is told."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from tests.lsp.conftest import until

pytestmark = pytest.mark.asyncio

TEBIBYTE = 1 << 40


@pytest.fixture
def enormous(tmp_path) -> Path:
    """A GGUF file of one tebibyte of weights, of which none takes any room on disk."""
    path = tmp_path / "enormous.gguf"
    writer = gguf.GGUFWriter(path, "starcoder2")
    writer.add_context_length(16_384)
    writer.add_embedding_length(4096)
    writer.add_block_count(32)
    writer.add_head_count(32)
    writer.add_head_count_kv(4)
    writer.add_tensor_info("token_embd.weight", [TEBIBYTE // 2 // 4096, 4096], np.dtype(np.float16), TEBIBYTE)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + TEBIBYTE + 4096)
    return path


async def test_a_model_that_does_not_fit_is_told_with_a_way_out_and_files_are_still_checked(
    start, workspace, enormous
):
    async with start(settings={"model": {"path": str(enormous)}}) as editor:
        uri = await editor.open(workspace / "own.py", "x = 1\n")
        assert await editor.inline(uri, 1, 0) == []
        (told,) = await until(lambda: [m.message for m in editor.messages if "of memory" in m.message])
        status = await until(lambda: [s for _, s in editor.heard if getattr(s, "kind", "") == "Error"])
    assert told.startswith(f"model {enormous}: it needs 10") and "1024.0 GiB of weights" in told
    assert "choose a smaller model" in told
    assert status[-1].message == told
