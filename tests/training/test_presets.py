from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from training.errors import UnknownPresetError
from training.model import count_parameters, count_shape, make_config, make_model
from training.recipes.big_code import BigCodeShape
from training.recipes.presets import NAMES, PRESETS, Preset, find_preset
from training.recipes.recipe import ModelShape, digest
from training.recipes.registry import load

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "training.md"
COUNTS = {
    "starcoder2-3b": 3_030_371_328,
    "starcoder2-7b": 7_173_923_840,
    "starcoder2-15b": 15_957_889_024,
    "starcoder": 15_517_456_384,
    "santacoder": 1_124_886_528,
    "5m": 4_993_536,
    "20m": 18_910_976,
    "60m": 61_692_672,
    "160m": 159_821_312,
}
SIZES = {"5m": 5e6, "20m": 20e6, "60m": 60e6, "160m": 160e6}


def by_hand(shape: ModelShape | BigCodeShape) -> int:
    """Add the weights up from the architecture's description."""
    h, f = shape.hidden, shape.feed_forward
    if isinstance(shape, BigCodeShape):
        kv, outside = h // shape.heads, shape.context_tokens * h
    else:
        kv, outside = h // shape.heads * shape.kv_heads, shape.separate_head * shape.vocabulary * h
    attention = 2 * (h * h + h) + 2 * (h * kv + kv)
    layer = attention + (h * f + f) + (f * h + h) + 2 * 2 * h
    return shape.vocabulary * h + outside + shape.layers * layer + 2 * h


@pytest.mark.parametrize("preset", PRESETS, ids=NAMES)
def test_preset_has_as_many_parameters_as_its_description_and_its_authors_say(preset: Preset):
    count = count_shape(preset.shape)
    assert count == by_hand(preset.shape) == COUNTS[preset.name]
    if preset.published_parameters is not None:
        digits = len(preset.published_parameters.partition(".")[2].rstrip("B"))
        assert f"{count / 1e9:.{digits}f}B" == preset.published_parameters


@pytest.mark.parametrize("name", SIZES)
def test_small_preset_is_about_as_large_as_its_name_and_serves_all_of_its_context(name):
    shape = find_preset(name).shape
    assert count_shape(shape) == pytest.approx(SIZES[name], rel=0.06)
    assert shape.window_tokens is None
    assert shape.feed_forward == 4 * shape.hidden
    assert shape.hidden // shape.heads == 64


def test_starcoder2_15b_alone_has_a_head_of_its_own():
    assert [p.name for p in PRESETS if getattr(p.shape, "separate_head", False)] == ["starcoder2-15b"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("starcoder2-3b", {"rope_theta": 999999.4420358813, "initializer_range": 0.018042}),
        ("starcoder2-7b", {"rope_theta": 1000000.0, "initializer_range": 0.018042}),
        ("starcoder2-15b", {"rope_theta": 100000.0, "initializer_range": 0.01275}),
    ],
)
def test_starcoder2_config_is_the_published_one(name, expected):
    config = make_config(find_preset(name).shape)
    found = {
        "rope_theta": config.rope_parameters["rope_theta"],
        "initializer_range": config.initializer_range,
    }
    assert found == expected
    assert (config.model_type, config.hidden_act, config.norm_epsilon) == (
        "starcoder2",
        "gelu_pytorch_tanh",
        1e-5,
    )
    assert (config.vocab_size, config.max_position_embeddings, config.sliding_window) == (49152, 16384, 4096)
    assert config.use_bias


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("starcoder", (49152, 8192, 6144, 40, 48, 24576, "gelu", 0)),
        ("santacoder", (49280, 2048, 2048, 24, 16, 8192, "gelu_pytorch_tanh", 49152)),
    ],
)
def test_config_of_the_first_generation_is_the_published_one(name, expected):
    config = make_config(find_preset(name).shape)
    assert config.model_type == "gpt_bigcode"
    assert config.multi_query
    assert config.initializer_range == 0.02
    assert expected == (
        config.vocab_size,
        config.n_positions,
        config.n_embd,
        config.n_layer,
        config.n_head,
        config.n_inner,
        config.activation_function,
        config.eos_token_id,
    )


