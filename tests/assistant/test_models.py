"""``sc-attrib model`` as a user runs it: with a hub on loopback, on real files of real architectures."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.errors import ModelUnusableError
from assistant.facts import read_facts
from assistant.fit import ModelTooLargeError, ensure_fits, needed
from assistant.hub.catalogue import CATALOGUE
from assistant.hub.download import RemoteFile, RemoteModel, fetch
from assistant.hub.errors import HubError
from assistant.hub.store import PulledModel, folder_of, write_manifest
from assistant.models import DEFAULT_MODEL, ModelOptions, model_path, open_backend
from assistant.quantize import GgufType, quantize
from tests.assistant.hub_server import Hub, Serving
from tests.assistant.tiny_gguf import Shape as TinyShape
from tests.assistant.tiny_gguf import write_tiny_gguf

SC_ATTRIB = Path(sys.executable).with_name("sc-attrib")
OWNER = "somebody/tiny"
LICENSE = "bigcode-openrail-m"
ACCEPTED = ("--accept-license", LICENSE)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> bytes:
    """A real GGUF file, large enough to be served in parts."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.gguf"
    return write_tiny_gguf(path, shape=TinyShape(width=128, layers=2, heads=4)).read_bytes()


@pytest.fixture
def hub(tiny) -> Iterator[Hub]:
    files = {
        "tiny.f32.gguf": tiny,
        "README.md": b"---\nlicense: bigcode-openrail-m\n---\nA model.\n",
        "LICENSE": b"Use it well.\n",
        "pytorch_model.bin": b"a pickle",
    }
    card = {"license": LICENSE, "license_link": "https://example.org/terms"}
    with Serving(Hub(models={OWNER: files}, card={OWNER: card})) as served:
        yield served


