"""``sc-attrib complete``: in the shell, what an editor gets."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from assistant.completion import CompletionRequest, Trigger
from assistant.config import CompletionSettings, Settings
from assistant.models import DEFAULT_MODEL, ModelOptions, open_backend
from assistant.ngrams.nearby import NearbyFiles
from assistant.service import CompletionService
from attribution.policy.projects import ProjectPolicies
from attribution.trace import Tracer
from tests.assistant.context.git_folder import make_repository

OWN = "def area(width, height):\n    "
HEAD = "def heappushpop("


@pytest.fixture(scope="module")
def known(stdlib) -> str:
    """A function of the standard library, from its first bracket on."""
    source = (stdlib / "heapq.py").read_text()
    start = source.index(HEAD)
    return source[start + len(HEAD) : source.index("\ndef ", start)].rstrip("\n")


@pytest.fixture
def script(tmp_path, known) -> Path:
    """A model that knows one function by heart."""
    path = tmp_path / "heart.script.json"
    path.write_text(json.dumps({"replies": [{"after": HEAD, "text": known}]}))
    return path


def test_the_shell_gets_what_the_service_makes(run_cli, tmp_path, real_index):
    (tmp_path / "own.py").write_text(OWN)
    done = run_cli("complete", "own.py:2:5", "--json", "--index", real_index)
    assert done.returncode == 0, done.stderr

    async def by_hand():
        backend = open_backend(DEFAULT_MODEL, ModelOptions())
        tracer = Tracer.open([real_index], policy=ProjectPolicies())
        settings = Settings(completion=CompletionSettings(timeout_ms=60_000))
        request = CompletionRequest(
            text=OWN, offset=len(OWN), path=str(tmp_path / "own.py"), trigger=Trigger.INVOKED
        )
        try:
            nearby = NearbyFiles(backend, longest_wait_s=None)
            service = CompletionService(backend, tracer=tracer, settings=settings, nearby=nearby)
            return await service.complete(request)
        finally:
            await backend.close()

    expected = asyncio.run(by_hand())
    answer = json.loads(done.stdout)
    assert expected is not None
    assert (answer["schema"], answer["text"], answer["offset"]) == (1, expected.text, len(OWN))
    assert answer["suggestion"]["decision"] == "show"


LINE = "    return order.zanzibar_quagga_tariff(7)\n"
WORKSPACE = {
    "src/a.py": "def total(order):\n    return order.zanzibar",
    "lib/other.py": f"def sum_up(order):\n{LINE}\n\ndef again(order):\n{LINE}",
}


def test_the_files_of_the_work_tree_show_in_a_suggestion_unless_they_may_not(run_cli, tmp_path, real_index):
    root = make_repository(tmp_path / "w", WORKSPACE)
    words = ("complete", str(root / "src" / "a.py") + ":2:26", "--lines", "single", "--index", real_index)
    assert run_cli(*words).stdout.decode() == "_quagga_tariff(7)\n"
    assert b"quagga" not in run_cli(*words, "--no-workspace").stdout
    (root / ".gitignore").write_text("lib/\n")
    assert b"quagga" not in run_cli(*words).stdout


def test_without_a_work_tree_the_files_beside_it_show(run_cli, tmp_path, real_index):
    for name, text in WORKSPACE.items():
        (tmp_path / Path(name).name).write_text(text)
    words = ("complete", str(tmp_path / "a.py") + ":2:26", "--lines", "single", "--index", real_index)
    assert run_cli(*words).stdout.decode() == "_quagga_tariff(7)\n"


def test_the_sources_of_a_suggestion_are_printed_under_it(run_cli, tmp_path, script, real_index, known):
    (tmp_path / "own.py").write_text(f"import os\n\n\n{HEAD}")
    words = ("complete", f"own.py:4:{len(HEAD) + 1}", "--model", script, "--index", real_index)
    plain = run_cli(*words, "--lines", "multiple", "--max-tokens", "4096")
    traced = run_cli(*words, "--lines", "multiple", "--max-tokens", "4096", "--trace")
    suggestion = plain.stdout.decode()
    assert suggestion.strip() and known.startswith(suggestion.rstrip("\n"))
    assert traced.stdout.decode().startswith(suggestion + "\n")
    below = traced.stdout.decode().removeprefix(suggestion + "\n")
    assert "heapq.py" in below and "licence   PSF-2.0" in below and "swh:1:cnt:" in below


def test_what_the_policy_denies_is_withheld_and_exit_code_1_says_so(run_cli, tmp_path, known, real_index):
    """The last bracket of denied code, where there is nothing else to say."""
    (tmp_path / ".sc-attrib.toml").write_text('[policy]\ndeny = ["PSF-2.0"]\n')
    text = f"import os\n\n\n{HEAD}{known[: known.rindex(')') + 1]}"
    (tmp_path / "own.py").write_text(text[:-1])
    script = tmp_path / "last.script.json"
    script.write_text(json.dumps({"replies": [{"after": text[-9:-1], "text": text[-1]}]}))
    lines = text[:-1].split("\n")
    place = f"own.py:{len(lines)}:{len(lines[-1]) + 1}"
    words = ("complete", place, "--model", script, "--index", real_index)
    done = run_cli(*words)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"A suggestion was withheld" in done.stderr and b"heapq.py" in done.stderr
    answer = json.loads(run_cli(*words, "--json").stdout)
    assert answer["text"] is None and answer["suggestion"]["decision"] == "withhold"


def test_a_model_with_nothing_to_say_says_nothing(run_cli, tmp_path, script, real_index):
    (tmp_path / "own.py").write_text("x = 1\n")
    done = run_cli("complete", "own.py:2:1", "--model", script, "--index", real_index)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == b"sc-attrib: the model has nothing to suggest here\n"


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("own.py", "own.py: this is no place; write FILE:LINE:COL"),
        ("own.py:0:1", "own.py:0: it has 2 lines; choose one of them"),
        ("own.py:3:1", "own.py:3: it has 2 lines"),
        ("own.py:1:99", "own.py:1:99: this line has columns 1 to 6"),
        ("missing.py:1:1", "missing.py: does not exist; check the spelling"),
        (".:1:1", ".: this is no file; name one"),
        ("-:1:1", "-: this is no file; name one"),
        ("binary.py:1:1", "binary.py: is binary, not source code"),
    ],
)
def test_a_place_that_is_none_is_told_in_one_sentence(tmp_path, monkeypatch, place, sentence):
    from assistant.commands.complete import _request
    from attribution.errors import ScAttribError

    (tmp_path / "own.py").write_text("x = 1\n")
    (tmp_path / "binary.py").write_bytes(b"\0\1\2")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScAttribError) as refused:
        _request(place)
    assert str(refused.value).startswith(sentence)


def test_a_model_that_is_missing_is_told(run_cli, tmp_path, real_index):
    (tmp_path / "own.py").write_text(OWN)
    done = run_cli("complete", "own.py:2:5", "--model", "none.gguf", "--index", real_index)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"sc-attrib: model none.gguf: there is no such file")
