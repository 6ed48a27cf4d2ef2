"""From a base and files to a tuned model: what changes, what does not, and what is refused."""

from __future__ import annotations

import errno
import json
import math
import shutil
import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import training.loop
from assistant.context.selection import LEAST_CONTEXT_TOKENS
from assistant.fim import FimOrder
from assistant.quantize import GgufType
from attribution.errors import MissingExtraError
from tests.training.conftest import library_files
from tests.training.family import save_random
from tests.training.tuning import SMALL, losses, opened, tuned
from training.checkpoint import list_checkpoints
from training.errors import (
    AdapterError,
    BaseModelError,
    CheckpointMismatchError,
    CheckpointWriteError,
    DivergedError,
    EmptyCorpusError,
    TokenizerError,
)
from training.export import export_gguf
from training.finetuning import adapters
from training.finetuning.adapters import ADAPTER_FILE, TARGETS, attach, load_model, merge_adapter
from training.finetuning.base import open_base
from training.finetuning.recipe import NAMES_FROM_TOKENS, RECIPES, AdapterShape, Method, Purpose
from training.finetuning.repository import Choice, OwnRepository, choose, pack
from training.gguf_import import import_gguf
from training.recipes.big_code import BigCodeShape
from training.recipes.recipe import ModelShape
from training.served import LlamaModel
from training.tokenizer import load_tokenizer

CPU = torch.device("cpu")
SHAPES = {
    "starcoder2": ModelShape(
        layers=2, hidden=64, feed_forward=128, heads=4, kv_heads=2, context_tokens=128, vocabulary=640
    ),
    "starcoder": BigCodeShape(
        layers=2, hidden=64, feed_forward=128, heads=4, context_tokens=128, vocabulary=640, end_of_text=0
    ),
}
CODE = Path(__file__).read_text("utf-8")


@pytest.fixture(scope="session")
def files():
    """Real files, as of a repository under MIT."""
    return tuple(file for folder in ("json", "html", "logging") for file in library_files(folder, "own"))


@pytest.fixture(scope="session")
def own(files):
    """The same without a licence of their own."""
    return tuple(
        replace(
            file,
            origin=replace(file.origin, url="https://example.org/own", license=type(file.origin.license)()),
        )
        for file in files
    )


@pytest.fixture(scope="session", params=sorted(SHAPES))
def base(request, tmp_path_factory):
    """A folder of each architecture, with random weights."""
    folder = tmp_path_factory.mktemp("base") / request.param
    return save_random(folder, SHAPES[request.param], request.param)


@pytest.fixture(scope="session")
def starcoder2(tmp_path_factory):
    return save_random(tmp_path_factory.mktemp("base") / "starcoder2", SHAPES["starcoder2"], "starcoder2")


@pytest.fixture(scope="session")
def run(starcoder2, own, tmp_path_factory):
    """A finished run with LoRA: 6 updates, checkpoints after 3 and 6."""
    out = tmp_path_factory.mktemp("run") / "own"
    tuned(starcoder2, out, own)
    return out


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def logits(folder: Path) -> torch.Tensor:
    ids = load_tokenizer(folder / "tokenizer.json").encode(CODE, add_special_tokens=False).ids[:100]
    with torch.no_grad():
        return AutoModelForCausalLM.from_pretrained(folder)(torch.tensor([ids])).logits


def test_gguf_file_becomes_the_checkpoint_that_it_was_made_of(base, tmp_path):
    export_gguf(base, tmp_path / "model.gguf", gguf_type=GgufType.F32)
    import_gguf(tmp_path / "model.gguf", tmp_path / "folder")
    before, after = weights(base), weights(tmp_path / "folder")
    assert before.keys() - {"lm_head.weight"} == after.keys()
    assert all(torch.equal(after[name], before[name]) for name in after)
    tokenizers = [load_tokenizer(folder / "tokenizer.json") for folder in (base, tmp_path / "folder")]
    one, other = (t.encode(CODE + "<fim_middle> é 12", add_special_tokens=False).ids for t in tokenizers)
    assert one == other
    assert torch.allclose(logits(base), logits(tmp_path / "folder"), atol=1e-4)


def test_adapters_are_on_every_linear_layer_but_the_head(base):
    model = load_model(opened(base), Method.LORA, CPU)
    linear = {n.rpartition(".")[2] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    assert linear - {"lm_head"} == set(TARGETS[model.config.model_type])
    attach(model, AdapterShape(rank=4), base=base, seed=0)
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)


