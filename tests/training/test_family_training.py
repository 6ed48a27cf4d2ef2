"""What the loop promises of every architecture that it trains, with transformers' own loss as the oracle."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from training.checkpoint import list_checkpoints
from training.data.shards import IGNORED
from training.metrics import read_metrics
from training.model import NextTokenLoss, attention_mask, make_model
from training.optimizer import make_optimizers
from training.recipes.big_code import BigCodeShape
from training.recipes.recipe import ModelShape
from training.run import run_recipe

STARCODER2 = ModelShape(
    layers=2, hidden=64, feed_forward=128, heads=4, kv_heads=2, context_tokens=128, vocabulary=640
)
SHAPES = {
    "tied": STARCODER2,
    "window": replace(STARCODER2, window_tokens=16),
    "separate head": replace(STARCODER2, separate_head=True, window_tokens=16),
    "multi-query": BigCodeShape(
        layers=2, hidden=64, feed_forward=128, heads=4, context_tokens=128, vocabulary=640, end_of_text=0
    ),
}
LENGTHS = (40, 1, 55, 32)
"""Of the documents in a row."""


@pytest.fixture(params=SHAPES)
def shape(request):
    return SHAPES[request.param]


def packed_row():
    """Ids, positions, documents and targets of a row of several documents, and the documents alone."""
    random = np.random.default_rng(0)
    alone = [torch.from_numpy(random.integers(10, 600, n)) for n in LENGTHS]
    targets = [torch.cat([ids[1:], torch.tensor([IGNORED])]) for ids in alone]
    row = (
        torch.cat(alone),
        torch.cat([torch.arange(n) for n in LENGTHS]),
        torch.repeat_interleave(torch.arange(len(LENGTHS)), torch.tensor(LENGTHS)),
        torch.cat(targets),
    )
    return tuple(part[None] for part in row), alone


def plain_loss(model, documents):
    """What transformers itself says of documents that it sees one by one."""
    losses = [
        model(input_ids=ids[None], labels=ids[None]).loss * (len(ids) - 1)
        for ids in documents
        if len(ids) > 1
    ]
    return torch.stack(losses).sum()


def test_packed_row_has_the_loss_and_gradients_that_its_documents_have_alone(shape):
    ours, theirs = (make_model(shape, seed=3) for _ in range(2))
    row, alone = packed_row()
    loss, expected = NextTokenLoss(ours)(*row), plain_loss(theirs, alone)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-3)
    for (name, found), wanted in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(found.grad, wanted.grad, rtol=1e-3, atol=1e-3, msg=name)


def test_updates_of_the_loop_are_those_of_a_plain_loop_on_transformers_loss(shape, recipe):
    """Parity with the textbook: mean loss, clip, step."""
    ours, theirs = (make_model(shape, seed=3) for _ in range(2))
    row, alone = packed_row()
    targets = sum(n - 1 for n in LENGTHS)
    for model in (ours, theirs):
        optimizers = make_optimizers(model, recipe.optimizer)
        losses = []
        for _ in range(4):
            loss = NextTokenLoss(model)(*row) if model is ours else plain_loss(model, alone)
            (loss / targets).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers.values():
                optimizer.step()
                optimizer.zero_grad()
            losses.append(loss.item() / targets)
        if model is ours:
            expected = losses
    assert losses == pytest.approx(expected, abs=1e-4)
    assert losses[-1] < losses[0] - 0.1


def test_window_hides_what_is_further_back_and_other_documents():
    mask = attention_mask(torch.tensor([[0, 0, 0, 0, 1, 1]]), 2)[0, 0]
    expected = [[1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0]]
    assert mask[:3].int().tolist() == expected
    assert mask[4:].int().tolist() == [[0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 1, 1]]


def test_every_parameter_has_one_optimizer_and_only_maps_between_features_have_muon(shape, recipe):
    model = make_model(shape, seed=0)
    optimizers = make_optimizers(model, recipe.optimizer)
    owned = {k: [id(p) for g in o.param_groups for p in g["params"]] for k, o in optimizers.items()}
    assert sorted(owned["muon"] + owned["adamw"]) == sorted(id(p) for p in model.parameters())
    outer = {n for n, p in model.named_parameters() if p.ndim == 2 and id(p) in owned["adamw"]}
    assert {n.rpartition(".")[0].rpartition(".")[2] for n in outer} <= {
        "embed_tokens",
        "lm_head",
        "wte",
        "wpe",
    }


def test_frozen_weights_stay_as_they_are(recipe):
    model = make_model(STARCODER2, seed=0)
    model.base_model.embed_tokens.weight.requires_grad_(False)
    owned = [
        p
        for o in make_optimizers(model, recipe.optimizer).values()
        for g in o.param_groups
        for p in g["params"]
    ]
    assert not any(p is model.base_model.embed_tokens.weight for p in owned)
    NextTokenLoss(model)(*packed_row()[0]).backward()
    assert model.base_model.embed_tokens.weight.grad is None


def test_run_resumes_to_the_bit_and_loads_with_transformers(shape, recipe, prepared, tmp_path):
    recipe = replace(recipe, model=shape)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for root in (whole, cut):
        shutil.copytree(prepared, root)
        run_recipe(recipe, root, files=list, progress=False)
    shutil.rmtree(cut / "checkpoint-000012")
    run_recipe(recipe, cut, files=list, progress=False)
    last = [list_checkpoints(root)[-1] for root in (whole, cut)]
    assert (last[0] / "model.safetensors").read_bytes() == (last[1] / "model.safetensors").read_bytes()
    rows = [read_metrics(root / "metrics.csv") for root in (whole, cut)]
    assert [r.loss for r in rows[0]] == [r.loss for r in rows[1]]
    assert rows[0][-1].loss < rows[0][0].loss - 0.3
    loaded = AutoModelForCausalLM.from_pretrained(last[0])
    tied = loaded.get_output_embeddings().weight is loaded.get_input_embeddings().weight
    assert tied is not getattr(shape, "separate_head", False)
