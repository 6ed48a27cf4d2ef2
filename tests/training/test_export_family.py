"""GPTBigCode, windows, shards and padded vocabularies, on models small enough for seconds."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer

from assistant.quantize import GgufType
from attribution.cli import main
from tests.training.family import CODE, STARCODER_CONTROLS, TOKENIZERS, save_random
from training.errors import ExportError, TokenizerError
from training.export import export_gguf
from training.recipes.big_code import BigCodeShape
from training.recipes.recipe import ModelShape
from training.served import LlamaModel
from training.tokenizer import control_ids, load_tokenizer

STARCODER = BigCodeShape(
    layers=2, hidden=256, feed_forward=512, heads=4, context_tokens=300, vocabulary=640, end_of_text=0
)
SHAPES = {
    "starcoder2": ModelShape(
        layers=2,
        hidden=256,
        feed_forward=512,
        heads=4,
        kv_heads=2,
        context_tokens=512,
        vocabulary=640,
        window_tokens=64,
        separate_head=True,
    ),
    "starcoder": STARCODER,
    "santacoder": replace(STARCODER, end_of_text=512),
}


@pytest.fixture(scope="module", params=SHAPES)
def checkpoint(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / request.param
    return save_random(folder, SHAPES[request.param], request.param)


@pytest.fixture(scope="module")
def starcoder(tmp_path_factory):
    return save_random(tmp_path_factory.mktemp("starcoder") / "starcoder", STARCODER, "starcoder")


@pytest.fixture(scope="module")
def windowed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("windowed") / "windowed"
    return save_random(folder, SHAPES["starcoder2"], "starcoder2")


def served(folder, tmp_path, gguf_type=GgufType.F32):
    path = tmp_path / f"{gguf_type}.gguf"
    export_gguf(folder, path, gguf_type=gguf_type)
    return LlamaModel(path, threads=1, all_logits=True)


def expected_logits(folder, ids):
    with torch.no_grad():
        return AutoModelForCausalLM.from_pretrained(folder)(torch.tensor([ids])).logits[0].numpy()


def code_ids(folder, count):
    return load_tokenizer(folder / "tokenizer.json").encode(CODE).ids[:count]


def test_llama_cpp_computes_the_logits_of_transformers(checkpoint, tmp_path):
    ids = code_ids(checkpoint, 60)
    expected = expected_logits(checkpoint, ids)
    np.testing.assert_allclose(served(checkpoint, tmp_path).logits(ids), expected, atol=1e-3)
    assert expected.std() > 0.1


@pytest.mark.parametrize(("gguf_type", "correlation"), [("q8_0", 0.999), ("q6_k", 0.995), ("q4_k_m", 0.98)])
def test_narrower_types_are_smaller_and_predict_nearly_the_same(checkpoint, tmp_path, gguf_type, correlation):
    ids = code_ids(checkpoint, 60)
    wide = served(checkpoint, tmp_path)
    narrow = served(checkpoint, tmp_path, GgufType(gguf_type))
    found = np.corrcoef(narrow.logits(ids).ravel(), wide.logits(ids).ravel())[0, 1]
    assert found > correlation
    assert (tmp_path / f"{gguf_type}.gguf").stat().st_size < 0.45 * (tmp_path / "f32.gguf").stat().st_size


def test_llama_cpp_tokenises_real_code_as_the_tokenizer_does_and_finds_its_control_tokens(
    checkpoint, files, tmp_path
):
    tokenizer = load_tokenizer(checkpoint / "tokenizer.json")
    llama = served(checkpoint, tmp_path)
    for text in [CODE, *(f.content.decode() for f in files[:20])]:
        assert llama.encode(text.encode()) == tokenizer.encode(text, add_special_tokens=False).ids
    assert llama.fim == control_ids(tokenizer)
    assert llama.fim.format.name == checkpoint.name


def test_user_text_that_spells_a_control_token_stays_text(checkpoint, tmp_path):
    llama = served(checkpoint, tmp_path)
    text = b"<fim_middle><fim-middle><|endoftext|><reponame>"
    ids = llama.encode(text)
    assert llama.decode(ids) == text
    assert not set(ids) & llama.fim.stops


def test_folder_loads_in_transformers_with_its_tokenizer(checkpoint):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    ids = tokenizer("def add(a, b):", return_tensors="pt").input_ids
    logits = AutoModelForCausalLM.from_pretrained(checkpoint)(ids).logits
    assert logits.shape == (1, ids.shape[1], 640)


def test_id_beyond_santacoders_tokenizer_is_padding_and_not_a_token(tmp_path):
    folder = save_random(tmp_path / "santacoder", SHAPES["santacoder"], "santacoder")
    export_gguf(folder, tmp_path / "model.gguf")
    fields = gguf.GGUFReader(tmp_path / "model.gguf").fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    kinds = fields["tokenizer.ggml.token_type"].contents()
    assert tokens[512:518] == [
        "<|endoftext|>",
        "<fim-prefix>",
        "<fim-middle>",
        "<fim-suffix>",
        "<fim-pad>",
        "[PAD517]",
    ]
    assert kinds[512:517] == [gguf.TokenType.CONTROL] * 5
    assert set(kinds[517:]) == {gguf.TokenType.UNUSED}
    assert len(tokens) == 640


def test_windowed_model_is_served_at_its_window_because_it_differs_beyond(windowed, tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="training"):
        llama = served(windowed, tmp_path)
    assert "is served at a context of 64 tokens, its window" in caplog.text
    assert llama.context_tokens == 64
    ids = code_ids(windowed, 120)
    beyond = LlamaModel(tmp_path / "f32.gguf", threads=1, all_logits=True, context_tokens=256)
    difference = np.abs(beyond.logits(ids) - expected_logits(windowed, ids)).max(axis=1)
    assert difference[:64].max() < 1e-3
    assert difference[80:].max() > 1e-2


def test_window_wider_than_the_context_says_nothing(tmp_path, caplog):
    shape = replace(SHAPES["starcoder2"], window_tokens=4096)
    folder = save_random(tmp_path / "model", shape, "starcoder2")
    with caplog.at_level(logging.INFO, logger="training"):
        assert served(folder, tmp_path).context_tokens == 512
    assert "window" not in caplog.text


@pytest.mark.parametrize("family", ["starcoder", "starcoder2"])
def test_shards_and_halves_are_written_as_one_whole(family, tmp_path):
    whole = save_random(tmp_path / "whole", SHAPES[family], family)
    parts = tmp_path / "parts"
    model = AutoModelForCausalLM.from_pretrained(whole).to(torch.bfloat16)
    model.save_pretrained(parts, max_shard_size="500KB")
    shutil.copy(whole / "tokenizer.json", parts)
    assert len(list(parts.glob("model-*.safetensors"))) > 1
    ids = code_ids(whole, 40)
    with torch.no_grad():
        expected = model.float()(torch.tensor([ids])).logits[0].numpy()
    np.testing.assert_allclose(served(parts, tmp_path).logits(ids), expected, atol=1e-3)


def copied(folder, tmp_path, **changes):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, **changes}))
    return copy


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"multi_query": False}, "has keys and values for every head, which llama.cpp's starcoder graph"),
        ({"activation_function": "relu"}, "computes relu"),
        ({"scale_attn_weights": False}, "does not scale its attention"),
    ],
)
def test_model_that_llama_cpp_would_serve_wrongly_is_refused(starcoder, tmp_path, changes, message):
    with pytest.raises(ExportError, match=message):
        export_gguf(copied(starcoder, tmp_path, **changes), tmp_path / "model.gguf")
    assert not (tmp_path / "model.gguf").exists()


def test_head_that_the_config_calls_the_embedding_is_left_out(starcoder, tmp_path):
    copy = copied(starcoder, tmp_path)
    tensors = load_file(copy / "model.safetensors")
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"].clone()
    save_file(tensors, copy / "model.safetensors")
    export_gguf(copy, tmp_path / "model.gguf")
    names = {tensor.name for tensor in gguf.GGUFReader(tmp_path / "model.gguf").tensors}
    assert "output.weight" not in names
    assert {"token_embd.weight", "position_embd.weight", "blk.1.attn_qkv.bias"} <= names


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("{", "weights cannot be read"),
        ("[]", "has no weight_map"),
        ('{"weight_map": {"a": 1}}', "has no weight_map"),
        ('{"weight_map": {"a": "missing.safetensors"}}', "weights cannot be read"),
        ('{"weight_map": {"a": "../model.safetensors"}}', "which is outside of the folder"),
    ],
)
def test_bad_index_of_shards_is_one_clear_sentence(starcoder, tmp_path, index, message):
    copy = copied(starcoder, tmp_path)
    (copy / "model.safetensors").rename(tmp_path / "model.safetensors")
    (copy / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ExportError, match=message):
        export_gguf(copy, tmp_path / "model.gguf")


def test_folder_without_weights_is_one_clear_sentence(starcoder, tmp_path):
    copy = copied(starcoder, tmp_path)
    (copy / "model.safetensors").unlink()
    with pytest.raises(ExportError, match="weights cannot be read"):
        export_gguf(copy, tmp_path / "model.gguf")


@pytest.mark.parametrize(
    "stages",
    [
        [pre_tokenizers.ByteLevel(add_prefix_space=False)],
        [pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.ByteLevel(add_prefix_space=False)],
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=True)],
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)],
    ],
)
def test_tokenizer_that_llama_cpp_would_not_follow_is_refused(starcoder, tmp_path, stages):
    copy = copied(starcoder, tmp_path)
    tokenizer = Tokenizer.from_file(str(copy / "tokenizer.json"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(stages)
    tokenizer.save(str(copy / "tokenizer.json"))
    with pytest.raises(TokenizerError, match="does not cut text as StarCoder's tokenizers do"):
        export_gguf(copy, tmp_path / "model.gguf")


def test_tokenizer_of_another_model_is_refused(starcoder, tmp_path):
    copy = copied(starcoder, tmp_path)
    TOKENIZERS["starcoder"](512).save(str(copy / "tokenizer.json"))
    with pytest.raises(TokenizerError, match="has 512 ids and the model 640"):
        export_gguf(copy, tmp_path / "model.gguf")


def test_starcoder2s_tokenizer_has_its_control_tokens_at_its_ids():
    tokenizer = TOKENIZERS["starcoder2"](640)
    tokens = ["<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>"]
    assert [tokenizer.id_to_token(i) for i in range(7)] == [*tokens, "<repo_name>", "<file_sep>"]


def test_starcoders_repository_tokens_are_told_to_llama_cpp(starcoder, tmp_path):
    export_gguf(starcoder, tmp_path / "model.gguf")
    fields = gguf.GGUFReader(tmp_path / "model.gguf").fields
    assert fields["tokenizer.ggml.fim_rep_token_id"].contents() == STARCODER_CONTROLS.index("<reponame>")
    assert fields["tokenizer.ggml.fim_sep_token_id"].contents() == STARCODER_CONTROLS.index("<filename>")


def test_command_exports_a_folder_of_the_hubs_form(starcoder, tmp_path, capsys):
    path = tmp_path / "model.gguf"
    assert main(["train", "export", str(starcoder), "--gguf", str(path), "--type", "q4_k_m"]) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert gguf.GGUFReader(path).fields["general.name"].contents() == "starcoder"
