from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from training.checkpoint import list_checkpoints, save_checkpoint
from training.data.prepare import RunLayout
from training.data.sharded import prepared_corpus
from training.errors import (
    CheckpointDamagedError,
    CheckpointMismatchError,
    CheckpointWriteError,
    DivergedError,
    EmptyCorpusError,
    TokenizerError,
)
from training.loop import rows_of_update
from training.metrics import MetricsLog, read_metrics
from training.run import open_data, run_recipe


def metrics(run):
    """What a run measured, without what depends on the clock; NaN made comparable."""
    return [repr(replace(row, tokens_per_second=0.0)) for row in read_metrics(run / "metrics.csv")]


def weights(run):
    return (list_checkpoints(run)[-1] / "model.safetensors").read_bytes()


@pytest.fixture
def run(prepared, tmp_path):
    root = tmp_path / "run"
    shutil.copytree(prepared, root)
    return root


def train(recipe, run, **budget):
    return run_recipe(
        replace(recipe, budget=replace(recipe.budget, **budget)), run, files=list, progress=False
    )


def test_run_leaves_checkpoints_metrics_and_a_plot(finished):
    assert [p.name for p in list_checkpoints(finished)] == ["checkpoint-000008", "checkpoint-000012"]
    assert len(read_metrics(finished / "metrics.csv")) == 12
    assert (finished / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_run_learns(finished):
    rows = read_metrics(finished / "metrics.csv")
    assert rows[-1].loss < rows[0].loss - 0.5
    assert rows[-1].held_out_bits_per_byte < rows[3].held_out_bits_per_byte


def test_resumed_run_has_the_losses_and_weights_of_one_that_was_never_stopped(recipe, finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    shutil.rmtree(run / "checkpoint-000012")
    (run / "checkpoint-000012.partial").mkdir()
    train(recipe, run)
    assert metrics(run) == metrics(finished)
    assert weights(run) == weights(finished)


_CHILD = """
import sys, torch
from pathlib import Path
from conftest import SMALL
from training.run import run_recipe
torch.set_num_threads(1)
run_recipe(SMALL, Path(sys.argv[1]), files=list, progress=False)
"""


def test_run_that_is_killed_goes_on_to_the_same_bits(recipe, finished, run):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(Path(__file__).parent)]),
    }
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(run)], env=environment)
    deadline = time.monotonic() + 60
    while not list_checkpoints(run) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert child.returncode == -signal.SIGKILL
    train(recipe, run)
    assert metrics(run) == metrics(finished)
    assert weights(run) == weights(finished)