@pytest.mark.parametrize("method", list(Method))
def test_every_method_learns_and_leaves_a_model_that_llama_cpp_serves(base, own, tmp_path, method):
    result = tuned(base, tmp_path / "run", own, method=method)
    assert result.bits_per_byte < result.base_bits_per_byte - 0.05
    before, after = weights(base), weights(tmp_path / "run" / "merged")
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    targets = TARGETS[json.loads((base / "config.json").read_text())["model_type"]]
    adapted = {name for name in before if name.endswith(".weight") and name.split(".")[-2] in targets}
    assert changed == (adapted if method.has_adapter else set(before))
    model = LlamaModel(tmp_path / "run" / "model.gguf", threads=1)
    assert len([*zip(range(4), model.greedy([1, 3, 2, *model.encode(b"import ")]), strict=False)]) == 4
    model.close()


def test_checkpoint_of_an_adapter_does_not_hold_its_base(run, starcoder2):
    stored = weights(list_checkpoints(run)[-1])
    assert stored
    assert all("lora_" in name for name in stored)


def test_merged_model_computes_what_peft_does_with_base_and_adapter(run, starcoder2):
    """PEFT itself is the oracle, from the folder that it would have saved."""
    from peft import PeftModel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = PeftModel.from_pretrained(
            AutoModelForCausalLM.from_pretrained(starcoder2), str(run / "adapter")
        )
    ids = load_tokenizer(starcoder2 / "tokenizer.json").encode(CODE, add_special_tokens=False).ids[:100]
    with torch.no_grad():
        wanted = model.eval()(torch.tensor([ids])).logits
    assert torch.allclose(logits(run / "merged"), wanted, atol=1e-4)
    assert not torch.allclose(logits(starcoder2), wanted, atol=1e-2)


class _Killed(BaseException):
    """Nobody catches it."""


@pytest.mark.parametrize("method", [Method.FULL, Method.LORA, Method.QLORA_4BIT])
def test_run_that_was_stopped_goes_on_to_the_same_bits(starcoder2, own, tmp_path, monkeypatch, method):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    recipe = replace(SMALL, adapter=AdapterShape(rank=4, dropout=0.1))
    tuned(starcoder2, whole, own, method=method, recipe=recipe)
    take_step = training.loop.take_step

    def until_killed(*arguments, update, **options):
        if update == 4:
            raise _Killed
        return take_step(*arguments, update=update, **options)

    with monkeypatch.context() as patch, pytest.raises(_Killed):
        patch.setattr(training.loop, "take_step", until_killed)
        tuned(starcoder2, stopped, own, method=method, recipe=recipe)
    assert [path.name for path in list_checkpoints(stopped)] == ["checkpoint-000003"]
    tuned(starcoder2, stopped, own, method=method, recipe=recipe)
    assert losses(stopped) == losses(whole)
    before, after = weights(whole / "merged"), weights(stopped / "merged")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_activations_can_be_computed_twice_instead_of_kept(run, starcoder2, own, tmp_path):
    tuned(starcoder2, tmp_path / "run", own, recompute=True)
    assert losses(tmp_path / "run") == losses(run)


def test_gguf_file_can_be_tuned(starcoder2, own, tmp_path):
    export_gguf(starcoder2, tmp_path / "base.gguf", gguf_type=GgufType.Q8_0)
    result = tuned(tmp_path / "base.gguf", tmp_path / "run", own)
    assert result.bits_per_byte < result.base_bits_per_byte
    (tmp_path / "base.gguf").write_bytes((tmp_path / "run" / "model.gguf").read_bytes())
    with pytest.raises(CheckpointMismatchError, match="base was"):
        tuned(tmp_path / "base.gguf", tmp_path / "run", own)


def test_rows_are_read_in_the_order_in_which_the_model_is_asked(run, starcoder2):
    """Suffix first and without names, for so short a context; what is held out is as it was written."""
    from training.data.shards import PackedRows
    from training.tokenizer import control_ids, fingerprint

    tokenizer = load_tokenizer(starcoder2 / "tokenizer.json")
    ids = control_ids(tokenizer)
    rows = PackedRows(run / "shards" / "train", tokenizer=fingerprint(tokenizer))
    tokens = rows.batch(np.arange(len(rows))).ids.ravel().tolist()
    assert {ids.fim_prefix, ids.fim_middle, ids.fim_suffix} <= set(tokens)
    assert not {ids.repo_name, ids.file_separator} & set(tokens)
    behind_prefix = {after for before, after in pairwise(tokens) if before == ids.fim_prefix}
    assert behind_prefix == {ids.fim_suffix}, FimOrder.SPM
    held_out = PackedRows(run / "shards" / "held-out", tokenizer=fingerprint(tokenizer))
    assert ids.fim_middle not in held_out.batch(np.arange(len(held_out))).ids


