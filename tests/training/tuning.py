"""A small base, a real git repository with something foreign in it, and a tuning run that takes seconds."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from attribution.cli import main
from tests.attribution.repositories import Repository
from tests.training.conftest import STANDARD_LIBRARY
from training.finetuning.base import open_base
from training.finetuning.layout import TuningLayout
from training.finetuning.recipe import RECIPES, AdapterShape, Method, Purpose, TuningRecipe
from training.finetuning.repository import Choice, OwnRepository, choose, write_data
from training.finetuning.run import Material, Options, Tuned, tune

MIT = "Released under the MIT license.\n"
SMALL = replace(
    RECIPES[Purpose.REPOSITORY],
    adapter=AdapterShape(rank=4),
    rate=1e-2,
    most_updates=6,
    checkpoint_every=3,
    validate_every=3,
    validation_rows=4,
)


def repository(root: Path, folder: str = "json", *, license: str = MIT) -> Repository:
    """Real files of the standard library, committed."""
    made = Repository(root)
    made.write("LICENSE", license)
    for path in (STANDARD_LIBRARY / folder).glob("*.py"):
        made.write(f"{folder}/{path.name}", path.read_bytes())
    made.commit()
    return made


def material(layout: TuningLayout, files: tuple, *, license: str = "MIT") -> Material:
    """Rows made of files as a repository's."""

    def prepare(base, recipe, data):
        chosen = choose([OwnRepository(files=files, license=license)], Choice(), frozenset())
        write_data(layout, chosen, base.tokenizer, recipe, data=data, opt_outs=frozenset())

    return Material(names=("files",), prepare=prepare)


def tuned(
    base: Path,
    out: Path,
    files: tuple,
    *,
    method: Method = Method.LORA,
    recipe: TuningRecipe = SMALL,
    recompute: bool = False,
) -> Tuned:
    """Run it here, or go on with it."""
    layout = TuningLayout(root=out)
    options = Options(progress=False, threads=1, recompute=recompute)
    return tune(base, layout, replace(recipe, method=method), material(layout, files), options)


def command(*words: str | Path) -> int:
    """``sc-attrib train finetune`` with one thread."""
    return main(["train", "finetune", "--threads", "1", *map(str, words)])


def losses(run: Path) -> list[str]:
    """As written, to the last digit."""
    with (run / "metrics.csv").open(newline="") as stream:
        return [row["loss"] for row in csv.DictReader(stream)]


def opened(base: Path):
    """A base that is a folder."""
    return open_base(base, imported=base.with_name("imported"))
