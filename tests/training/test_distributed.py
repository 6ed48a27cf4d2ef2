"""Two processes that train together, against one that trains alone; they talk through gloo, on the CPU."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from training.checkpoint import list_checkpoints
from training.distributed import World, portable
from training.errors import CheckpointDamagedError, CheckpointError, UnevenBatchError
from training.metrics import read_metrics
from training.run import run_recipe

HERE = Path(__file__).parent
MOST_SECONDS = 600


def start(run: Path, *options: str) -> subprocess.Popen[str]:
    """torchrun with two processes, in a session of its own."""
    program = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(HERE)])}
    return subprocess.Popen(
        [*program, str(HERE / "together.py"), str(run), *options],
        env=environment | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def train_together(run: Path) -> None:
    together = start(run)
    _, said = together.communicate(timeout=MOST_SECONDS)
    assert together.returncode == 0, said


def losses(run):
    return [row.loss for row in read_metrics(run / "metrics.csv")]


@pytest.fixture(scope="module")
def together(prepared, tmp_path_factory):
    """A run of two processes that was killed after its first checkpoint, and resumed by two."""
    run = tmp_path_factory.mktemp("together") / "run"
    shutil.copytree(prepared, run)
    killed = start(run)
    deadline = time.monotonic() + MOST_SECONDS
    while not list_checkpoints(run) and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    train_together(run)
    return run


def test_two_processes_have_the_losses_and_weights_of_one_though_they_were_killed(finished, together):
    assert losses(together) == pytest.approx(losses(finished), abs=1e-5)
    ours, theirs = (load_file(list_checkpoints(r)[-1] / "model.safetensors") for r in (together, finished))
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], atol=2e-4, rtol=1e-3, msg=name)
    held_out = [read_metrics(r / "metrics.csv")[-1].held_out_bits_per_byte for r in (together, finished)]
    assert held_out[0] == pytest.approx(held_out[1], abs=1e-5)


def test_checkpoint_of_two_processes_loads_with_transformers_and_has_the_parts_of_both(together):
    last = list_checkpoints(together)[-1]
    assert {p.name for p in (last / "sharded").iterdir()} == {".metadata", "__0_0.distcp", "__1_0.distcp"}
    model = AutoModelForCausalLM.from_pretrained(last)
    assert torch.isfinite(model(torch.tensor([[1, 2, 3]])).logits).all()


def test_one_process_goes_on_where_two_stopped(recipe, finished, together, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(together, run)
    shutil.rmtree(run / "checkpoint-000012")
    run_recipe(recipe, run, files=list, progress=False)
    assert losses(run) == pytest.approx(losses(finished), abs=1e-5)
    assert not (list_checkpoints(run)[-1] / "sharded").exists()


def test_two_processes_go_on_where_one_stopped(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    shutil.rmtree(run / "checkpoint-000012")
    train_together(run)
    assert losses(run) == pytest.approx(losses(finished), abs=1e-5)


def cut_part(folder):
    part = folder / "__1_0.distcp"
    part.write_bytes(part.read_bytes()[:5000])


def lose_part(folder):
    (folder / "__1_0.distcp").unlink()


def lose_table(folder):
    (folder / ".metadata").unlink()


@pytest.mark.parametrize("damage", [cut_part, lose_part, lose_table])
def test_damaged_shards_are_refused_and_named(recipe, together, tmp_path, damage):
    run = tmp_path / "run"
    shutil.copytree(together, run)
    damage(run / "checkpoint-000012" / "sharded")
    with pytest.raises(CheckpointDamagedError, match=r"its sharded/.*; delete that folder"):
        run_recipe(recipe, run, files=list, progress=False)
    (run / "checkpoint-000012" / "SHA256SUMS").unlink()  # as earlier versions left it
    with pytest.raises(CheckpointError, match="checkpoint-000012: its shards "):
        run_recipe(recipe, run, files=list, progress=False)


def test_what_the_main_process_meets_is_told_by_all_in_the_same_words(prepared, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(prepared, run)
    shard = run / "shards" / "train" / "00000.tokens"
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    refused = start(run)
    _, said = refused.communicate(timeout=MOST_SECONDS)
    assert refused.returncode != 0
    assert said.count(f"shard {shard}: its checksum is not the one in the manifest; delete") == 2
    assert "TypeError" not in said


def test_full_disk_leaves_the_previous_checkpoint(together, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(together, run)
    shutil.rmtree(run / "checkpoint-000012")
    before = (run / "checkpoint-000008" / "model.safetensors").read_bytes()
    limited = start(run, "100000")
    _, said = limited.communicate(timeout=MOST_SECONDS)
    assert limited.returncode != 0
    assert "CheckpointWriteError: checkpoint" in said
    assert "the previous one is intact" in said
    assert [p.name for p in run.glob("checkpoint-*")] == ["checkpoint-000008"]
    assert (run / "checkpoint-000008" / "model.safetensors").read_bytes() == before


class Unportable(Exception):
    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


def test_any_error_can_be_told_to_another_process():
    assert isinstance(portable(OSError(28, "No space left on device")), OSError)
    assert str(portable(Unportable("this", "that"))) == "Unportable: this and that"
    uneven = UnevenBatchError(rows=4, processes=3)
    assert str(pickle.loads(pickle.dumps(portable(uneven)))) == str(uneven)


def test_rows_that_processes_cannot_share_evenly_are_refused():
    world = World(rank=0, size=3, device=torch.device("cpu"))
    with pytest.raises(UnevenBatchError, match="4 rows of an update cannot be shared evenly by 3 processes"):
        world.share(np.arange(4))


def test_processes_share_the_rows_of_an_update_in_their_order():
    worlds = [World(rank=rank, size=2, device=torch.device("cpu")) for rank in (0, 1)]
    assert [world.share(np.array([7, 1, 5, 3])).tolist() for world in worlds] == [[7, 1], [5, 3]]