@pytest.mark.parametrize("name", ["starcoder2-3b", "starcoder2-7b", "starcoder2-15b"])
def test_base_stage_sees_4096_tokens_and_has_the_same_weights(name):
    preset = find_preset(name)
    assert preset.base_stage == replace(
        preset.shape, context_tokens=4096, window_tokens=None, rope_base=preset.base_rope_base
    )
    assert preset.shape.rope_base == pytest.approx(10 * preset.base_rope_base, rel=1e-5)
    assert count_shape(preset.base_stage) == count_shape(preset.shape)


def test_models_without_a_second_stage_have_only_one():
    for name in ("santacoder", "20m"):
        assert find_preset(name).base_stage == find_preset(name).shape


def narrow(preset: Preset) -> ModelShape | BigCodeShape:
    """The preset's kind of model, small enough to make."""
    sizes = {"layers": 2, "hidden": 64, "feed_forward": 128, "heads": 4, "context_tokens": 64}
    shape = replace(preset.shape, **sizes, vocabulary=640)
    if isinstance(shape, BigCodeShape):
        return replace(shape, end_of_text=3)
    return replace(shape, kv_heads=2, window_tokens=preset.shape.window_tokens and 16)


@pytest.mark.parametrize("name", ["starcoder2-3b", "starcoder2-15b", "starcoder", "santacoder", "60m"])
def test_saved_model_loads_in_transformers_and_computes_the_same(name, tmp_path):
    model = make_model(narrow(find_preset(name)), seed=0).eval()
    model.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(again) is type(model)
    assert AutoConfig.from_pretrained(tmp_path).to_diff_dict().keys() >= {"model_type"}
    assert count_parameters(again) == count_parameters(model)
    ids = torch.randint(5, 640, (1, 40))
    with torch.no_grad():
        torch.testing.assert_close(again(ids).logits, model(ids).logits, atol=0, rtol=0)


def test_window_hides_what_is_further_back():
    shape = narrow(find_preset("starcoder2-3b"))
    shape = replace(shape, layers=1)
    model = make_model(shape, seed=0).eval()
    ids = torch.randint(5, 640, (1, 40))
    changed = ids.clone()
    changed[0, 0] = 1
    with torch.no_grad():
        difference = (model(ids).logits - model(changed).logits).abs().amax(dim=-1)[0]
    assert (difference[:16] > 0).all()
    assert (difference[16:] == 0).all()


def test_unknown_preset_is_one_clear_sentence():
    with pytest.raises(UnknownPresetError, match="there is no preset '4b'; choose one of: starcoder2-3b, "):
        find_preset("4b")


@pytest.mark.parametrize("changes", [{"hidden": 65}, {"vocabulary": 600}, {"vocabulary": 65664}])
def test_shape_that_cannot_be_built_is_refused(changes):
    with pytest.raises(ValueError, match="multiple"):
        replace(find_preset("santacoder").shape, **changes)


def test_digest_of_a_plain_shape_is_that_of_older_checkpoints_and_counts_what_is_set():
    plain = load("default").model
    windowed = replace(plain, window_tokens=256)
    headed = replace(plain, separate_head=True)
    assert digest(plain) == "cf918d05fbdb1856"
    assert len({digest(shape) for shape in (plain, windowed, headed)}) == 3
    assert set(asdict(plain)) - {"window_tokens", "separate_head"}


def test_documentation_lists_every_preset_with_its_parameters():
    rows = re.findall(r"^\| `([\w-]+)` \| .*\| ([\d,]+) \|$", DOCUMENTATION.read_text(), re.MULTILINE)
    assert {name: int(count.replace(",", "")) for name, count in rows} == COUNTS
