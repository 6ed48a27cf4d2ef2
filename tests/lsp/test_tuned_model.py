"""From one's own repository to a suggestion that is traced to it: shipped model, LoRA, GGUF, server."""

from __future__ import annotations

import csv
import json
import sysconfig
from pathlib import Path

import pytest

from attribution.cli import main
from tests.attribution.repositories import Repository
from tests.lsp.conftest import served

STANDARD_LIBRARY = Path(sysconfig.get_paths()["stdlib"])
CHARACTERS = 2000
TUNING = ("--updates", "25", "--epochs", "100", "--batch-rows", "1", "--rank", "16", "--rate", "5e-3")


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Repository:
    """The beginnings of two real files under MIT."""
    made = Repository(tmp_path_factory.mktemp("own") / "tool")
    made.write("LICENSE", "Released under the MIT license.\n")
    for name in ("bisect.py", "colorsys.py"):
        text = (STANDARD_LIBRARY / name).read_text("utf-8")[:CHARACTERS]
        made.write(name, text.rpartition("\n")[0] + "\n")
    made.commit()
    return made


def tune(repository: Repository, out: Path, capsys) -> dict[str, dict[str, object]]:
    """Tune the shipped model; answer the settings that the command tells."""
    words = ["train", "finetune", "--git", str(repository.path), "--out", str(out), "--threads", "1", *TUNING]
    assert main(words) == 0
    told = [line.strip() for line in capsys.readouterr().err.splitlines() if line.startswith('  "')]
    flat = json.loads(f"{{{', '.join(told)}}}")
    model, indexes = flat["model.path"], flat["trace.indexes"]
    return {"model": {"path": model, "threads": 1}, "trace": {"indexes": indexes}}


def cut_lines(text: str) -> list[tuple[int, int, str]]:
    """Line, column and rest of every line of code that is long enough to be completed."""
    found = []
    for number, line in enumerate(text.splitlines()):
        column = len(line) - len(line.lstrip()) + 6
        if len(line) > column + 3:
            found.append((number, column, line[column:]))
    return found


@pytest.mark.asyncio
async def test_what_a_tuned_model_suggests_is_traced_to_the_repository_it_was_tuned_on(
    repository, workspace, tmp_path, capsys
):
    settings = tune(repository, tmp_path / "mine", capsys)
    with (tmp_path / "mine" / "files.csv").open(newline="") as stream:
        [learned] = [row["path"] for row in csv.DictReader(stream) if row["split"] == "train"]
    text = (repository.path / learned).read_text("utf-8")
    lines = text.splitlines(keepends=True)
    settings["completion"] = {"timeoutMs": 60_000, "lines": "single"}
    exact = []
    async with served(workspace, settings) as editor:
        for number, column, rest in cut_lines(text):
            begun = [*lines[:number], f"{lines[number][:column]}\n", *lines[number + 1 :]]
            uri = await editor.open(workspace / f"at-{number}.py", "".join(begun))
            for item in await editor.inline(uri, number, column):
                if item.insert_text == rest:
                    exact.append(item.command.arguments[0])
    assert exact, "a model that has read a file so often knows some of its lines"
    traced = [provenance for provenance in exact if provenance["matches"]]
    assert traced
    for provenance in traced:
        assert provenance["model"].startswith("mine ")
        sources = [(m["source"]["origin"], m["source"]["path"]) for m in provenance["matches"]]
        assert (repository.path.as_uri(), learned) in sources
        assert {m["license"]["expression"] for m in provenance["matches"]} == {"MIT"}