def test_finished_run_that_is_started_again_changes_nothing(recipe, finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    train(recipe, run)
    assert metrics(run) == metrics(finished)
    assert weights(run) == weights(finished)


def test_accumulated_micro_batches_give_the_loss_of_the_whole_batch(recipe, finished, run):
    train(recipe, run, micro_batch_rows=1)
    whole, parts = (read_metrics(r / "metrics.csv") for r in (finished, run))
    assert [r.loss for r in parts] == pytest.approx([r.loss for r in whole], abs=1e-4)
    assert parts[0].gradient_norm == pytest.approx(whole[0].gradient_norm, rel=1e-5)


def test_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(recipe, run, monkeypatch):
    import training.loop

    honest, calls = training.loop.summed_loss, []

    def poisoned(model, batch, device):
        calls.append(1)
        loss = honest(model, batch, device)
        return loss * float("nan") if len(calls) == 6 else loss

    monkeypatch.setattr(training.loop, "summed_loss", poisoned)
    with pytest.raises(
        DivergedError, match=r"at update 6, rows 20 to 23 .* is .*checkpoint-000004; .* in another folder"
    ):
        train(recipe, run, validate_every=100)
    assert [p.name for p in list_checkpoints(run)] == ["checkpoint-000004"]
    tensors = load_file(list_checkpoints(run)[-1] / "model.safetensors")
    assert all(torch.isfinite(t).all() for t in tensors.values())


def test_full_disk_leaves_the_previous_checkpoint_whole(recipe, run, monkeypatch):
    import training.checkpoint

    honest = training.checkpoint.save_file

    def full(tensors, path, **options):
        if "000008" in str(path):
            raise OSError(28, "No space left on device")
        honest(tensors, path, **options)

    monkeypatch.setattr(training.checkpoint, "save_file", full)
    with pytest.raises(CheckpointWriteError, match=r"checkpoint-000008 could not be saved \(No space left"):
        train(recipe, run)
    assert [p.name for p in run.glob("checkpoint-*")] == ["checkpoint-000004"]
    monkeypatch.undo()
    assert train(recipe, run).state.update == 12


@pytest.mark.parametrize("part", ["model", "data"])
def test_checkpoint_of_another_recipe_is_refused(recipe, finished, tmp_path, part):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    if part == "model":
        other = replace(recipe, model=replace(recipe.model, layers=1))
    else:
        other = replace(recipe, data=replace(recipe.data, fim_rate=0.1))
    with pytest.raises(CheckpointMismatchError, match=r"made (with|by) another"):
        train(other, run)


def other_seed(recipe):
    return replace(recipe, seed=7)


def other_rates(recipe):
    return replace(recipe, optimizer=replace(recipe.optimizer, matrix_rate=0.5))


def other_batch(recipe):
    return replace(recipe, budget=replace(recipe.budget, batch_rows=2, micro_batch_rows=2))


@pytest.mark.parametrize("change", [other_seed, other_rates, other_batch])
def test_run_is_not_resumed_with_what_would_not_be_the_same_run(recipe, finished, tmp_path, change):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    with pytest.raises(
        CheckpointMismatchError, match="made with another seed, optimiser or batch size than this run has"
    ):
        train(change(recipe), run)


def test_budget_may_change_while_a_run_is_under_way(recipe, finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    assert train(recipe, run, tokens=14 * 512).state.update == 14


def test_checkpoint_that_does_not_say_how_it_was_updated_is_refused(recipe, finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    for path in run.glob("checkpoint-*/state.json"):
        state = json.loads(path.read_text())
        del state["update_rule"]
        path.write_text(json.dumps(state))
    with pytest.raises(
        CheckpointMismatchError,
        match="did not record seed, optimiser and batch size; start in another folder",
    ):
        train(recipe, run)


def test_checkpoint_of_another_tokenizer_is_refused(recipe, finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    for state in run.glob("checkpoint-*/state.json"):
        state.write_text(state.read_text().replace('"tokenizer": "', '"tokenizer": "0'))
    with pytest.raises(CheckpointMismatchError, match="another tokenizer"):
        train(recipe, run)


def test_tokenizer_of_another_size_is_refused(recipe, prepared):
    other = replace(recipe, model=replace(recipe.model, vocabulary=1280))
    with pytest.raises(TokenizerError, match="has 640 ids and the recipe 1280"):
        open_data(other, prepared_corpus(RunLayout(root=prepared), other.data))


def test_cut_weights_are_refused_and_named(recipe, finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    path = run / "checkpoint-000012" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointDamagedError, match=r"model\.safetensors is not what was written"):
        train(recipe, run)
    (run / "checkpoint-000012" / "SHA256SUMS").unlink()  # as earlier versions left it
    with pytest.raises(CheckpointDamagedError, match="weights cannot be read"):
        train(recipe, run)


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "tokenizer.json"])
def test_one_changed_bit_of_a_checkpoint_is_found_and_the_one_before_is_gone_on_from(
    recipe, finished, tmp_path, name
):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    path = run / "checkpoint-000012" / name
    content = bytearray(path.read_bytes())
    content[-500] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointDamagedError, match=f"{name} is not what was written; delete that"):
        train(recipe, run)
    shutil.rmtree(path.parent)
    train(recipe, run)
    assert metrics(run) == metrics(finished)
    assert weights(run) == weights(finished)


def test_checksums_are_those_of_every_other_file_as_sha256sum_reads_them(finished):
    checkpoint = list_checkpoints(finished)[-1]
    lines = (checkpoint / "SHA256SUMS").read_text().splitlines()
    others = [path for path in checkpoint.iterdir() if path.name != "SHA256SUMS"]
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in others}
    assert lines == [f"{found[name]}  {name}" for name in sorted(found)]


@pytest.mark.parametrize("name", ["checkpoint-000012-backup", "checkpoint-best", "checkpoint-000012.partial"])
def test_folder_that_a_user_put_beside_the_checkpoints_is_left_alone(recipe, finished, tmp_path, name):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    shutil.copytree(run / "checkpoint-000012", run / name)
    train(recipe, run, tokens=20 * 512)
    assert [p.name for p in list_checkpoints(run)] == ["checkpoint-000016", "checkpoint-000020"]
    assert (run / name).is_dir()


def drop_embedding(tensors):
    del tensors["model.embed_tokens.weight"]


def drop_norm(tensors):
    del tensors["model.norm.weight"]


def widen_norm(tensors):
    tensors["model.norm.weight"] = torch.zeros(65)


def drop_random_state(tensors):
    del tensors["random_state"]


def drop_momentum(tensors):
    del tensors["muon/model.layers.0.mlp.c_fc.weight/momentum"]


def drop_second_moment(tensors):
    del tensors["adamw/model.norm.weight/exp_avg_sq"]


def widen_momentum(tensors):
    tensors["muon/model.layers.0.mlp.c_fc.weight/momentum"] = torch.zeros(3, 3)


def add_nonsense(tensors):
    tensors["nonsense"] = torch.zeros(1)


