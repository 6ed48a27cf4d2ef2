from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from training.data.shards import IGNORED
from training.loss import CHUNK_POSITIONS, summed_cross_entropy
from training.model import attention_mask, count_parameters, make_model
from training.optimizer import Muon, make_optimizers, orthogonalize, rate_factor
from training.recipes.recipe import Budget
from training.recipes.registry import load


def test_document_in_a_packed_row_gets_the_logits_that_it_gets_alone(recipe):
    model = make_model(recipe.model, seed=1).eval()
    first, second = torch.randint(10, 600, (20,)), torch.randint(10, 600, (30,))
    documents = torch.tensor([[0] * 20 + [1] * 30])
    positions = torch.cat([torch.arange(20), torch.arange(30)])[None]
    with torch.no_grad():
        packed = model(
            input_ids=torch.cat([first, second])[None],
            position_ids=positions,
            attention_mask=attention_mask(documents, None),
        ).logits[0]
        alone = torch.cat([model(input_ids=ids[None]).logits[0] for ids in (first, second)])
    torch.testing.assert_close(packed, alone, atol=1e-5, rtol=1e-4)


def test_weights_depend_on_the_seed_alone(recipe):
    torch.manual_seed(123)
    first = make_model(recipe.model, seed=1).state_dict()
    torch.manual_seed(321)
    again, other = (make_model(recipe.model, seed=s).state_dict() for s in (1, 2))
    name = "model.layers.0.mlp.c_fc.weight"
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])


def test_default_model_has_five_million_parameters_counted_by_hand():
    shape = load("default").model
    h, f, kv = shape.hidden, shape.feed_forward, shape.hidden // shape.heads * shape.kv_heads
    layer = 2 * (h * h + h) + 2 * (h * kv + kv) + (h * f + f) + (f * h + h) + 4 * h
    expected = shape.vocabulary * h + shape.layers * layer + 2 * h
    assert count_parameters(make_model(shape, seed=0)) == expected == 4_993_536


@pytest.mark.parametrize(
    "changes", [{"hidden": 65}, {"kv_heads": 3}, {"vocabulary": 600}, {"vocabulary": 65664}]
)
def test_shape_that_cannot_be_built_is_refused(changes):
    with pytest.raises(ValueError, match="multiple"):
        replace(load("default").model, **changes)


@pytest.mark.parametrize("positions", [1, CHUNK_POSITIONS, 2 * CHUNK_POSITIONS + 7])
def test_chunked_loss_and_its_gradients_are_those_of_the_plain_formula(positions):
    torch.manual_seed(0)
    plain = [torch.randn(positions, 16, requires_grad=True), torch.randn(50, 16, requires_grad=True)]
    chunked = [t.detach().clone().requires_grad_() for t in plain]
    targets = torch.randint(0, 50, (positions,))
    targets[positions // 2] = IGNORED
    expected = F.cross_entropy(plain[0] @ plain[1].T, targets, ignore_index=IGNORED, reduction="sum")
    found = summed_cross_entropy(*chunked, targets)
    (expected / 3).backward()
    (found / 3).backward()
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-5)
    for ours, theirs in zip(chunked, plain, strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-4, rtol=1e-4)


def test_loss_of_bfloat16_states_is_summed_in_float32():
    torch.manual_seed(0)
    hidden, weight = torch.randn(600, 16), torch.randn(50, 16)
    targets = torch.randint(0, 50, (600,))
    narrow = hidden.bfloat16().requires_grad_()
    full = narrow.detach().float().requires_grad_()
    heads = [weight.clone().requires_grad_(), weight.bfloat16().float().requires_grad_()]
    found = summed_cross_entropy(narrow, heads[0], targets)
    expected = F.cross_entropy(full @ heads[1].T, targets, reduction="sum")
    found.backward()
    expected.backward()
    assert found.dtype == heads[0].grad.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=0)
    torch.testing.assert_close(heads[0].grad, heads[1].grad, rtol=2e-2, atol=0.2)
    torch.testing.assert_close(narrow.grad.float(), full.grad, rtol=2e-2, atol=0.1)


@pytest.mark.parametrize("shape", [(24, 16), (16, 24), (16, 16)])
def test_muon_takes_the_steps_of_torch_within_the_precision_of_bfloat16(shape):
    torch.manual_seed(0)
    start = torch.randn(shape)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    reference = torch.optim.Muon(
        [theirs], lr=1e-2, momentum=0.95, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    muon = Muon([{"params": [ours], "lr": 1e-2, "weight_decay": 0.1}], momentum=0.95)
    for _ in range(4):
        gradient = torch.randn(shape)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        muon.step()
        reference.step()
    moved = (theirs.detach() - start).norm()
    assert (ours.detach() - theirs.detach()).norm() < 0.03 * moved


def test_orthogonalized_matrix_has_singular_values_near_one():
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalize(torch.randn(32, 64)))
    assert 0.6 < values.min() <= values.max() < 1.3


def test_every_parameter_has_exactly_one_optimizer_and_only_inner_matrices_have_muon(recipe):
    model = make_model(recipe.model, seed=0)
    optimizers = make_optimizers(model, recipe.optimizer)
    owned = {
        kind: {id(p) for g in optimizer.param_groups for p in g["params"]}
        for kind, optimizer in optimizers.items()
    }
    assert not owned["muon"] & owned["adamw"]
    assert owned["muon"] | owned["adamw"] == {id(p) for p in model.parameters()}
    assert id(model.model.embed_tokens.weight) in owned["adamw"]
    assert id(model.model.layers[0].mlp.c_fc.weight) in owned["muon"]


def test_rates_warm_up_stay_and_decay_to_nearly_nothing():
    factors = np.array([rate_factor(u, 1000, Budget(tokens=1)) for u in range(1000)])
    assert factors[0] == pytest.approx(0.05)
    assert (factors[20:600] == 1).all()
    assert (np.diff(factors[600:]) < 0).all()
    assert 0 < factors[-1] < 0.01


def test_rates_fall_along_a_cosine_to_the_share_that_is_asked_for():
    budget = Budget(tokens=1, schedule="cosine", final_share=0.1)
    factors = np.array([rate_factor(u, 1000, budget) for u in range(1000)])
    assert factors[19] == 1
    assert (np.diff(factors[20:]) < 0).all()
    assert factors[510] == pytest.approx(0.55, abs=0.01)
    assert factors[-1] == pytest.approx(0.1, abs=0.001)
