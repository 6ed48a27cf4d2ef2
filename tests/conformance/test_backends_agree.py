"""One checkpoint, two back ends: every architecture of the family gives the same logits in both."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.backends.protocol import CompletionBackend, TokenShaping
from assistant.backends.transformers import TransformersBackend
from assistant.config import Precision
from assistant.models import ModelOptions
from assistant.quantize import GgufType
from tests.training.family import CODE, save_random
from tests.training.test_export_family import SHAPES
from training.export import export_gguf

pytestmark = pytest.mark.asyncio

F32_DIFFERENCE = 2e-3
"""Between f32 in both: llama.cpp keeps keys and values, and its table of GELU, in f16."""
STEPS = 24


class Recording(TokenShaping):
    """Notes the model's logits, and lets the same tokens follow in every back end."""

    def __init__(self, words: int) -> None:
        self.words = words
        self.logits: list[np.ndarray] = []

    def shape(self, generated, logits):
        self.logits.append(logits[: self.words].copy())
        logits[:] = -np.inf
        logits[100 + len(generated)] = 0


@pytest.fixture(scope="module", params=SHAPES)
def checkpoint(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / request.param
    return save_random(folder, SHAPES[request.param], request.param)


async def logits_of(backend: CompletionBackend, words: int) -> np.ndarray:
    """Those of the tokens after a prompt of the cursor in a file; shape [STEPS, words]."""
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(backend.close)
        ids = backend.fim_ids
        code = backend.tokenize(CODE[:90])
        prompt = [ids.fim_prefix, ids.fim_suffix, *backend.tokenize("\n"), ids.fim_middle, *code]
        recording = Recording(words)
        given = [t.id async for t in backend.generate(prompt, max_tokens=STEPS, shaping=recording)]
        assert given == [100 + step for step in range(STEPS)]
        return np.stack(recording.logits)


def words_of(checkpoint) -> int:
    return 517 if checkpoint.name == "santacoder" else 640


async def in_transformers(checkpoint, precision: Precision) -> np.ndarray:
    options = ModelOptions(threads=1, precision=precision)
    return await logits_of(TransformersBackend.open(checkpoint, options), words_of(checkpoint))


async def in_llama_cpp(checkpoint, gguf_type: GgufType, folder) -> np.ndarray:
    export_gguf(checkpoint, folder / "model.gguf", gguf_type=gguf_type)
    backend = LlamaCppBackend.open(folder / "model.gguf", ModelOptions(threads=1))
    return await logits_of(backend, words_of(checkpoint))


async def test_logits_are_the_same_in_both_back_ends(checkpoint, tmp_path):
    expected = await in_transformers(checkpoint, Precision.F32)
    found = await in_llama_cpp(checkpoint, GgufType.F32, tmp_path)
    assert np.abs(found - expected).max() < F32_DIFFERENCE
    assert expected.std() > 0.1


@pytest.mark.parametrize(("gguf_type", "correlation"), [("q8_0", 0.999), ("q4_k_m", 0.98)])
async def test_quantised_logits_are_nearly_the_same(checkpoint, tmp_path, gguf_type, correlation):
    expected = await in_transformers(checkpoint, Precision.F32)
    found = await in_llama_cpp(checkpoint, GgufType(gguf_type), tmp_path)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > correlation


@pytest.mark.parametrize(("precision", "correlation"), [("bf16", 0.999), ("int8", 0.999), ("nf4", 0.97)])
async def test_narrow_weights_in_transformers_give_nearly_the_same(checkpoint, precision, correlation):
    expected = await in_transformers(checkpoint, Precision.F32)
    found = await in_transformers(checkpoint, Precision(precision))
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > correlation
    assert np.abs(found - expected).max() > 0, "it really is another number format"