def test_rows_of_a_base_with_room_for_other_files_show_repositories_too(starcoder2, own):
    """Gaps in both orders, and names of repositories and files."""
    from training.tokenizer import control_ids

    tokenizer = load_tokenizer(starcoder2 / "tokenizer.json")
    ids = control_ids(tokenizer)
    chosen = choose([OwnRepository(files=own, license="MIT")], Choice(), frozenset())
    tokens = [token for document in pack(chosen.learned, tokenizer, SMALL) for token in document]
    assert {ids.fim_prefix, ids.fim_middle, ids.fim_suffix, ids.repo_name, ids.file_separator} <= set(tokens)
    behind_prefix = {after for before, after in pairwise(tokens) if before == ids.fim_prefix}
    assert ids.fim_suffix in behind_prefix
    assert behind_prefix != {ids.fim_suffix}


# what is refused


def copied(base: Path, target: Path) -> Path:
    return Path(shutil.copytree(base, target))


def test_base_that_is_none_is_refused_with_one_sentence(starcoder2, tmp_path):
    with pytest.raises(BaseModelError, match="there is no such file or folder; name a GGUF file"):
        open_base(tmp_path / "missing", imported=tmp_path / "imported")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BaseModelError, match=r"it has no config\.json"):
        open_base(tmp_path / "empty", imported=tmp_path / "imported")
    (tmp_path / "noise.gguf").write_bytes(b"GGUF" + bytes(range(256)))
    with pytest.raises(BaseModelError, match="cannot be read as GGUF"):
        open_base(tmp_path / "noise.gguf", imported=tmp_path / "imported")
    assert not (tmp_path / "imported").exists()


def test_base_without_its_tokenizer_is_refused(starcoder2, tmp_path):
    base = copied(starcoder2, tmp_path / "base")
    (base / "tokenizer.json").unlink()
    with pytest.raises(BaseModelError, match=r"it has no tokenizer\.json; copy it there"):
        opened(base)


def test_base_with_a_tokenizer_of_another_size_is_refused(starcoder2, tmp_path):
    from tests.training.family import starcoder2_tokenizer
    from training.tokenizer import save_tokenizer

    base = copied(starcoder2, tmp_path / "base")
    save_tokenizer(starcoder2_tokenizer(512), base / "tokenizer.json")
    with pytest.raises(
        BaseModelError, match=r"does not belong to it \(it has 512 ids and the model 640\); copy"
    ):
        opened(base)


def test_base_that_cannot_fill_in_the_middle_is_refused(starcoder2, tmp_path):
    base = copied(starcoder2, tmp_path / "base")
    text = (base / "tokenizer.json").read_text("utf-8")
    (base / "tokenizer.json").write_text(text.replace("<fim_middle>", "<other>"), "utf-8")
    with pytest.raises(TokenizerError, match="no fill-in-the-middle tokens"):
        opened(base)


def test_cut_weights_are_refused(starcoder2, tmp_path):
    base = copied(starcoder2, tmp_path / "base")
    content = (base / "model.safetensors").read_bytes()
    (base / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(BaseModelError, match="its weights cannot be read"):
        opened(base)


def test_repository_without_code_is_refused_with_what_was_left_out(starcoder2, own, tmp_path):
    with pytest.raises(EmptyCorpusError, match=r"no file is left for the training split \(no file came\)"):
        tuned(starcoder2, tmp_path / "run", ())
    with pytest.raises(EmptyCorpusError, match="no file is left for the held-out split"):
        tuned(starcoder2, tmp_path / "one", own[:1])
    assert not list_checkpoints(tmp_path / "run")


def test_adapter_of_another_shape_is_refused(run, tmp_path):
    wider = replace(SHAPES["starcoder2"], hidden=128)
    base = save_random(tmp_path / "wider", wider, "starcoder2")
    with pytest.raises(
        AdapterError, match=r"and the base wants it of shape .*; name the base that the adapter"
    ):
        merge_adapter(opened(base), run / "adapter", tmp_path / "merged")
    deeper = save_random(tmp_path / "deeper", replace(SHAPES["starcoder2"], layers=3), "starcoder2")
    with pytest.raises(AdapterError, match=r"layers\.2\..* is absent"):
        merge_adapter(opened(deeper), run / "adapter", tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_adapter_that_is_none_is_refused(run, starcoder2, tmp_path):
    with pytest.raises(AdapterError, match=r"no readable adapter_config\.json"):
        merge_adapter(opened(starcoder2), tmp_path, tmp_path / "merged")
    adapter = copied(run / "adapter", tmp_path / "adapter")
    tensors = load_file(adapter / ADAPTER_FILE)
    save_file({name: torch.full_like(t, math.nan) for name, t in tensors.items()}, adapter / ADAPTER_FILE)
    with pytest.raises(AdapterError, match="are no numbers"):
        merge_adapter(opened(starcoder2), adapter, tmp_path / "merged")
    (adapter / ADAPTER_FILE).write_bytes(b"noise")
    with pytest.raises(AdapterError, match="its weights cannot be read"):
        merge_adapter(opened(starcoder2), adapter, tmp_path / "merged")


@pytest.mark.parametrize(
    ("field", "value"),
    [("alpha_pattern", {"q_proj": 64}), ("init_lora_weights", "pissa"), ("use_rslora", True)],
)
def test_adapter_that_adds_something_else_than_a_product_is_refused(run, starcoder2, tmp_path, field, value):
    adapter = copied(run / "adapter", tmp_path / "adapter")
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | {field: value}))
    with pytest.raises(AdapterError, match=rf"no plain LoRA adapter \({field}"):
        merge_adapter(opened(starcoder2), adapter, tmp_path / "merged")


