"""What the transformers back end promises beyond the common contract."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import shutil
import subprocess
import sys
import weakref
from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, normalizers

from assistant.backends.protocol import Sampling, TokenShaping
from assistant.backends.transformers import TransformersBackend
from assistant.backends.transformers_model import TransformersModel
from assistant.config import Backend, ModelSettings, Precision
from assistant.errors import ModelNotFoundError, ModelUnusableError
from assistant.models import ModelOptions, open_model
from attribution.errors import MissingExtraError
from tests.training.family import CODE, save_random
from training.recipes.big_code import BigCodeShape
from training.recipes.recipe import ModelShape

TINY = ModelShape(
    layers=2,
    hidden=64,
    feed_forward=128,
    heads=4,
    kv_heads=2,
    context_tokens=512,
    vocabulary=640,
    window_tokens=48,
)
SLOW = replace(TINY, layers=12, hidden=512, feed_forward=2048, context_tokens=4096, window_tokens=None)
BIG_CODE = BigCodeShape(
    layers=2, hidden=64, feed_forward=128, heads=4, context_tokens=200, vocabulary=640, end_of_text=0
)
CHUNK_TOKENS = 128


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_random(tmp_path_factory.mktemp("models") / "tiny", TINY, "starcoder2")


@pytest.fixture
def damaged(checkpoint, tmp_path):
    return shutil.copytree(checkpoint, tmp_path / "damaged")


@contextlib.asynccontextmanager
async def opened(folder, **options):
    backend = TransformersBackend.open(folder, ModelOptions(threads=1, **options))
    try:
        yield backend
    finally:
        await backend.close()


class Recording(TokenShaping):
    def __init__(self):
        self.logits = []

    def shape(self, generated, logits):
        self.logits.append(logits.copy())


async def _logits(backend, prompt):
    """Of the token after the prompt."""
    recording = Recording()
    async for _ in backend.generate(prompt, max_tokens=1, shaping=recording):
        pass
    return recording.logits[0]


async def _ids(backend, prompt, *, max_tokens):
    return [token.id async for token in backend.generate(prompt, max_tokens=max_tokens)]


@pytest.mark.asyncio
@pytest.mark.parametrize("shape", [TINY, BIG_CODE], ids=["windows", "multi-query"])
async def test_keys_and_values_are_kept_and_change_nothing(tmp_path, shape):
    """Also beyond a sliding window, and where the prompt changes in the middle."""
    family = "starcoder2" if shape is TINY else "starcoder"
    folder = save_random(tmp_path / "model", shape, family)
    async with opened(folder) as used, opened(folder) as fresh:
        code = used.tokenize(CODE)
        for prompt in (code[:150], code[:160], [*code[:70], *code[80:160]], code[:40], code[:150]):
            expected = await _logits(fresh, prompt)
            await _logits(fresh, [1])
            np.testing.assert_allclose(await _logits(used, prompt), expected, atol=1e-4)
            assert used.evaluated_tokens == len(prompt)


@pytest.mark.asyncio
async def test_what_was_read_before_an_abort_is_not_read_again(tmp_path):
    folder = save_random(tmp_path / "slow", SLOW, "starcoder2")
    async with opened(folder) as used, opened(folder) as fresh:
        prompt = (used.tokenize(CODE) * 9)[:4000]
        task = asyncio.create_task(_ids(used, prompt, max_tokens=1))
        async with asyncio.timeout(60):
            while used.evaluated_tokens < CHUNK_TOKENS:
                await asyncio.sleep(0.001)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await _ids(used, [], max_tokens=1)
        kept = used.evaluated_tokens
        assert CHUNK_TOKENS <= kept < len(prompt)
        assert kept % CHUNK_TOKENS == 0
        short = prompt[: kept + 9]
        np.testing.assert_allclose(await _logits(used, short), await _logits(fresh, short), atol=1e-3)


@pytest.mark.asyncio
async def test_a_context_is_never_larger_than_the_positions_that_were_learnt(tmp_path):
    folder = save_random(tmp_path / "model", BIG_CODE, "starcoder")
    async with opened(folder, context_tokens=5000) as backend:
        assert backend.context_tokens == BIG_CODE.context_tokens
        filler = backend.tokenize("x") * 199
        assert len(await _ids(backend, filler, max_tokens=9)) == 1


@pytest.mark.asyncio
async def test_its_description_names_model_size_and_precision(checkpoint):
    async with opened(checkpoint, precision=Precision.NF4) as backend:
        assert backend.description == "tiny (starcoder2, 0.0997M parameters, nf4 in transformers)"


@pytest.mark.asyncio
async def test_a_folder_is_run_by_transformers_when_nothing_else_is_said(checkpoint):
    for kind in (Backend.AUTO, Backend.TRANSFORMERS):
        backend = open_model(ModelSettings(path=str(checkpoint), backend=kind, threads=1))
        assert isinstance(backend, TransformersBackend)
        await backend.close()


def refused(folder):
    with pytest.raises(ModelUnusableError) as error:
        TransformersBackend.open(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("precision", ["f32", "nf4"])
def test_what_is_freed_is_gone_at_once(checkpoint, precision):
    """Before the next model is loaded, not when the garbage collector comes round."""
    model = TransformersModel(checkpoint, ModelOptions(threads=1, precision=Precision(precision)))
    list(model.generate([9], max_tokens=2, sampling=Sampling(), required=b"", shaping=None))
    weights = weakref.ref(model._model.get_input_embeddings().weight)
    gc.disable()
    try:
        model.free()
        assert weights() is None
    finally:
        gc.enable()
    model.free()


def test_a_library_that_is_missing_is_named(checkpoint, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"sc-attrib\[transformers\]"):
        TransformersBackend.open(checkpoint)


def test_a_missing_folder_and_a_file_are_no_checkpoints(checkpoint, tmp_path):
    for path in (tmp_path / "missing", checkpoint / "config.json"):
        with pytest.raises(ModelNotFoundError, match="there is no such"):
            TransformersBackend.open(path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model_type": "llama"}', "\x00"])
def test_a_folder_with_another_config_is_refused(damaged, content):
    (damaged / "config.json").write_text(content)
    assert "config.json cannot be read" in (said := refused(damaged)) or "its architecture is" in said


def test_a_missing_or_damaged_tokenizer_is_refused(damaged):
    path = damaged / "tokenizer.json"
    path.write_text(path.read_text()[:5000])
    assert "it is no tokenizer" in refused(damaged)
    path.unlink()
    assert "it is no tokenizer" in refused(damaged)


def test_a_tokenizer_without_infilling_tokens_is_refused(damaged):
    path = damaged / "tokenizer.json"
    path.write_text(path.read_text().replace("<fim_middle>", "<middle>"))
    assert "no fill-in-the-middle tokens" in refused(damaged)


def test_a_tokenizer_that_changes_text_is_refused(damaged):
    path = damaged / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.save(str(path))
    assert "does not keep text" in refused(damaged)


def test_a_tokenizer_of_a_larger_model_is_refused(damaged):
    path = damaged / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.add_tokens(["onemoretoken"])
    tokenizer.save(str(path))
    assert "641 ids and its weights 640" in refused(damaged)


def test_truncated_weights_are_refused(damaged):
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4000])
    assert "transformers refuses it" in refused(damaged)


def test_weights_that_lack_a_tensor_are_refused(damaged):
    """transformers would make one of random numbers, and say so only in its log."""
    tensors = load_file(damaged / "model.safetensors")
    del tensors["model.layers.1.mlp.c_fc.weight"]
    save_file(tensors, damaged / "model.safetensors", metadata={"format": "pt"})
    assert "its weights lack model.layers.1.mlp.c_fc.weight" in refused(damaged)


def test_a_pickle_is_never_read(damaged):
    (damaged / "model.safetensors").rename(damaged / "pytorch_model.bin")
    assert "a pickle may run code" in refused(damaged)


def test_code_in_the_folder_is_never_run(damaged, tmp_path):
    ran = tmp_path / "ran"
    (damaged / "modeling.py").write_text(f"open({str(ran)!r}, 'w')\n")
    config = json.loads((damaged / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "modeling.Model", "AutoConfig": "modeling.Config"}
    (damaged / "config.json").write_text(json.dumps(config))
    asyncio.run(TransformersBackend.open(damaged).close())
    assert not ran.exists()


def test_an_adapter_is_not_a_model(damaged):
    (damaged / "config.json").rename(damaged / "adapter_config.json")
    assert "an adapter and not a whole model" in refused(damaged)


@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_transformers_keeps_quiet(checkpoint, precision):
    code = (
        "import sys, asyncio; from pathlib import Path\n"
        "from assistant.backends.transformers import TransformersBackend\n"
        "from assistant.models import ModelOptions\n"
        "async def main():\n"
        "    options = ModelOptions(precision=sys.argv[2])\n"
        "    backend = TransformersBackend.open(Path(sys.argv[1]), options)\n"
        "    async for _ in backend.generate([9, 10], max_tokens=2): pass\n"
        "    await backend.close()\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", code, str(checkpoint), precision]
    done = subprocess.run(command, capture_output=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