@pytest.fixture
def model(tmp_path, hub):
    """Run ``sc-attrib model`` with folders of its own and that hub."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(SC_ATTRIB), "model", *words],
            env=home(tmp_path) | {"HF_ENDPOINT": hub.url} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )

    return run


def home(tmp_path: Path) -> dict[str, str]:
    folders = {name: str(tmp_path / name) for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "HF_HOME")}
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and k.upper() != "HTTP_PROXY"}
    return kept | folders | {"NO_PROXY": "127.0.0.1,localhost"}


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The last line on standard error, of a run that failed as it should."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_a_pulled_model_is_whole_completes_code_and_is_known_by_name(model, hub, tiny, tmp_path):
    done = model("pull", OWNER, *ACCEPTED)
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.strip())
    assert path.read_bytes() == tiny
    assert not (path.parent / "pytorch_model.bin").exists()
    assert (
        "https://example.org/terms" in done.stderr
        and "none of the uses that its attachment forbids" in done.stderr
    )
    assert f"{OWNER}" in model("list").stdout
    info = json.loads(model("info", "tiny", "--format", "json").stdout)
    assert info["path"] == str(path) and info["fim"]["fim_prefix"] == 1
    backend = LlamaCppBackend.open(path, ModelOptions(threads=1))
    assert backend.tokenize("return")


def test_nothing_is_fetched_before_the_licence_is_accepted(model, hub):
    said = sentence(model("pull", OWNER))
    assert said == (
        f"sc-attrib: model {OWNER}: its licence {LICENSE} was not accepted; "
        f"read it, and pull again with --accept-license {LICENSE}"
    )
    assert [path for _, path, _ in hub.asked if path.endswith(".gguf")] == []


def test_the_text_of_the_licence_is_at_hand_before_it_is_accepted(model):
    done = model("pull", OWNER)
    (path,) = [line.partition("its text: ")[2] for line in done.stderr.splitlines() if "its text: " in line]
    assert Path(path).read_bytes() == b"Use it well.\n"


def test_an_accepted_licence_is_remembered_on_this_machine(model, tmp_path):
    assert model("pull", OWNER, *ACCEPTED).returncode == 0
    record = json.loads((tmp_path / "XDG_STATE_HOME" / "sc-attrib" / "accepted-licenses.json").read_text())
    (entry,) = record["accepted"]
    assert (entry["model"], entry["license"]) == (OWNER, LICENSE) and entry["accepted_at"].endswith("+00:00")
    shutil.rmtree(tmp_path / "XDG_DATA_HOME")
    assert model("pull", OWNER).returncode == 0


def test_another_licence_than_the_models_cannot_be_accepted(model):
    said = sentence(model("pull", OWNER, "--accept-license", "mit"))
    assert said == f"sc-attrib: --accept-license mit: {OWNER} is under {LICENSE}"


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"\n", 2)])
def test_a_person_at_a_terminal_is_asked(hub, tmp_path, answer, code):
    terminal, ours = pty.openpty()
    pulling = subprocess.Popen(
        [str(SC_ATTRIB), "model", "pull", OWNER],
        env=home(tmp_path) | {"HF_ENDPOINT": hub.url},
        stdin=ours,
        stdout=subprocess.PIPE,
        stderr=ours,
    )
    os.close(ours)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(terminal, 4096)
    os.write(terminal, answer)
    with contextlib.suppress(OSError):  # the terminal is gone once its last user is
        while part := os.read(terminal, 4096):
            shown += part
    out, _ = pulling.communicate()
    os.close(terminal)
    assert pulling.returncode == code, shown
    assert f"Do you accept {LICENSE}? [y/N]".encode() in shown and b"its text: " in shown
    assert bool(out) == (code == 0)


def test_a_permissive_licence_is_shown_and_asks_for_nothing(model, hub):
    hub.card[OWNER] = {"license": "apache-2.0"}
    done = model("pull", OWNER)
    assert done.returncode == 0 and f"{OWNER} is under apache-2.0" in done.stderr


@pytest.fixture
def large(hub) -> bytes:
    """A file of several of the pieces in which the client writes, of ten MiB each."""
    content = hub.models[OWNER]["tiny.f32.gguf"] = os.urandom(24 << 20)
    return content


def test_a_connection_that_breaks_is_taken_up_where_it_broke(model, hub, large):
    hub.cut_after, hub.cuts = 12 << 20, 1
    done = model("pull", OWNER, *ACCEPTED)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes() == large
    assert hub.ranges() == [f"bytes={10 << 20}-"]


def test_a_pull_that_was_killed_goes_on_where_it_ended(model, hub, large, tmp_path):
    hub.cut_after, hub.cuts = 12 << 20, 1_000_000
    environment = home(tmp_path) | {"HF_ENDPOINT": hub.url}
    command = [str(SC_ATTRIB), "model", "pull", OWNER, *ACCEPTED]
    pulling = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while hub.cuts > 1_000_000 - 2:
        assert pulling.poll() is None, pulling.communicate()
    pulling.kill()
    pulling.communicate()
    assert "pulled" not in model("list").stdout
    hub.cuts = 0
    hub.asked.clear()
    done = model("pull", OWNER)
    assert Path(done.stdout.strip()).read_bytes() == large
    assert hub.ranges() == [f"bytes={10 << 20}-"]


def test_a_file_with_a_wrong_checksum_is_removed_and_told(model, hub, tiny, tmp_path):
    """Same length, other bytes: what a size check alone lets through."""
    hub.lies["tiny.f32.gguf"] = tiny[:-1] + bytes([tiny[-1] ^ 1])
    said = sentence(model("pull", OWNER, *ACCEPTED))
    assert "tiny.f32.gguf is not what the hub says it is: its checksum is wrong, and it was removed" in said
    assert list((tmp_path / "XDG_DATA_HOME").rglob("*.gguf")) == []
    hub.lies.clear()
    assert model("pull", OWNER).returncode == 0


def test_a_small_file_with_a_wrong_checksum_is_told_too(model, hub):
    hub.lies["LICENSE"] = b"Use it evil.\n"
    assert "LICENSE is not what the hub says it is" in sentence(model("pull", OWNER, *ACCEPTED))


def test_a_gated_model_says_where_to_agree(model, hub):
    hub.gated.add(OWNER)
    said = sentence(model("pull", OWNER, *ACCEPTED))
    assert said.endswith(f"agree at {hub.url}/{OWNER}, then set HF_TOKEN to a token of yours")
    assert model("pull", OWNER, *ACCEPTED, HF_TOKEN="hf_test").returncode == 0


def test_an_unknown_model_is_told(model, hub):
    said = sentence(model("pull", "nobody/nothing"))
    assert f"{hub.url} has no such model, or it is private; check its name" in said


def test_an_unknown_revision_is_told(model):
    assert "it has no such revision; check --revision" in sentence(model("pull", OWNER, "--revision", "v9"))


def test_what_is_no_name_of_a_model_is_told(model, hub):
    assert "this is no model's name" in sentence(model("pull", "../../etc/passwd"))
    assert hub.asked == []


def test_a_hub_that_is_ill_is_told_with_its_status(model, hub):
    hub.status = 403
    assert "answers with status 403" in sentence(model("pull", OWNER))


def test_a_machine_without_a_network_is_told_plainly(model):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        said = sentence(model("pull", "starcoder2-3b", "--endpoint", nobody))
    assert "model bigcode/starcoder2-3b: " in said and f"{nobody} cannot be reached" in said
    assert "set model.path to it" in said


def test_offline_mode_is_told_plainly(model):
    assert "HF_HUB_OFFLINE forbids the network" in sentence(model("pull", OWNER, HF_HUB_OFFLINE="1"))


def test_of_several_gguf_files_one_must_be_chosen(model, hub, tiny):
    hub.models[OWNER]["tiny.q8_0.gguf"] = tiny[::-1]
    said = sentence(model("pull", OWNER, *ACCEPTED))
    assert "its GGUF files are: tiny.f32.gguf, tiny.q8_0.gguf; choose one of them with --gguf" in said
    done = model("pull", OWNER, *ACCEPTED, "--gguf", "F32")
    assert Path(done.stdout.strip()).name == "tiny.f32.gguf"


def test_pickles_are_never_fetched(model, hub):
    del hub.models[OWNER]["tiny.f32.gguf"]
    said = sentence(model("pull", OWNER, *ACCEPTED))
    assert "a pickle may run code and is never fetched" in said
    assert [path for _, path, _ in hub.asked if path.endswith(".bin")] == []


def test_a_pull_onto_a_full_disk_keeps_what_it_has(model, hub, tmp_path, tiny):
    """No file may grow beyond 64 KiB, as on a full disk; then there is room again."""
    words = f"ulimit -f 64; exec {SC_ATTRIB} model pull {OWNER} --accept-license {LICENSE}"
    done = subprocess.run(
        ["bash", "-c", f"trap '' XFSZ; {words}"],
        env=home(tmp_path) | {"HF_ENDPOINT": hub.url},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert "free some space and pull again: what was fetched is kept" in sentence(done)
    assert Path(model("pull", OWNER).stdout.strip()).read_bytes() == tiny


def test_a_model_that_the_disk_has_no_room_for_is_not_begun(hub, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    file = RemoteFile(name="m.gguf", size=1 << 60, sha256="0" * 64, blob_id=None)
    remote = RemoteModel(repository=OWNER, revision="0" * 40, license="mit", license_link="", files=(file,))
    with pytest.raises(HubError, match=r"1152921504.6 GB are still to be fetched .* point XDG_DATA_HOME"):
        fetch(remote, (file,), endpoint=hub.url)
    assert hub.asked == []


def test_a_pulled_model_has_its_name_in_the_catalogue_too(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    repository = "bigcode/gpt_bigcode-santacoder"
    folder = folder_of(repository)
    folder.mkdir(parents=True)
    (folder / "m.gguf").touch()
    pulled = PulledModel(
        repository=repository, revision="0" * 40, license=LICENSE, folder=folder, files=("m.gguf",)
    )
    write_manifest(pulled, {"m.gguf": ""})
    names = ("santacoder", "SantaCoder", repository, "gpt_bigcode-santacoder")
    assert {model_path(name) for name in names} == {folder / "m.gguf"}
    (folder / "m.gguf").unlink()
    assert model_path("santacoder") == Path("santacoder")


def test_the_bundled_model_and_the_known_ones_are_listed(model):
    rows = json.loads(model("list", "--format", "json").stdout)["models"]
    assert rows[0]["state"] == "bundled" and rows[0]["fits"] is True
    assert {row["name"] for row in rows[1:]} == {known.name for known in CATALOGUE}
    assert {row["license"] for row in rows[1:]} == {LICENSE}


def test_the_catalogue_has_the_shapes_that_training_has():
    from training.model import count_shape
    from training.recipes.presets import find_preset

    for known in CATALOGUE:
        shape = find_preset(known.name).shape
        assert count_shape(shape) == known.parameters
        assert (shape.layers, shape.heads, shape.vocabulary) == (
            known.shape.layers,
            known.shape.heads,
            known.shape.vocabulary,
        )
        assert shape.hidden == known.shape.heads * known.shape.head_size
        assert getattr(shape, "kv_heads", 1) == known.shape.kv_heads
        assert shape.context_tokens == known.trained_context


@pytest.mark.parametrize("gguf_type", ["q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m"])
def test_a_quantised_model_is_smaller_and_completes(tiny, tmp_path, gguf_type):
    source = tmp_path / "tiny.f32.gguf"
    source.write_bytes(tiny)
    target = quantize(source, tmp_path / "made" / "narrow.gguf", GgufType(gguf_type), threads=1)
    assert target.stat().st_size < 0.6 * len(tiny)
    assert read_facts(target).quantisation == gguf_type
    assert LlamaCppBackend.open(target, ModelOptions(threads=1)).tokenize("x")


def test_a_quantised_model_lies_beside_the_model_and_is_named_by_its_type(model, tiny, tmp_path):
    (tmp_path / "tiny.f32.gguf").write_bytes(tiny)
    done = model("quantize", "tiny.f32.gguf", "--type", "q4_k_m")
    assert done.stdout == "tiny.q4_k_m.gguf\n", done.stderr
    assert read_facts(tmp_path / "tiny.q4_k_m.gguf").quantisation == "q4_k_m"


def test_a_checkpoint_is_exported_on_the_way(model, tmp_path):
    """StarCoder's architecture with multi-query attention, from a folder as a hub holds it."""
    from tests.training.family import save_random
    from training.recipes.big_code import BigCodeShape

    shape = BigCodeShape(
        layers=2, hidden=256, feed_forward=256, heads=4, context_tokens=128, vocabulary=640, end_of_text=0
    )
    folder = save_random(tmp_path / "made", shape, "starcoder")
    done = model("quantize", "made", "--type", "q4_k_m")
    assert done.stdout == "made/made.q4_k_m.gguf\n", done.stderr
    facts = read_facts(folder / "made.q4_k_m.gguf")
    assert (facts.architecture, facts.quantisation, facts.shape.kv_heads) == ("starcoder", "q4_k_m", 1)
    assert facts.fim is not None and facts.fim.format.name == "starcoder"


