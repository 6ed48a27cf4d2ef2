"""What the llama.cpp back end promises beyond the common contract."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys

import pytest

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.backends.llama_model import AbortFlag
from assistant.models import ModelOptions
from tests.assistant.tiny_gguf import SLOW, write_tiny_gguf

pytestmark = pytest.mark.asyncio

BATCH_TOKENS = 512


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory):
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "slow.gguf", shape=SLOW)


@contextlib.asynccontextmanager
async def opened(path, **options):
    backend = LlamaCppBackend.open(path, ModelOptions(threads=1, **options))
    try:
        yield backend
    finally:
        await backend.close()


async def _ids(backend, prompt, *, max_tokens: int) -> list[int]:
    return [token.id async for token in backend.generate(prompt, max_tokens=max_tokens)]


async def _cancel_when(backend, task, condition) -> None:
    async with asyncio.timeout(30):
        while not (condition() or task.done()):
            await asyncio.sleep(0.001)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_what_was_read_before_an_abort_is_not_read_again(slow_model):
    """An editor cancels at nearly every keystroke; throwing the work away would cost seconds each time."""
    async with opened(slow_model) as used, opened(slow_model) as fresh:
        prompt = used.tokenize("x = y + 1\n" * 400)[: 6 * BATCH_TOKENS]
        task = asyncio.create_task(_ids(used, prompt, max_tokens=1))
        await _cancel_when(used, task, lambda: used.evaluated_tokens >= BATCH_TOKENS)
        assert await _ids(used, [], max_tokens=1) == []
        assert BATCH_TOKENS <= used.evaluated_tokens < len(prompt)
        assert used.evaluated_tokens % BATCH_TOKENS == 0
        short = prompt[: BATCH_TOKENS + 40]
        assert await _ids(used, short, max_tokens=4) == await _ids(fresh, short, max_tokens=4)


async def test_an_abort_between_tokens_keeps_the_prompt(slow_model):
    async with opened(slow_model) as used, opened(slow_model) as fresh:
        prompt = used.tokenize("def f(x):\n    return x\n" * 10)
        expected = await _ids(fresh, prompt, max_tokens=3)
        for _ in range(5):
            task = asyncio.create_task(_ids(used, prompt, max_tokens=4000))
            await _cancel_when(used, task, lambda: used.evaluated_tokens >= len(prompt))
            assert await _ids(used, prompt, max_tokens=3) == expected


async def test_a_prompt_that_grows_by_typing_is_read_from_where_it_grew(tmp_path):
    async with opened(write_tiny_gguf(tmp_path / "tiny.gguf")) as backend:
        prompt = backend.tokenize("def area(width):\n    return ")
        await _ids(backend, prompt, max_tokens=1)
        assert backend.evaluated_tokens == len(prompt)
        await _ids(backend, [*prompt, *backend.tokenize("w")], max_tokens=1)
        assert backend.evaluated_tokens == len(prompt) + 1


async def test_the_context_can_be_made_smaller_or_larger_than_the_models_own(tmp_path):
    path = write_tiny_gguf(tmp_path / "tiny.gguf")
    for tokens in (64, 512):
        async with opened(path, context_tokens=tokens) as backend:
            assert backend.context_tokens == tokens
            filler = backend.tokenize("x" * (tokens - 1))
            assert len(await _ids(backend, filler, max_tokens=9)) == 1


async def test_its_description_names_model_size_and_quantisation(tmp_path):
    async with opened(write_tiny_gguf(tmp_path / "tiny.gguf")) as backend:
        assert backend.description.startswith("tiny-random (starcoder2, 0.0")
        assert backend.description.endswith("F32)")


async def test_the_abort_flag_is_read_by_c_alone():
    flag = AbortFlag()
    assert not flag.callback(flag.pointer)
    flag.set()
    assert flag.is_set()
    assert flag.callback(flag.pointer)
    flag.clear()
    assert not flag.callback(flag.pointer)


async def test_llama_cpp_keeps_quiet(tmp_path):
    path = write_tiny_gguf(tmp_path / "tiny.gguf")
    code = (
        "import sys; from pathlib import Path; from assistant.backends.llama_cpp import LlamaCppBackend;"
        "import asyncio; asyncio.run(LlamaCppBackend.open(Path(sys.argv[1])).close())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
