from __future__ import annotations

import json
import resource
import shutil

import gguf
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from transformers import AutoModelForCausalLM

from assistant.fim import FimOrder, infill
from assistant.quantize import GgufType
from attribution.cli import main
from training.checkpoint import list_checkpoints
from training.errors import ExportError, TokenizerError
from training.export import export_gguf
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
        ({"use_bias": False}, ExportError, "has no biases"),
        ({"hidden_act": "silu"}, ExportError, "computes silu"),
        (
            {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}},
            ExportError,
            "rotary positions of the type linear",
        ),
        ({"model_type": "llama"}, ExportError, "holds a llama model"),
        ({"vocab_size": 1280}, TokenizerError, "has 640 ids and the model 1280"),
    ],
)
def test_model_that_llama_cpp_would_serve_wrongly_is_refused(checkpoint, tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        export_gguf(broken(checkpoint, tmp_path, **changes), tmp_path / "model.gguf")
    assert not (tmp_path / "model.gguf").exists()


def add_unknown(tensors):
    tensors["model.layers.0.self_attn.rotary.weight"] = np.zeros(4, dtype=np.float32)


def drop_embedding(tensors):
    del tensors["model.embed_tokens.weight"]


def narrow_norm(tensors):
    tensors["model.norm.weight"] = tensors["model.norm.weight"][:-1].copy()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            add_unknown,
            r"model\.layers\.0\.self_attn\.rotary\.weight is of shape \(4,\), and should be absent",
        ),
        (drop_embedding, r"model\.embed_tokens\.weight is absent, and should be of shape \(640, 64\)"),
        (narrow_norm, r"model\.norm\.weight is of shape \(63,\), and should be of shape \(64,\)"),
    ],
)
def test_weights_that_do_not_fit_their_config_are_refused(checkpoint, tmp_path, damage, message):
    copy = broken(checkpoint, tmp_path)
    tensors = load_file(copy / "model.safetensors")
    damage(tensors)
    save_file(tensors, copy / "model.safetensors")
    with pytest.raises(ExportError, match=message):
        export_gguf(copy, tmp_path / "model.gguf", gguf_type=GgufType.F16)
    assert not (tmp_path / "model.gguf").exists()


@pytest.mark.parametrize(
    ("config", "message"),
    [("[]", "is not a checkpoint"), ("5", "is not a checkpoint"), ("{}", "holds a None model")],
)
def test_config_that_is_no_config_is_one_clear_sentence(checkpoint, tmp_path, config, message):
    copy = broken(checkpoint, tmp_path)
    (copy / "config.json").write_text(config)
    with pytest.raises(ExportError, match=message):
        export_gguf(copy, tmp_path / "model.gguf")


def test_config_with_a_word_for_a_number_is_one_clear_sentence(checkpoint, tmp_path):
    copy = broken(checkpoint, tmp_path, hidden_size="wide")
    with pytest.raises(ExportError, match=r"has a bad config\.json .*'hidden_size'.*; copy it again$"):
        export_gguf(copy, tmp_path / "model.gguf")


def metadata(path):
    fields = gguf.GGUFReader(path).fields
    return {key: fields[key].contents() for key in fields if key.startswith("general.")}


def test_model_introduces_itself_by_its_recipe_and_claims_no_licence(exported):
    assert metadata(exported)["general.name"] == "small"
    assert "general.license" not in metadata(exported)


def test_model_introduces_itself_by_its_folder_where_the_recipe_is_not_known(checkpoint, tmp_path):
    copy = broken(checkpoint, tmp_path)
    (copy / "state.json").unlink()
    export_gguf(copy, tmp_path / "model.gguf")
    assert metadata(tmp_path / "model.gguf")["general.name"] == "checkpoint"


def test_name_and_licence_are_those_that_the_caller_gives(checkpoint, tmp_path):
    path = tmp_path / "model.gguf"
    labels = ["--name", "sc-attrib default", "--license", "Apache-2.0"]
    assert main(["train", "export", str(checkpoint), "--gguf", str(path), *labels]) == 0
    found = metadata(path)
    assert (found["general.name"], found["general.license"]) == ("sc-attrib default", "Apache-2.0")


def test_folder_that_is_no_checkpoint_is_one_clear_sentence(tmp_path):
    with pytest.raises(ExportError, match=r"is not a checkpoint .* name a folder checkpoint-"):
        export_gguf(tmp_path, tmp_path / "model.gguf")


def test_cut_weights_are_refused(checkpoint, tmp_path):
    copy = broken(checkpoint, tmp_path)
    (copy / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(ExportError, match="weights cannot be read"):
        export_gguf(copy, tmp_path / "model.gguf")


def test_full_disk_is_one_clear_sentence_and_nothing_is_left(checkpoint, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limits[1]))  # within the weights, behind the metadata
    try:
        with pytest.raises(ExportError, match=r"written \((the disk takes no more|File too large)\)"):
            export_gguf(checkpoint, tmp_path / "model.gguf", gguf_type=GgufType.F32)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


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