def test_a_quantised_model_is_not_quantised_again(model):
    said = sentence(model("quantize", str(DEFAULT_MODEL), "--type", "q4_k_m", "-o", "again.gguf"))
    assert "it is q8_0 already" in said and "start from its f32, f16 or bf16 file" in said


def test_a_model_is_not_written_over_itself(model, tiny, tmp_path):
    (tmp_path / "m.gguf").write_bytes(tiny)
    assert "this is the model itself" in sentence(model("quantize", "m.gguf", "-o", "./m.gguf"))
    assert (tmp_path / "m.gguf").read_bytes() == tiny


@pytest.mark.parametrize("cut", [100, 5000, -10_000])
def test_a_truncated_model_is_told(tiny, tmp_path, cut):
    (tmp_path / "cut.gguf").write_bytes(tiny[:cut])
    with pytest.raises(ModelUnusableError, match="truncated"):
        read_facts(tmp_path / "cut.gguf")


def test_a_truncated_model_is_not_quantised(model, tiny, tmp_path):
    (tmp_path / "cut.gguf").write_bytes(tiny[:-10_000])
    assert "truncated" in sentence(model("quantize", "cut.gguf"))
    assert sorted(path.name for path in tmp_path.glob("*.gguf")) == ["cut.gguf"]


def test_quantising_onto_a_full_disk_leaves_nothing_behind(tmp_path, tiny):
    (tmp_path / "m.gguf").write_bytes(tiny)
    words = f"trap '' XFSZ; ulimit -f 64; exec {SC_ATTRIB} model quantize m.gguf"
    done = subprocess.run(
        ["bash", "-c", words], cwd=tmp_path, capture_output=True, text=True, env=home(tmp_path)
    )
    assert "llama.cpp could not quantise it to q8_0" in sentence(done)
    assert [path.name for path in tmp_path.iterdir() if path.name != "m.gguf"] == []