def test_run_is_not_gone_on_with_over_rows_that_were_made_anew_of_other_files(run, starcoder2, own, tmp_path):
    again = copied(run, tmp_path / "run")
    shutil.rmtree(again / "shards")
    with pytest.raises(CheckpointMismatchError, match="made with another data than this run has"):
        tuned(starcoder2, again, own[:-3])


def test_rows_that_were_made_anew_of_the_same_files_are_gone_on_with(run, starcoder2, own, tmp_path):
    again = copied(run, tmp_path / "run")
    shutil.rmtree(again / "shards" / "train")
    assert tuned(starcoder2, again, own).updates == 6


def test_same_seed_drops_out_the_same_of_a_base_that_does(starcoder2, own, tmp_path):
    base = copied(starcoder2, tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"residual_dropout": 0.1}))
    first, second = tmp_path / "first", tmp_path / "second"
    for out in (first, second):
        tuned(base, out, own, method=Method.FULL)
    assert losses(first) == losses(second)
    tuned(starcoder2, tmp_path / "without", own, method=Method.FULL)
    assert losses(first) != losses(tmp_path / "without")


def test_run_is_not_gone_on_with_under_other_settings(run, starcoder2, own, tmp_path):
    again = copied(run, tmp_path / "run")
    with pytest.raises(CheckpointMismatchError, match=r"rate was 0\.01 and is 0\.02"):
        tuned(starcoder2, again, own, recipe=replace(SMALL, rate=2e-2))


def test_loss_that_is_no_number_stops_the_run_and_keeps_the_last_checkpoint(
    starcoder2, own, tmp_path, monkeypatch
):
    accumulate = training.loop.accumulate_gradients
    calls: list[int] = []

    def poisoned(*arguments):
        loss, norm = accumulate(*arguments)
        calls.append(1)
        return (math.nan if len(calls) == 5 else loss), norm

    monkeypatch.setattr(training.loop, "accumulate_gradients", poisoned)
    with pytest.raises(DivergedError, match=r"update 5, rows 16 to 19 .*checkpoint-000003"):
        tuned(starcoder2, tmp_path / "run", own)


def test_full_disk_while_merging_leaves_the_adapter_and_says_so(run, starcoder2, own, tmp_path, monkeypatch):
    again = copied(run, tmp_path / "run")
    before = weights(again / "merged")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(adapters.shutil, "copyfile", full)
        with pytest.raises(CheckpointWriteError, match="No space left on device"):
            tuned(starcoder2, again, own)
    assert {path.name for path in again.iterdir()} == {path.name for path in run.iterdir()}
    assert all(torch.equal(before[name], w) for name, w in weights(again / "merged").items())


@pytest.mark.parametrize(("missing", "method"), [("peft", Method.LORA), ("bitsandbytes", Method.QLORA_4BIT)])
def test_missing_package_is_one_sentence_that_names_the_extra(
    starcoder2, own, tmp_path, monkeypatch, missing, method
):
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"sc-attrib\[finetune\]"):
        tuned(starcoder2, tmp_path / "run", own, method=method)


def test_a_base_too_short_for_other_files_learns_what_an_editor_will_ask_it() -> None:
    published = RECIPES[Purpose.REPOSITORY]
    short, long = (published.fitted(context) for context in (512, LEAST_CONTEXT_TOKENS))
    assert (short.psm_rate, short.line_rate, short.names_repositories) == (0.0, 1.0, False)
    assert (long.psm_rate, long.line_rate, long.names_repositories) == (0.5, 0.5, True)
    assert NAMES_FROM_TOKENS == LEAST_CONTEXT_TOKENS