def add_optimizer(tensors):
    tensors["sgd/model.norm.weight/momentum"] = torch.zeros(64)


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("model", drop_embedding, "its weights are not those"),
        ("model", drop_norm, "its weights are not those"),
        ("model", widen_norm, "its weights are not those"),
        ("optimizer", drop_random_state, "its optimiser state is not that"),
        ("optimizer", drop_momentum, "its optimiser state is not that"),
        ("optimizer", drop_second_moment, "its optimiser state is not that"),
        ("optimizer", widen_momentum, "its optimiser state is not that"),
        ("optimizer", add_nonsense, "its optimiser state is not that"),
        ("optimizer", add_optimizer, "its optimiser state is not that"),
    ],
)
def test_tensors_of_another_model_are_refused(recipe, finished, tmp_path, file, damage, message):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    path = run / "checkpoint-000012" / f"{file}.safetensors"
    tensors = load_file(path)
    damage(tensors)
    save_file(tensors, path)
    path.with_name("SHA256SUMS").unlink()  # as earlier versions left it
    with pytest.raises(CheckpointMismatchError, match=f"{message} of this model; start in another folder"):
        train(recipe, run)


def test_corpus_without_a_file_says_why(recipe, tmp_path):
    with pytest.raises(EmptyCorpusError, match=r"no file is left for the training split \(no file came\)"):
        run_recipe(recipe, tmp_path / "run", files=list, progress=False)


def test_every_epoch_visits_every_row_once_in_an_order_of_its_own():
    epochs = [
        [r for u in range(e * 5, e * 5 + 5) for r in rows_of_update(u, 20, batch_rows=4, seed=7)]
        for e in (0, 1)
    ]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(20))
    assert epochs[0] != epochs[1]


def test_batch_may_span_two_epochs():
    rows = [r for u in range(5) for r in rows_of_update(u, 10, batch_rows=4, seed=7)]
    assert sorted(rows) == sorted([*range(10)] * 2)


def test_metrics_cut_anywhere_hold_the_whole_lines_before_the_cut(finished, tmp_path):
    content = (finished / "metrics.csv").read_bytes()
    whole, path = read_metrics(finished / "metrics.csv"), tmp_path / "metrics.csv"
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        lines = max(0, content[:size].count(b"\n") - 1)
        assert repr(read_metrics(path)) == repr(whole[:lines])


@pytest.mark.parametrize(
    "broken",
    [
        "3,1536,6.2\n",
        "3,x,1,1,1,1,1\n",
        "3,1536,1,1,1,1,1,1\n",
        "\0\0\0\0\n",
        '"3,\n',
        "update,tokens\n",
        "\udcff\n",
    ],
)
def test_broken_metrics_line_is_left_out_with_all_that_follow(finished, tmp_path, broken):
    lines = (finished / "metrics.csv").read_text().splitlines(keepends=True)
    path = tmp_path / "metrics.csv"
    path.write_text("".join([*lines[:3], broken, *lines[3:]]), errors="surrogateescape")
    assert [row.update for row in read_metrics(path)] == [1, 2]


def test_run_whose_metrics_were_cut_resumes(recipe, finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    shutil.rmtree(run / "checkpoint-000012")
    path = run / "metrics.csv"
    path.write_bytes(path.read_bytes().rpartition(b",")[0] + b",")
    train(recipe, run)
    assert metrics(run) == metrics(finished)


def test_metrics_survive_a_disk_that_is_full_on_resume(finished, tmp_path, monkeypatch):
    path = tmp_path / "metrics.csv"
    shutil.copy(finished / "metrics.csv", path)

    def full(self, rows):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("csv.DictWriter.writerows", full)
    with pytest.raises(OSError, match="No space left"):
        MetricsLog(path, keep_until=12)
    assert path.read_bytes() == (finished / "metrics.csv").read_bytes()


def test_checkpoint_loads_with_transformers_alone(finished):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = list_checkpoints(finished)[-1]
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.config.model_type == "starcoder2"
    assert tokenizer.decode(tokenizer("x = 1").input_ids) == "x = 1"


def test_unwritable_folder_is_one_clear_sentence(recipe, finished, tmp_path):
    from training.distributed import World
    from training.loop import _initial_state
    from training.model import make_model
    from training.optimizer import make_optimizers

    model = make_model(recipe.model, seed=0)
    state = _initial_state(
        recipe, open_data(recipe, prepared_corpus(RunLayout(root=finished), recipe.data)), ""
    )
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointWriteError, match="could not be saved"):
        save_checkpoint(
            tmp_path / "file",
            model,
            make_optimizers(model, recipe.optimizer),
            state,
            tokenizer=finished / "tokenizer.json",
            world=World(rank=0, size=1, device=torch.device("cpu")),
        )