def test_info_tells_what_the_header_tells(model):
    info = json.loads(model("info", "--format", "json").stdout)
    assert (info["architecture"], info["quantisation"], info["license"]) == (
        "starcoder2",
        "q8_0",
        "Apache-2.0",
    )
    assert info["parameters"] == 4_993_536 and info["fim"]["fim_middle"] == 2
    assert info["memory"]["total"] > info["weight_bytes"] and info["memory"]["fits"] is True
    text = model("info").stdout
    assert "4,993,536" in text and "fim_prefix 1" in text and "no template" in text


def test_info_says_when_a_model_cannot_complete_code(model, tmp_path):
    write_tiny_gguf(tmp_path / "plain.gguf", control_tokens=False)
    assert "none: it cannot complete code" in model("info", "plain.gguf").stdout


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> dict[str, Path]:
    """Small checkpoints of the real architectures, with the vocabulary of the bundled model's family."""
    import torch
    from transformers import GPTBigCodeConfig, GPTBigCodeForCausalLM, Starcoder2Config, Starcoder2ForCausalLM

    folder = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(0)
    wide = Starcoder2Config(
        vocab_size=512, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256,
    )  # fmt: skip
    big = GPTBigCodeConfig(vocab_size=512, n_embd=64, n_layer=2, n_head=4, n_positions=128, multi_query=True)
    for name, made in (
        ("starcoder2", Starcoder2ForCausalLM(wide)),
        ("gpt_bigcode", GPTBigCodeForCausalLM(big)),
    ):
        made.to(torch.bfloat16).save_pretrained(folder / name)
        tokens = {"<fim_prefix>": 1, "<fim_middle>": 2, "<fim_suffix>": 3, "<fim_pad>": 4, "<|endoftext|>": 0}
        repository = (
            {"<repo_name>": 5, "<file_sep>": 6}
            if name == "starcoder2"
            else {"<reponame>": 5, "<filename>": 6}
        )
        added = [{"id": number, "content": token} for token, number in (tokens | repository).items()]
        tokenizer = {"model": {"type": "BPE", "vocab": {"a": 7}, "merges": []}, "added_tokens": added}
        (folder / name / "tokenizer.json").write_text(json.dumps(tokenizer))
        (folder / name / "README.md").write_text("---\nlicense: mit\n---\n")
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("name", "kv_heads", "fim"), [("starcoder2", 2, "starcoder2"), ("gpt_bigcode", 1, "starcoder")]
)
def test_a_checkpoint_folder_is_described_without_being_loaded(checkpoints, name, kv_heads, fim):
    import transformers

    facts = read_facts(checkpoints[name])
    made = transformers.AutoModelForCausalLM.from_pretrained(checkpoints[name])
    assert facts.parameters == sum(p.numel() for p in made.parameters())
    assert (facts.architecture, facts.quantisation, facts.license) == (name, "bf16", "mit")
    assert (facts.shape.kv_heads, facts.shape.layers, facts.shape.head_size) == (kv_heads, 2, 16)
    assert facts.fim is not None and facts.fim.format.name == fim
    assert not facts.has_chat_template


