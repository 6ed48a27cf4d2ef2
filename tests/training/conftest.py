"""Real standard library files, and one finished run on them that many tests look at."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from attribution.model import License, Origin, SourceFile
from attribution.sources.packages import CPYTHON_URL
from training.data.prepare import RunLayout, prepare
from training.recipes.recipe import Budget, DataRecipe, ModelShape, OptimizerRecipe, Recipe
from training.run import run_recipe

STANDARD_LIBRARY = Path(sysconfig.get_paths()["stdlib"])

SMALL = Recipe(
    name="small",
    summary="seconds in a test",
    model=ModelShape(
        layers=2, hidden=64, feed_forward=128, heads=4, kv_heads=2, context_tokens=128, vocabulary=640
    ),
    data=DataRecipe(held_out_packages=("held-out",), row_tokens=128),
    optimizer=OptimizerRecipe(),
    budget=Budget(
        tokens=12 * 512,
        batch_rows=4,
        micro_batch_rows=4,
        checkpoint_every=4,
        validate_every=4,
        validation_rows=4,
    ),
)


def library_files(folder: str, package: str) -> Iterator[SourceFile]:
    """The Python files directly in a folder of the standard library, as if of a package of that name."""
    for path in sorted((STANDARD_LIBRARY / folder).glob("*.py")):
        yield SourceFile(
            content=path.read_bytes(),
            origin=Origin(
                url=CPYTHON_URL,
                path=f"Lib/{path.relative_to(STANDARD_LIBRARY).as_posix()}",
                revision=f"{package} 3.11",
                license=License(expression="PSF-2.0"),
            ),
        )


def real_files() -> list[SourceFile]:
    """A few dozen real files to learn from, and a few to measure on."""
    learned = [f for folder in ("json", "logging", "email", "html") for f in library_files(folder, "cpython")]
    return [*learned, *library_files("tomllib", "held-out")]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tiny matrices gain nothing from a second thread, and lose much where another process has the core."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with tokenizer, shards and index, not trained yet; copy it before writing to it."""
    root = tmp_path_factory.mktemp("prepared")
    prepare(SMALL, RunLayout(root=root), real_files())
    return root


@pytest.fixture(scope="session")
def finished(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was never interrupted: 12 updates, checkpoints after 8 and 12."""
    root = tmp_path_factory.mktemp("finished") / "run"
    shutil.copytree(prepared, root)
    run_recipe(SMALL, root, files=list, progress=False)
    return root


@pytest.fixture
def recipe() -> Recipe:
    return replace(SMALL)


@pytest.fixture(scope="session")
def files() -> list[SourceFile]:
    return real_files()
