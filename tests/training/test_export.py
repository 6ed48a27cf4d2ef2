from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from assistant.fim import FimOrder, infill
from training.checkpoint import list_checkpoints
from training.errors import ExportError, TokenizerError
from training.export import GgufType, export_gguf
from training.served import LlamaModel
from training.tokenizer import control_ids, load_tokenizer

TRICKY = (
    "def naïve(x):\r\n\treturn '漢字 😀' + str(2026)\r\n\r\n"
    "    x  =   1.5e-10  # trailing   \n\n\n"
    "<fim_middle> is text, <|endoftext|> too; don't we'll I'm\x0c\u2028\xa0end"
)


@pytest.fixture(scope="module")
def checkpoint(finished):
    return list_checkpoints(finished)[-1]


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "model.gguf"
    export_gguf(checkpoint, path, gguf_type=GgufType.F32)
    return path


@pytest.fixture(scope="module")
def llama(exported):
    model = LlamaModel(exported, threads=1, all_logits=True)
    yield model
    model.close()


@pytest.fixture(scope="module")
def tokenizer(checkpoint):
    return load_tokenizer(checkpoint / "tokenizer.json")


def test_llama_cpp_computes_the_logits_of_transformers(checkpoint, llama, tokenizer):
    ids = infill(
        control_ids(tokenizer),
        prefix=tokenizer.encode("def add(a, b):\n    return ").ids,
        suffix=tokenizer.encode("\n\nprint(add(1, 2))\n").ids,
        order=FimOrder.SPM,
    )
    with torch.no_grad():
        expected = AutoModelForCausalLM.from_pretrained(checkpoint)(torch.tensor([ids])).logits[0].numpy()
    found = llama.logits(ids)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert expected.std() > 0.1  # a model whose logits are all alike would pass


def test_llama_cpp_tokenises_real_code_as_training_did(files, llama, tokenizer):
    for text in [TRICKY, *(f.content.decode() for f in files)]:
        assert llama.encode(text.encode()) == tokenizer.encode(text, add_special_tokens=False).ids


def test_llama_cpp_spells_tokens_out_again(llama):
    assert llama.decode(llama.encode(TRICKY.encode())) == TRICKY.encode()


def test_llama_cpp_finds_the_control_tokens_and_the_trained_context(llama, tokenizer):
    assert llama.fim == control_ids(tokenizer)
    assert llama.context_tokens == 128


@pytest.mark.parametrize(("gguf_type", "most"), [("f16", 0.6), ("q8_0", 0.5), ("q6_k", 0.5), ("q4_k_m", 0.5)])
def test_narrower_types_are_smaller_and_predict_nearly_the_same(
    checkpoint, exported, llama, tmp_path, gguf_type, most
):
    path = tmp_path / "model.gguf"
    export_gguf(checkpoint, path, gguf_type=GgufType(gguf_type))
    assert path.stat().st_size < most * exported.stat().st_size
    assert list(tmp_path.iterdir()) == [path]
    ids = llama.encode(b"def add(a, b):\n    return a + b\n")
    narrow = LlamaModel(path, threads=1, all_logits=True)
    correlation = np.corrcoef(narrow.logits(ids).ravel(), llama.logits(ids).ravel())[0, 1]
    narrow.close()
    assert correlation > 0.98


def broken(checkpoint, tmp_path, **changes):
    copy = tmp_path / "checkpoint"
    shutil.copytree(checkpoint, copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, **changes}))
    return copy


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"sliding_window": 4096}, ExportError, "sliding window"),
        ({"model_type": "llama"}, ExportError, "holds a llama model"),
        ({"vocab_size": 1280}, TokenizerError, "has 640 ids and the model 1280"),
    ],
)
def test_model_that_llama_cpp_would_serve_wrongly_is_refused(checkpoint, tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        export_gguf(broken(checkpoint, tmp_path, **changes), tmp_path / "model.gguf")
    assert not (tmp_path / "model.gguf").exists()


def test_folder_that_is_no_checkpoint_is_one_clear_sentence(tmp_path):
    with pytest.raises(ExportError, match=r"is not a checkpoint .* name a folder checkpoint-"):
        export_gguf(tmp_path, tmp_path / "model.gguf")


def test_cut_weights_are_refused(checkpoint, tmp_path):
    copy = broken(checkpoint, tmp_path)
    (copy / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(ExportError, match="weights cannot be read"):
        export_gguf(copy, tmp_path / "model.gguf")


def test_place_that_cannot_be_written_is_one_clear_sentence(checkpoint, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot be written"):
        export_gguf(checkpoint, tmp_path / "file" / "model.gguf")


@pytest.mark.parametrize("content", [b"", b"not a model", b"GGUF" + b"\xff" * 100])
def test_file_that_is_no_model_is_refused_when_served(tmp_path, content):
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ExportError, match=r"llama\.cpp cannot load it"):
        LlamaModel(path)


def test_missing_model_is_one_clear_sentence(tmp_path):
    with pytest.raises(ExportError, match="there is no such file"):
        LlamaModel(tmp_path / "model.gguf")
