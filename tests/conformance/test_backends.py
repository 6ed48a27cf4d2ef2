"""The contract of :class:`assistant.backends.protocol.CompletionBackend`, run over every back end."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import pytest_asyncio

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.backends.openai import OpenAiBackend
from assistant.backends.protocol import (
    MAX_REFUSALS,
    CompletionBackend,
    Sampling,
    ShapedBy,
    Token,
    TokenShaping,
)
from assistant.backends.scripted import Reply, ScriptedBackend
from assistant.backends.transformers import TransformersBackend
from assistant.config import ModelSettings, Precision
from assistant.errors import BackendError, PromptTooLongError
from assistant.models import DEFAULT_MODEL, ModelOptions
from assistant.quantize import GgufType
from tests.assistant.servers import KEY, KEY_NAME, id_server, llama_cpp_server, stop_all
from tests.assistant.tiny_gguf import SLOW, write_tiny_gguf
from tests.training.family import save_random
from training.export import export_gguf
from training.recipes.recipe import ModelShape

CANCELLATION_LIMIT_S = 1.0
"""Far above the tens of milliseconds that are measured, far below the seconds the slow prompts take."""
TINY_CHECKPOINT = ModelShape(
    layers=2, hidden=64, feed_forward=128, heads=4, kv_heads=2, context_tokens=256, vocabulary=640
)
SLOW_CHECKPOINT = replace(TINY_CHECKPOINT, layers=8, hidden=256, feed_forward=1024, context_tokens=8192)
CODE = "def area(width, height):\n    return "

_NUMBERS = count()

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True)
class Builder:
    """How to make a back end, and one that takes seconds to answer ``slow_prompt_tokens`` tokens."""

    make: Callable[[Path], CompletionBackend]
    make_slow: Callable[[Path], CompletionBackend]


def _scripted(_: Path, *, delay_ms: float = 0.0) -> ScriptedBackend:
    return ScriptedBackend([Reply(text="width * height # ñ🦆\n", delay_ms=delay_ms)], context_tokens=256)


def _tiny(folder: Path) -> LlamaCppBackend:
    return LlamaCppBackend.open(write_tiny_gguf(folder / "tiny.gguf"), ModelOptions(threads=1))


def _slow(folder: Path) -> LlamaCppBackend:
    return LlamaCppBackend.open(write_tiny_gguf(folder / "slow.gguf", shape=SLOW), ModelOptions(threads=1))


def _shipped(_: Path) -> LlamaCppBackend:
    return LlamaCppBackend.open(DEFAULT_MODEL, ModelOptions(threads=1))


def _checkpoint(folder: Path, name: str, shape: ModelShape, precision: Precision) -> TransformersBackend:
    made = folder / name
    if not made.exists():
        save_random(made, shape, "starcoder2")
    return TransformersBackend.open(made, ModelOptions(threads=1, precision=precision))


def _in_transformers(precision: Precision) -> Builder:
    return Builder(
        lambda folder: _checkpoint(folder, "tiny", TINY_CHECKPOINT, precision),
        lambda folder: _checkpoint(folder, "slow", SLOW_CHECKPOINT, precision),
    )


def _at_server(_: Path) -> OpenAiBackend:
    settings = ModelSettings(url=llama_cpp_server(), api_key_environment=KEY_NAME, context_tokens=900)
    return OpenAiBackend.open(settings, environment={KEY_NAME: KEY})


@cache
def _served_by_id(shape: ModelShape) -> ModelSettings:
    """A checkpoint with random weights behind a server that takes ids."""
    folder = Path(mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    save_random(folder / "model", shape, "starcoder2")
    export_gguf(folder / "model", folder / "model.gguf", gguf_type=GgufType.F32)
    url = id_server(folder / "model.gguf")
    return ModelSettings(url=url, tokenizer=str(folder / "model" / "tokenizer.json"))


BUILDERS = {
    "scripted": Builder(_scripted, lambda folder: _scripted(folder, delay_ms=400)),
    "llama_cpp": Builder(_tiny, _slow),
    "shipped model": Builder(_shipped, _slow),
    "transformers f32": _in_transformers(Precision.F32),
    "transformers 8-bit": _in_transformers(Precision.INT8),
    "transformers 4-bit": _in_transformers(Precision.NF4),
    "openai": Builder(_at_server, _at_server),
    "openai by id": Builder(
        lambda _: OpenAiBackend.open(_served_by_id(TINY_CHECKPOINT)),
        lambda _: OpenAiBackend.open(_served_by_id(SLOW_CHECKPOINT)),
    ),
}


@pytest.fixture(scope="module", autouse=True)
def servers():
    yield
    stop_all()


@pytest.fixture(params=BUILDERS.values(), ids=BUILDERS.keys())
def builder(request) -> Builder:
    return request.param


@pytest_asyncio.fixture
async def backend(builder: Builder, tmp_path: Path) -> AsyncIterator[CompletionBackend]:
    made = builder.make(tmp_path)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def slow_backend(builder: Builder, tmp_path: Path) -> AsyncIterator[CompletionBackend]:
    made = builder.make_slow(tmp_path)
    yield made
    await made.close()


def _infill_prompt(backend: CompletionBackend, code: str = CODE) -> list[int]:
    ids = backend.fim_ids
    return [ids.fim_prefix, ids.fim_suffix, *backend.tokenize("\n"), ids.fim_middle, *backend.tokenize(code)]


async def _tokens(
    backend: CompletionBackend,
    prompt: list[int],
    *,
    max_tokens: int = 12,
    shaping: TokenShaping | None = None,
) -> list[Token]:
    return [token async for token in backend.generate(prompt, max_tokens=max_tokens, shaping=shaping)]


async def test_a_fresh_back_end_continues_a_prompt(backend):
    tokens = await _tokens(backend, _infill_prompt(backend))
    assert 0 < len(tokens) <= 12


async def test_the_same_prompt_gives_the_same_tokens_when_the_back_end_is_used_again(backend):
    prompt = _infill_prompt(backend)
    first = await _tokens(backend, prompt)
    assert await _tokens(backend, prompt) == first


async def test_a_longer_prompt_after_a_shorter_one_gives_what_a_fresh_back_end_gives(builder, tmp_path):
    """What is kept of the last request must never change the answer to the next."""
    used, fresh = builder.make(tmp_path), builder.make(tmp_path)
    try:
        for code in ("def area", CODE, "def area(w"):
            await _tokens(used, _infill_prompt(used, code))
        expected = await _tokens(fresh, _infill_prompt(fresh))
        assert [t.id for t in await _tokens(used, _infill_prompt(used))] == [t.id for t in expected]
    finally:
        await used.close()
        await fresh.close()


async def test_no_more_than_max_tokens_are_given(backend):
    prompt = _infill_prompt(backend)
    for limit in (0, 1, 3):
        assert len(await _tokens(backend, prompt, max_tokens=limit)) <= limit


async def test_a_negative_number_of_tokens_is_refused(backend):
    with pytest.raises(ValueError, match="negative"):
        await _tokens(backend, _infill_prompt(backend), max_tokens=-1)


async def test_an_empty_prompt_gives_nothing(backend):
    assert await _tokens(backend, []) == []


async def test_a_prompt_longer_than_the_context_is_refused_and_the_next_is_served(backend):
    with pytest.raises(PromptTooLongError, match=r"lower completion\.prefixTokens"):
        await _tokens(backend, backend.tokenize("x ") * backend.context_tokens)
    assert await _tokens(backend, _infill_prompt(backend))


async def test_a_stream_ends_where_the_context_is_full(backend):
    room = 2
    filler = backend.tokenize("x") * (backend.context_tokens - room)
    assert len(await _tokens(backend, filler, max_tokens=50)) <= room


@pytest.mark.parametrize("required", [" ", "ret", " retu", "xyzzy", "é", "\t"])
async def test_a_stream_begins_with_what_is_required(backend, required):
    prompt = _infill_prompt(backend, "def f(x):\n   ")
    stream = backend.generate(prompt, max_tokens=16, required=required.encode())
    text = b"".join([token.text async for token in stream])
    assert text.startswith(required.encode())
    assert await _tokens(backend, prompt) == await _tokens(backend, prompt)


async def test_an_end_token_is_last_and_has_no_text(backend):
    tokens = await _tokens(backend, _infill_prompt(backend), max_tokens=100)
    ended = [token.id in backend.fim_ids.stops for token in tokens]
    assert not any(ended[:-1])
    assert not ended[-1] or tokens[-1].text == b""


@pytest.mark.parametrize(
    "text", ["", "return x\n", "ñ 🦆 \u2028 \x00 \t", "<fim_middle><|endoftext|>", "\r\n"]
)
async def test_text_survives_being_tokenised(backend, text):
    assert backend.detokenize(backend.tokenize(text)).decode() == text


async def test_a_control_token_in_the_users_text_stays_text(backend):
    """Otherwise a file about models would steer the model."""
    for token in backend.fim_ids.format.control_tokens:
        assert not backend.fim_ids.stops & set(backend.tokenize(token))


async def test_a_lone_surrogate_does_not_stop_anything(backend):
    assert backend.detokenize(backend.tokenize("a\ud800b")) == b"a?b"


async def test_the_texts_of_the_tokens_are_what_detokenise_gives(backend):
    tokens = [t for t in await _tokens(backend, _infill_prompt(backend)) if t.id not in backend.fim_ids.stops]
    assert b"".join(t.text for t in tokens) == backend.detokenize([t.id for t in tokens])


async def test_requests_that_come_together_are_all_served(backend):
    prompts = [_infill_prompt(backend, CODE + "x" * n) for n in range(5)]
    alone = [await _tokens(backend, prompt, max_tokens=4) for prompt in prompts]
    together = await asyncio.gather(*(_tokens(backend, prompt, max_tokens=4) for prompt in prompts))
    assert list(together) == alone


async def test_a_seed_fixes_what_a_temperature_leaves_open(backend):
    async def sampled(seed: int) -> list[int]:
        sampling = Sampling(temperature=0.8, seed=seed)
        stream = backend.generate(_infill_prompt(backend), max_tokens=8, sampling=sampling)
        return [token.id async for token in stream]

    assert await sampled(7) == await sampled(7)


class Confidences(TokenShaping):
    """Notes how likely each token was."""

    def __init__(self) -> None:
        self.noted: list[float] = []

    def shape(self, generated, logits):
        self.logits = logits.astype(np.float64)

    def permits(self, generated, token):
        self.noted.append(1 / np.exp(self.logits - self.logits[token]).sum())
        return True


async def test_the_stream_ends_before_a_token_that_is_less_likely_than_it_has_to_be(backend):
    async def written(shaping: TokenShaping, *, least: float = 0.0) -> list[int]:
        sampling = Sampling(min_confidence=least)
        stream = backend.generate(_infill_prompt(backend), max_tokens=12, sampling=sampling, shaping=shaping)
        return [token.id async for token in stream if token.text]

    if not backend.sees_logits:
        assert await written(TokenShaping(), least=1.0) == await written(TokenShaping())
        return
    confidences = Confidences()
    plain = await written(confidences)
    least = float(np.median(confidences.noted)) * (1 + 1e-6)
    unsure = [n for n, confidence in enumerate(confidences.noted) if confidence < least]
    assert await written(TokenShaping(), least=least) == plain[: (unsure or [len(plain)])[0]]


class Forbidding(TokenShaping):
    """Refuses ids, and remembers what it was asked."""

    def __init__(self, *refused: int, all_from: int | None = None) -> None:
        self.refused = refused
        self.all_from = all_from
        self.asked: list[tuple[list[int], int]] = []

    def permits(self, generated, token):
        self.asked.append((list(generated), token))
        return token not in self.refused and (self.all_from is None or len(generated) < self.all_from)


class Favouring(TokenShaping):
    """Makes one token the likeliest, and forbids others."""

    def __init__(self, favourite: int, *forbidden: int) -> None:
        self.favourite, self.forbidden = favourite, list(forbidden)
        self.generated: list[list[int]] = []

    def shape(self, generated, logits):
        self.generated.append(list(generated))
        logits[self.favourite] = logits.max() + 1
        logits[self.forbidden] = -np.inf


async def test_a_shaping_that_changes_nothing_changes_nothing(backend):
    prompt = _infill_prompt(backend)
    assert await _tokens(backend, prompt, shaping=TokenShaping()) == await _tokens(backend, prompt)


async def test_a_shaping_is_asked_of_every_token_with_those_before_it(backend):
    shaping = Forbidding()
    tokens = await _tokens(backend, _infill_prompt(backend), shaping=shaping)
    ids = [token.id for token in tokens if token.text]
    assert shaping.asked == [(ids[:n], ids[n]) for n in range(len(ids))]


async def test_a_token_that_is_refused_does_not_come(backend):
    prompt = _infill_prompt(backend)
    first = (await _tokens(backend, prompt))[0].id
    shaped = await _tokens(backend, prompt, shaping=Forbidding(first))
    assert first not in [token.id for token in shaped]
    assert (await _tokens(backend, prompt))[0].id == first, "the next request is not shaped"


async def test_where_everything_is_refused_the_stream_ends(backend):
    prompt = _infill_prompt(backend)
    plain = await _tokens(backend, prompt)
    shaping = Forbidding(all_from=1)
    shaped = await _tokens(backend, prompt, shaping=shaping)
    assert shaped[0] == plain[0]
    assert [token.text for token in shaped[1:]] in ([], [b""]), "nothing but an end"
    assert len(shaping.asked) <= 1 + MAX_REFUSALS


async def test_a_shaping_may_change_logits_where_the_back_end_sees_them(backend):
    wanted = backend.tokenize("q")[0]
    shaping = Favouring(wanted)
    tokens = await _tokens(backend, _infill_prompt(backend), max_tokens=3, shaping=shaping)
    if not backend.sees_logits:
        assert shaping.generated == []
        return
    assert [token.id for token in tokens] == [wanted] * 3
    assert shaping.generated == [[], [wanted], [wanted] * 2]


async def test_what_logits_forbid_does_not_come(backend):
    if not backend.sees_logits:
        return
    prompt = _infill_prompt(backend)
    ids = {token.id for token in await _tokens(backend, prompt)}
    favourite = backend.tokenize("q")[0]
    shaping = ShapedBy(Favouring(favourite, *ids), Favouring(favourite, favourite, *ids))
    shaped = await _tokens(backend, prompt, shaping=shaping)
    assert not (ids | {favourite}) & {token.id for token in shaped}


async def test_what_is_required_is_shaped_too(backend):
    prompt = _infill_prompt(backend, "def f(x):\n   ")
    first, *_ = [t.id async for t in backend.generate(prompt, max_tokens=4, required=b" re")]
    stream = backend.generate(prompt, max_tokens=8, required=b" re", shaping=Forbidding(first))
    tokens = [token async for token in stream]
    assert first not in [token.id for token in tokens]
    assert b"".join(token.text for token in tokens).startswith(b" re") or not tokens or tokens[-1].text == b""


async def test_an_error_in_a_shaping_is_the_streams_and_the_next_is_served(backend):
    class Broken(TokenShaping):
        def permits(self, generated, token):
            raise BackendError("out of luck")

    with pytest.raises(BackendError, match="out of luck"):
        await _tokens(backend, _infill_prompt(backend), shaping=Broken())
    assert await _tokens(backend, _infill_prompt(backend))


async def test_a_stream_that_is_closed_early_leaves_the_back_end_usable(backend):
    prompt = _infill_prompt(backend)
    expected = await _tokens(backend, prompt)
    async with contextlib.aclosing(backend.generate(prompt, max_tokens=12)) as stream:
        assert await anext(stream) == expected[0]
    assert await _tokens(backend, prompt) == expected


async def _start_slow_request(backend: CompletionBackend) -> asyncio.Task[list[Token]]:
    """Begin a request that takes seconds, and return once it is under way."""
    never_read = f"a{next(_NUMBERS)} = b\n"
    prompt = backend.tokenize(never_read + "x = y + 1\n" * 1000)[: backend.context_tokens - 8]
    task = asyncio.create_task(_tokens(backend, prompt, max_tokens=4))
    done, _ = await asyncio.wait([task], timeout=0.2)
    assert not done, "the slow request must still be running for this test to mean anything"
    return task


async def test_cancelling_reaches_the_running_computation(slow_backend):
    """The next request is served at once: nothing goes on computing what nobody waits for."""
    task = await _start_slow_request(slow_backend)
    started = time.perf_counter()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    short = asyncio.create_task(_tokens(slow_backend, slow_backend.tokenize("x = "), max_tokens=0))
    await short
    assert time.perf_counter() - started < CANCELLATION_LIMIT_S


async def test_after_an_abort_the_answers_are_those_of_a_fresh_back_end(builder, tmp_path):
    used, fresh = builder.make_slow(tmp_path), builder.make_slow(tmp_path)
    try:
        task = await _start_slow_request(used)
        task.cancel()
        await asyncio.wait([task])
        prompt = used.tokenize("x = y + 1\nx =")
        expected = await _tokens(fresh, prompt, max_tokens=2)
        assert await _tokens(used, prompt, max_tokens=2) == expected
    finally:
        await used.close()
        await fresh.close()


async def test_a_waiting_request_can_be_cancelled_without_disturbing_the_running_one(backend):
    prompt = _infill_prompt(backend)
    expected = await _tokens(backend, prompt)
    running = asyncio.create_task(_tokens(backend, prompt))
    waiting = asyncio.create_task(_tokens(backend, prompt))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await running == expected


async def test_closing_ends_open_streams_and_may_be_repeated(slow_backend):
    task = await _start_slow_request(slow_backend)
    started = time.perf_counter()
    await slow_backend.close()
    assert len(await task) < 4
    await slow_backend.close()
    assert time.perf_counter() - started < CANCELLATION_LIMIT_S


async def test_tokenising_after_the_end_is_an_error_or_an_answer_and_never_a_crash(backend):
    await backend.close()
    for ask in (lambda: backend.tokenize(CODE), lambda: backend.detokenize([7, 8, 9])):
        with contextlib.suppress(BackendError):
            ask()
    assert [token async for token in backend.generate([7, 8, 9], max_tokens=4)] == []


async def test_it_says_what_it_is(backend):
    assert backend.description
    assert backend.context_tokens > 0
