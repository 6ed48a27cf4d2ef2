"""Model files are checked before llama.cpp, which would crash on some, sees them."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import pytest

from assistant.backends.gguf import TENSOR_BLOCKS, read_header
from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.errors import ModelNotFoundError, ModelUnusableError
from assistant.models import DEFAULT_MODEL, ModelOptions, model_path, open_backend
from tests.assistant.tiny_gguf import write_tiny_gguf


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf")


def test_a_header_says_what_the_model_is(model):
    header = read_header(model)
    assert header.architecture == "starcoder2"
    assert header.metadata["general.name"] == "tiny-random"
    assert header.metadata["tokenizer.ggml.tokens.length"] == 7 + 256 + 2
    assert header.tensors == 35


def test_the_sizes_of_blocks_are_those_of_ggml():
    for kind, sizes in TENSOR_BLOCKS.items():
        assert gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind)] == sizes


def test_every_truncation_is_refused_with_one_sentence(model, tmp_path):
    whole = model.read_bytes()
    damaged = tmp_path / "damaged.gguf"
    for length in [*range(200), *range(200, len(whole), 997), len(whole) - 1]:
        damaged.write_bytes(whole[:length])
        with pytest.raises(ModelUnusableError, match=r"truncated|not a GGUF file"):
            read_header(damaged)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"GGUF" + struct.pack("<IQQ", 99, 0, 0), "version 99"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**63), "truncated"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q1sI", 1, b"k", 77), "damaged"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q1sIIQ", 1, b"k", 9, 9, 1), "damaged"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + struct.pack("<QI", 0, 9), "damaged"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "truncated"),
    ],
)
def test_a_hostile_header_is_refused(tmp_path, content, sentence):
    path = tmp_path / "hostile.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelUnusableError, match=sentence):
        read_header(path)


def test_a_model_without_infilling_tokens_is_refused(tmp_path):
    path = write_tiny_gguf(tmp_path / "plain.gguf", control_tokens=False)
    with pytest.raises(ModelUnusableError, match=r"no fill-in-the-middle tokens; set model\.path"):
        LlamaCppBackend.open(path)


def test_what_llama_cpp_refuses_is_told_in_its_own_words(model, tmp_path):
    path = tmp_path / "unknown.gguf"
    path.write_bytes(model.read_bytes().replace(b"starcoder2", b"starcoderX"))
    with pytest.raises(ModelUnusableError, match=r"llama\.cpp refuses it \(.+\)"):
        LlamaCppBackend.open(path)


def test_a_missing_file_and_an_empty_folder_are_not_models(tmp_path):
    with pytest.raises(ModelNotFoundError, match="no such file"):
        open_backend(tmp_path / "missing.gguf", ModelOptions())
    with pytest.raises(ModelUnusableError, match="choose a StarCoder2, StarCoder or SantaCoder checkpoint"):
        open_backend(tmp_path, ModelOptions())


def test_arrays_are_read_where_they_are_asked_for(tmp_path):
    path = write_tiny_gguf(tmp_path / "tiny.gguf")
    header = read_header(path, arrays=("tokenizer.ggml.tokens", "tokenizer.ggml.token_type"))
    assert header.arrays["tokenizer.ggml.tokens"][:2] == ("<|endoftext|>", "<fim_prefix>")
    assert header.arrays["tokenizer.ggml.token_type"][:2] == (3, 3)
    stored = gguf.GGUFReader(path).tensors
    assert header.parameters == sum(int(tensor.n_elements) for tensor in stored)
    assert header.weight_bytes == 4 * header.parameters


@pytest.mark.parametrize("text", ["", "[]", '{"replies": 3}', '{"replies": [{"colour": 1}]}'])
def test_a_script_that_is_none_is_refused(tmp_path, text):
    path = tmp_path / "a.script.json"
    path.write_text(text)
    with pytest.raises(ModelUnusableError, match="not a script"):
        open_backend(path, ModelOptions())


def test_the_shipped_model_is_taken_when_none_is_named():
    assert model_path("") == DEFAULT_MODEL
    assert model_path("~/m.gguf") == Path("~/m.gguf").expanduser()
