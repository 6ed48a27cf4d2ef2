"""What can be chosen about a run, and that none of it costs the promise of exact resume."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from transformers import AutoModelForCausalLM

import training.loop
from training.checkpoint import list_checkpoints, read_state
from training.data.prepare import RunLayout, prepare
from training.errors import CheckpointMismatchError, ExecutionError, ExportError, OutOfMemoryError
from training.execution import AS_USUAL, Execution, set_up
from training.flops import flops_per_token, peak_flops
from training.metrics import read_metrics
from training.model import NextTokenLoss, flex_mask, make_model
from training.recipes.big_code import BigCodeShape
from training.recipes.presets import find_preset
from training.run import run_recipe

# the compiler says it of itself
pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
]

BIG_CODE = BigCodeShape(
    layers=2, hidden=64, feed_forward=128, heads=4, context_tokens=128, vocabulary=640, end_of_text=0
)


def train(recipe, run, **options):
    return run_recipe(recipe, run, files=list, progress=False, **options)


def losses(run):
    return [row.loss for row in read_metrics(run / "metrics.csv")]


@pytest.fixture
def run(prepared, tmp_path):
    root = tmp_path / "run"
    shutil.copytree(prepared, root)
    return root


def adamw_and_cosine(recipe):
    return replace(
        recipe,
        optimizer=replace(recipe.optimizer, matrices="adamw", matrix_rate=3e-3),
        budget=replace(recipe.budget, schedule="cosine", final_share=0.1),
    )


def accumulating(recipe):
    return replace(recipe, budget=replace(recipe.budget, micro_batch_rows=1))


def resumed_to_the_bit(recipe, run, execution):
    """Train to the end, and once more from the middle; answer the losses, which are the same."""
    train(recipe, run, execution=execution)
    whole, weights = losses(run), (list_checkpoints(run)[-1] / "model.safetensors").read_bytes()
    shutil.rmtree(run / "checkpoint-000012")
    train(recipe, run, execution=execution)
    assert losses(run) == whole
    assert (list_checkpoints(run)[-1] / "model.safetensors").read_bytes() == weights
    return whole


@pytest.mark.parametrize("change", [adamw_and_cosine, accumulating])
def test_run_resumes_to_the_bit_and_learns(recipe, run, change):
    found = resumed_to_the_bit(change(recipe), run, AS_USUAL)
    assert found[-1] < found[0] - 0.4


@pytest.mark.parametrize(
    "execution", [Execution(recompute=True), Execution(compiled=True), Execution(attention="sdpa")]
)
def test_how_a_run_is_computed_changes_losses_by_rounding_alone(recipe, finished, run, execution):
    assert resumed_to_the_bit(recipe, run, execution) == pytest.approx(losses(finished), abs=1e-4)


def test_run_under_another_schedule_is_not_resumed(recipe, finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    other = replace(recipe, budget=replace(recipe.budget, schedule="cosine"))
    with pytest.raises(CheckpointMismatchError, match="another seed, optimiser or batch size"):
        train(other, run)


@pytest.mark.parametrize(("big_code", "window"), [(False, None), (False, 16), (True, None)])
def test_attention_by_documents_is_attention_under_the_mask(recipe, big_code, window):
    """Losses and gradients, with documents of one position, of a row, and between."""
    shape = BIG_CODE if big_code else replace(recipe.model, window_tokens=window)
    lengths = [[1, 39, 88], [128], [64, 63, 1]]
    documents = torch.stack([torch.arange(len(row)).repeat_interleave(torch.tensor(row)) for row in lengths])
    positions = torch.stack([torch.cat([torch.arange(n) for n in row]) for row in lengths])
    ids = torch.randint(10, 600, (3, 128))
    found = []
    for attention in ("sdpa", "documents"):
        objective = NextTokenLoss(make_model(shape, seed=3))
        set_up(objective, Execution(attention=attention), on_gpu=False)
        loss = objective(ids, positions, documents, ids.roll(-1, 1))
        loss.backward()
        found.append((loss, torch.cat([p.grad.flatten() for p in objective.parameters()])))
    torch.testing.assert_close(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1], atol=2e-3, rtol=1e-3)


def test_a_checkpoint_does_not_say_how_attention_was_computed(recipe, finished):
    config = json.loads((list_checkpoints(finished)[-1] / "config.json").read_text())
    assert "documents" not in str(config)
    assert AutoModelForCausalLM.from_pretrained(list_checkpoints(finished)[-1]).config.vocab_size == 640


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile:UserWarning")
def test_flex_attention_hides_what_sdpa_hides(recipe):
    """Losses alone: on a CPU flex attention has no backward pass."""
    shape = replace(recipe.model, window_tokens=16)
    documents = torch.tensor([[0] * 40 + [1] * 88, [0] * 128])
    positions = torch.cat([torch.arange(40), torch.arange(88), torch.arange(128)]).view(2, 128)
    ids = torch.randint(10, 600, (2, 128))
    objective = NextTokenLoss(make_model(shape, seed=3))
    with torch.no_grad(), torch.compiler.set_stance("force_eager"):
        expected = objective(ids, positions, documents, ids.roll(-1, 1))
        objective.model.set_attn_implementation("flex_attention")
        objective.mask_of = flex_mask
        found = objective(ids, positions, documents, ids.roll(-1, 1))
        objective.mask_of = lambda documents, _: flex_mask(documents, None)
        without_window = objective(ids, positions, documents, ids.roll(-1, 1))
    torch.testing.assert_close(found, expected)
    assert abs(without_window - expected) > 1e-3


def test_flex_attention_is_refused_where_it_cannot_train(recipe):
    flex = Execution(attention="flex")
    with pytest.raises(ExecutionError, match="cannot be trained with on a CPU; leave out --attention flex"):
        set_up(NextTokenLoss(make_model(recipe.model, seed=0)), flex, on_gpu=False)
    with pytest.raises(ExecutionError, match="this architecture has no flex attention"):
        set_up(NextTokenLoss(make_model(BIG_CODE, seed=0)), flex, on_gpu=True)


@pytest.fixture
def longer(recipe):
    """The long-context stage of the small recipe."""
    return replace(
        recipe,
        model=replace(recipe.model, context_tokens=256, rope_base=100_000.0, window_tokens=128),
        data=replace(recipe.data, row_tokens=256),
        budget=replace(recipe.budget, tokens=8 * 1024),
    )


def test_long_context_stage_goes_on_from_the_weights_of_the_stage_before(finished, longer, files, tmp_path):
    start, run = list_checkpoints(finished)[-1], tmp_path / "run"
    prepare(longer, RunLayout(root=run), files)
    train(longer, run, start=start)
    rows = read_metrics(run / "metrics.csv")
    assert rows[0].loss < read_metrics(finished / "metrics.csv")[0].loss - 0.5
    config = AutoModelForCausalLM.from_pretrained(list_checkpoints(run)[-1]).config
    assert config.rope_parameters["rope_theta"] == 100_000.0
    assert (config.max_position_embeddings, config.sliding_window) == (256, 128)
    whole = losses(run)
    shutil.rmtree(run / "checkpoint-000008")
    train(longer, run, start=start)
    assert losses(run) == whole
    with pytest.raises(CheckpointMismatchError, match=r"made with another beginning \(--from\)"):
        train(longer, run)
    with pytest.raises(CheckpointMismatchError, match=r"made with another beginning \(--from\)"):
        train(longer, run, start=list_checkpoints(finished)[0])
    assert len(read_state(list_checkpoints(run)[-1]).start) == 16


def test_weights_of_another_shape_or_tokenizer_are_no_beginning(recipe, finished, run, tmp_path):
    start = list_checkpoints(finished)[-1]
    wider = replace(recipe, model=replace(recipe.model, feed_forward=256))
    with pytest.raises(CheckpointMismatchError, match=r"not of the shape that this recipe has .*c_fc"):
        train(wider, run, start=start)
    copy = tmp_path / "copy"
    shutil.copytree(start, copy)
    tokenizer = json.loads((copy / "tokenizer.json").read_text())
    tokenizer["model"]["merges"].pop()
    (copy / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(CheckpointMismatchError, match="its tokenizer is not the one that made these shards"):
        train(recipe, run, start=copy)
    shutil.copy(start / "tokenizer.json", copy)
    (copy / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(ExportError, match="its weights cannot be read"):
        train(recipe, run, start=copy)
    for folder in (tmp_path / "missing", finished):
        with pytest.raises(ExportError, match="is no model; name a folder checkpoint-… of a run"):
            train(recipe, run, start=folder)


@pytest.mark.parametrize(
    "refusal",
    [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), "a real one"],
    ids=["Python", "GPU", "CPU"],
)
def test_memory_that_does_not_suffice_says_what_to_lower(recipe, run, monkeypatch, refusal):
    def refuse(*_):
        if isinstance(refusal, Exception):
            raise refusal
        torch.empty(1 << 60)

    monkeypatch.setattr(training.loop, "summed_loss", refuse)
    with pytest.raises(
        OutOfMemoryError, match=r"at update 1 for 4 rows of 128 tokens .* --micro-batch-rows 2"
    ):
        train(recipe, run)
    with pytest.raises(OutOfMemoryError, match="run it again with --recompute"):
        train(accumulating(recipe), run)


def test_memory_that_does_not_suffice_for_a_measure_says_what_to_lower(recipe, run, monkeypatch):
    honest, rows = training.loop.summed_loss, []

    def refuse(model, batch, device):
        if not torch.is_grad_enabled():
            rows.append(len(batch.ids))
            torch.empty(1 << 60)
        return honest(model, batch, device)

    monkeypatch.setattr(training.loop, "summed_loss", refuse)
    with pytest.raises(OutOfMemoryError, match=r"at update 4 for 1 rows .* with --recompute"):
        train(accumulating(recipe), run)
    assert rows == [1], "as many at a time as in an update"


@pytest.mark.parametrize("part", ["training.run.make_model", "training.loop.Journal"])
def test_memory_that_does_not_suffice_for_the_model_says_so(recipe, run, monkeypatch, part):
    monkeypatch.setattr(part, lambda *_, **__: torch.empty(1 << 60))
    with pytest.raises(OutOfMemoryError, match=r"did not suffice for the model .* smaller model"):
        train(recipe, run)


def test_other_errors_of_torch_are_not_taken_for_want_of_memory(recipe, run, monkeypatch):
    monkeypatch.setattr(training.loop, "summed_loss", lambda *_: torch.ones(2) @ torch.ones(3))
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        train(recipe, run)


def test_events_for_tensorboard_hold_what_the_table_holds(finished):
    events = EventAccumulator(str(finished / "tensorboard")).Reload()
    rows = read_metrics(finished / "metrics.csv")
    found = events.Scalars("loss/training")
    assert [event.step for event in found] == [row.update for row in rows]
    assert [event.value for event in found] == pytest.approx([row.loss for row in rows])
    assert [event.step for event in events.Scalars("loss/held-out bits per byte")] == [4, 8, 12]


def test_operations_of_a_token_are_those_counted_by_hand():
    shape = replace(find_preset("5m").shape, window_tokens=100)
    matrices = 4 * (2 * 256 * 256 + 2 * 256 * 128 + 2 * 256 * 1024)
    vectors = 4 * (256 + 2 * 128 + 256 + 1024 + 256 + 4 * 256) + 2 * 256
    by_hand = 6 * (8192 * 256 + matrices + vectors) + 12 * 4 * 256 * 100
    assert flops_per_token(make_model(shape, seed=0), 512) == by_hand
    positions = 128 * 64
    assert flops_per_token(make_model(BIG_CODE, seed=0), 128) == (
        6 * (sum(p.numel() for p in make_model(BIG_CODE, seed=0).parameters()) - positions)
        + 12 * 2 * 64 * 128
    )


def test_peak_of_a_processor_is_measured():
    assert 1e8 < (peak_flops(torch.device("cpu")) or 0) < 1e14
