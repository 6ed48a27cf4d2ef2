"""What the llama.cpp back end promises beyond the common contract."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.backends.llama_model import AbortFlag, LlamaModel
from assistant.backends.lookup import PromptLookup
from assistant.backends.protocol import Sampling
from assistant.fim import FimOrder
from assistant.models import DEFAULT_MODEL, ModelOptions
from assistant.prompt import Budget, build_prompt
from assistant.quantize import GgufType
from tests.assistant.tiny_gguf import SLOW, write_tiny_gguf
from tests.training.family import save_random
from training.export import export_gguf
from training.recipes.big_code import BigCodeShape

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


@pytest.mark.asyncio
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


@pytest.mark.asyncio
async def test_an_abort_between_tokens_keeps_the_prompt(slow_model):
    async with opened(slow_model) as used, opened(slow_model) as fresh:
        prompt = used.tokenize("def f(x):\n    return x\n" * 10)
        expected = await _ids(fresh, prompt, max_tokens=3)
        for _ in range(5):
            task = asyncio.create_task(_ids(used, prompt, max_tokens=4000))
            await _cancel_when(used, task, lambda: used.evaluated_tokens >= len(prompt))
            assert await _ids(used, prompt, max_tokens=3) == expected


@pytest.mark.asyncio
async def test_a_prompt_that_grows_by_typing_is_read_from_where_it_grew(tmp_path):
    async with opened(write_tiny_gguf(tmp_path / "tiny.gguf")) as backend:
        prompt = backend.tokenize("def area(width):\n    return ")
        await _ids(backend, prompt, max_tokens=1)
        assert backend.evaluated_tokens == len(prompt)
        await _ids(backend, [*prompt, *backend.tokenize("w")], max_tokens=1)
        assert backend.evaluated_tokens == len(prompt) + 1


@pytest.mark.asyncio
async def test_the_context_can_be_made_smaller_or_larger_than_the_models_own(tmp_path):
    path = write_tiny_gguf(tmp_path / "tiny.gguf")
    for tokens in (64, 512):
        async with opened(path, context_tokens=tokens) as backend:
            assert backend.context_tokens == tokens
            filler = backend.tokenize("x" * (tokens - 1))
            assert len(await _ids(backend, filler, max_tokens=9)) == 1


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf")


_LINES = st.sampled_from(["x = y\n", "for i in x:\n", "    y(i)\n", "return\n"])


@settings(max_examples=30, deadline=None, derandomize=True)  # rounding tips ties of random weights, if rarely
@given(st.lists(_LINES, max_size=12), st.sampled_from([0.0, 0.9]), st.integers(1, 16), st.integers(0, 60))
def test_guessing_changes_nothing_but_the_time(tiny_model, lines, temperature, guessed, max_tokens):
    """Also with a temperature, and up to the end of the context."""

    async def generated(lookup_tokens: int) -> list[int]:
        async with opened(tiny_model, lookup_tokens=lookup_tokens, context_tokens=128) as backend:
            prompt = backend.tokenize("".join(lines))[:100]
            sampling = Sampling(temperature=temperature, seed=7)
            stream = backend.generate(prompt, max_tokens=max_tokens, sampling=sampling)
            first = [token.id async for token in stream]
            assert first == [
                t.id async for t in backend.generate(prompt, max_tokens=max_tokens, sampling=sampling)
            ]
            return first

    assert asyncio.run(generated(guessed)) == asyncio.run(generated(0))


ROWS = "".join(f"    table.add_row({n}, name='row {n}', colour='red')\n" for n in range(12))
"""Code that goes on as it began."""


@pytest.mark.asyncio
async def test_guessing_gives_the_shipped_models_own_tokens_in_fewer_evaluations(monkeypatch):
    decoded = []
    decode = LlamaModel._decode
    monkeypatch.setattr(LlamaModel, "_decode", lambda *a: decoded.append(len(a[1])) or decode(*a))
    given = {}
    for lookup_tokens in (0, 8):
        decoded.clear()
        async with opened(DEFAULT_MODEL, lookup_tokens=lookup_tokens) as backend:
            budget = Budget(prefix_tokens=900, suffix_tokens=0)
            code = f"def fill(table):\n{ROWS}    table.add_row("
            prompt = build_prompt(backend, code, "", budget=budget, order=FimOrder.SPM)
            given[lookup_tokens] = await _ids(backend, prompt, max_tokens=40), len(decoded)
    assert given[8][0] == given[0][0]
    assert len(given[0][0]) > 5
    assert given[8][1] < given[0][1]


@pytest.mark.asyncio
async def test_what_is_guessed_follows_where_the_last_tokens_stood_last():
    lookup = PromptLookup([1, 2, 3, 4, 1, 2, 3, 5, 6, 1, 2, 3])
    assert lookup.guess(3) == [5, 6, 1]
    lookup.add(4)
    assert lookup.guess(2) == [1, 2]
    lookup.add(9)
    assert lookup.guess(2) == []
    assert PromptLookup([]).guess(4) == []
    assert PromptLookup([1] * 9).guess(0) == []


@pytest.mark.asyncio
@pytest.mark.parametrize("lookup_tokens", [0, 8])
async def test_learnt_positions_are_never_exceeded(tmp_path, lookup_tokens):
    """llama.cpp ends the process at a position that has no embedding."""
    shape = BigCodeShape(
        layers=1, hidden=64, feed_forward=64, heads=2, context_tokens=100, vocabulary=640, end_of_text=0
    )
    export_gguf(
        save_random(tmp_path / "model", shape, "starcoder"), tmp_path / "m.gguf", gguf_type=GgufType.F32
    )
    options = {"context_tokens": 4000, "lookup_tokens": lookup_tokens}
    async with opened(tmp_path / "m.gguf", **options) as backend:
        assert backend.context_tokens == 100
        assert len(await _ids(backend, backend.tokenize("x") * 90, max_tokens=99)) <= 10


@pytest.mark.asyncio
async def test_its_description_names_model_size_and_quantisation(tmp_path):
    async with opened(write_tiny_gguf(tmp_path / "tiny.gguf")) as backend:
        assert backend.description.startswith("tiny-random (starcoder2, 0.0")
        assert backend.description.endswith("F32)")


@pytest.mark.asyncio
async def test_the_abort_flag_is_read_by_c_alone():
    flag = AbortFlag()
    assert not flag.callback(flag.pointer)
    flag.set()
    assert flag.is_set()
    assert flag.callback(flag.pointer)
    flag.clear()
    assert not flag.callback(flag.pointer)


@pytest.mark.asyncio
async def test_llama_cpp_keeps_quiet(tmp_path):
    path = write_tiny_gguf(tmp_path / "tiny.gguf")
    code = (
        "import sys; from pathlib import Path; from assistant.backends.llama_cpp import LlamaCppBackend;"
        "import asyncio; asyncio.run(LlamaCppBackend.open(Path(sys.argv[1])).close())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