def test_a_chat_template_is_noticed_in_either_file(checkpoints, tmp_path):
    for number, (file, text) in enumerate(
        (("chat_template.jinja", "{{ x }}"), ("tokenizer_config.json", '{"chat_template": "{{ x }}"}'))
    ):
        folder = shutil.copytree(checkpoints["starcoder2"], tmp_path / str(number))
        (folder / file).write_text(text)
        assert read_facts(folder).has_chat_template


@pytest.mark.parametrize("cut", [4, 50, -100])
def test_truncated_weights_of_a_checkpoint_are_told(checkpoints, tmp_path, cut):
    folder = shutil.copytree(checkpoints["starcoder2"], tmp_path / "cut")
    (weights,) = folder.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:cut])
    with pytest.raises(ModelUnusableError, match=r"its weights cannot be read|it is truncated"):
        read_facts(folder)


@pytest.mark.parametrize("config", ["", "[]", "{"])
def test_a_folder_that_is_no_checkpoint_is_told(tmp_path, config):
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ModelUnusableError):
        read_facts(tmp_path)


def test_the_memory_of_a_context_is_that_of_its_keys_and_values():
    """StarCoder2-3B: 30 layers, 2 heads of 128 for keys and values, halves: 30 KiB a token."""
    (known,) = [m for m in CATALOGUE if m.name == "starcoder2-3b"]
    facts = read_facts(DEFAULT_MODEL)
    from dataclasses import replace

    of_3b = replace(facts, shape=known.shape, parameters=known.parameters, weight_bytes=2 * known.parameters)
    assert needed(of_3b, context_tokens=1000).cache == 1000 * 30 * 1024


