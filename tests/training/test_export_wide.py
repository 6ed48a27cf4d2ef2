"""Two layers at the published widths: llama.cpp computes what transformers does.

ggml looks GELU up in a table of 65,536 half-precision values, whatever the type of the weights. The
comparison within 1e-3 therefore gives transformers the same table; with exact GELU, the few largest of
hundreds of thousands of differences are 2e-3 to 3e-3 of logits whose standard deviation is about 1.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoModelForCausalLM

from assistant.fim import FimOrder, infill
from assistant.quantize import GgufType
from tests.training.family import save_random
from training.export import export_gguf
from training.recipes.presets import find_preset
from training.served import LlamaModel
from training.tokenizer import control_ids, load_tokenizer

WIDE = {
    "starcoder2-3b": ("starcoder2", replace(find_preset("starcoder2-3b").shape, layers=2)),
    "santacoder": ("santacoder", replace(find_preset("santacoder").shape, layers=2)),
    # All 48 heads of 128; vocabulary and feed-forward are smaller to stay below 3 GB.
    "starcoder": (
        "starcoder",
        replace(find_preset("starcoder").shape, layers=2, feed_forward=6144, vocabulary=640),
    ),
}
KEYS = {
    "starcoder2-3b": {
        "general.architecture": "starcoder2",
        "starcoder2.context_length": 4096,
        "starcoder2.attention.head_count": 24,
        "starcoder2.attention.head_count_kv": 2,
        "tokenizer.ggml.eos_token_id": 0,
        "tokenizer.ggml.fim_pre_token_id": 1,
        "tokenizer.ggml.fim_mid_token_id": 2,
        "tokenizer.ggml.fim_suf_token_id": 3,
        "tokenizer.ggml.fim_pad_token_id": 4,
        "tokenizer.ggml.fim_rep_token_id": 5,
        "tokenizer.ggml.fim_sep_token_id": 6,
    },
    "santacoder": {
        "general.architecture": "starcoder",
        "starcoder.context_length": 2048,
        "starcoder.attention.head_count": 16,
        "starcoder.attention.head_count_kv": 1,
        "tokenizer.ggml.eos_token_id": 49152,
        "tokenizer.ggml.fim_pre_token_id": 49153,
        "tokenizer.ggml.fim_mid_token_id": 49154,
        "tokenizer.ggml.fim_suf_token_id": 49155,
        "tokenizer.ggml.fim_pad_token_id": 49156,
    },
    "starcoder": {
        "general.architecture": "starcoder",
        "starcoder.context_length": 8192,
        "starcoder.attention.head_count": 48,
        "starcoder.attention.head_count_kv": 1,
        "tokenizer.ggml.eos_token_id": 0,
        "tokenizer.ggml.fim_pre_token_id": 1,
        "tokenizer.ggml.fim_rep_token_id": 18,
        "tokenizer.ggml.fim_sep_token_id": 5,
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    name: str
    folder: Path
    ids: list[int]
    exact: NDArray[np.float32]
    """Logits of transformers."""
    looked_up: NDArray[np.float32]
    """The same with ggml's table for GELU."""

    @property
    def gguf(self) -> Path:
        return self.folder / "model.gguf"


class TableGelu(torch.nn.Module):
    """GELU as ggml has it: argument and value rounded to half precision."""

    def forward(self, values: Tensor) -> Tensor:
        return F.gelu(values.half().float(), approximate="tanh").half().float()


@pytest.fixture(scope="module", params=WIDE)
def wide(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wide]:
    family, shape = WIDE[request.param]
    folder = tmp_path_factory.mktemp("wide")
    save_random(folder, shape, family)
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    parts = {"prefix": "def add(a, b):\n    return ", "suffix": "\n\nprint(1 + 22)\n"}
    encoded = {part: tokenizer.encode(text).ids for part, text in parts.items()}
    ids = infill(control_ids(tokenizer), **encoded, order=FimOrder.SPM)
    exact, looked_up = reference(folder, ids)
    export_gguf(folder, folder / "model.gguf", gguf_type=GgufType.F32)
    yield Wide(name=request.param, folder=folder, ids=ids, exact=exact, looked_up=looked_up)
    shutil.rmtree(folder)


def reference(folder: Path, ids: list[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        exact = model(torch.tensor([ids])).logits[0].numpy()
        for layer in model.model.layers if hasattr(model, "model") else model.transformer.h:
            layer.mlp.act = TableGelu()
        looked_up = model(torch.tensor([ids])).logits[0].numpy()
    return exact, looked_up


def test_llama_cpp_computes_the_logits_of_transformers(wide: Wide):
    llama = LlamaModel(wide.gguf, threads=2, all_logits=True, context_tokens=256)
    found = llama.logits(wide.ids)
    llama.close()
    assert wide.exact.std() > 0.5  # a model whose logits are all alike would pass
    np.testing.assert_allclose(found, wide.looked_up, rtol=0, atol=1e-3)
    np.testing.assert_allclose(found, wide.exact, rtol=0, atol=4e-3)
    assert np.abs(found - wide.exact).mean() < 1e-3


def test_metadata_names_heads_context_and_special_ids(wide: Wide):
    fields = gguf.GGUFReader(wide.gguf).fields
    expected = {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "starcoder", **KEYS[wide.name]}
    assert {key: fields[key].contents() for key in expected} == expected
    if wide.name == "santacoder":
        assert not fields.keys() & {"tokenizer.ggml.fim_rep_token_id", "tokenizer.ggml.fim_sep_token_id"}