def test_a_model_that_does_not_fit_is_told_with_what_would(monkeypatch):
    from dataclasses import replace

    (known,) = [m for m in CATALOGUE if m.name == "starcoder2-15b"]
    facts = replace(
        read_facts(DEFAULT_MODEL), shape=known.shape, parameters=known.parameters, path=Path("m.gguf"),
        weight_bytes=2 * known.parameters,
    )  # fmt: skip
    for free, remedy in (
        (30.5, "it fits with a context of 4,096: set model.contextTokens to that"),
        (20.0, "it would fit as q8_0 (16.7 GiB): sc-attrib model quantize m.gguf --type q8_0"),
        (13.0, "it would fit as q5_k_m"),
        (2.0, "choose a smaller model"),
    ):
        monkeypatch.setattr("assistant.fit.available_bytes", lambda free=free: int(free * 2**30))
        with pytest.raises(ModelTooLargeError) as refused:
            ensure_fits(facts, context_tokens=8192)
        assert f"and {free:.1f} GiB is free" in str(refused.value)
        assert remedy in str(refused.value)
    monkeypatch.setattr("assistant.fit.available_bytes", lambda: None)
    ensure_fits(facts, context_tokens=8192)


def test_a_model_that_does_not_fit_is_refused_before_it_is_loaded(monkeypatch, checkpoints):
    monkeypatch.setattr("assistant.fit.available_bytes", lambda: 1 << 20)
    with pytest.raises(ModelTooLargeError, match="choose a smaller model"):
        open_backend(DEFAULT_MODEL, ModelOptions(threads=1))
    with pytest.raises(ModelTooLargeError):
        open_backend(checkpoints["starcoder2"], ModelOptions(context_tokens=100_000, threads=1))


def test_a_container_with_little_memory_is_asked_for_its_limit(tmp_path, monkeypatch):
    from assistant import memory

    group = tmp_path / "memory"
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text("1000000\n")
    (group / "memory.usage_in_bytes").write_text("900000\n")
    (group / "memory.stat").write_text("cache 1\ntotal_cache 300000\n")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert memory.available_bytes() == 400_000
