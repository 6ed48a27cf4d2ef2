"""What is shipped: the wheel's top level, and that it works without any extra."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from attribution.native.build import LIBRARY, compiler

ROOT = Path(__file__).parents[2]
PACKAGES = {"attribution", "assistant", "lsp", "training"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT],
        check=True,
        capture_output=True,
    )
    (path,) = out.glob("*.whl")
    return path


def test_the_top_level_is_exactly_the_four_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top = {name.partition("/")[0] for name in archive.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES


def test_the_default_model_and_its_index_are_shipped(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "assistant/default/model.gguf" in names
    assert "assistant/default/index/catalog.sqlite" in names


def test_what_reports_are_made_with_is_shipped(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    parts = {"check.schema.json", "html/page.css", "html/page.js"}
    assert {f"attribution/report/{part}" for part in parts} <= names
    assert {f"attribution/service/page/{part}" for part in ("index.html", "style.css", "main.js")} <= names


def test_the_plugin_for_neovim_is_shipped_as_it_stands_here(wheel: Path) -> None:
    here = {f"lsp/nvim/{path.relative_to(ROOT / 'lsp/nvim')}" for path in (ROOT / "lsp/nvim").rglob("*.*")}
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if name.startswith("lsp/nvim/")}
    assert shipped == {name for name in here if not name.endswith("tags")}


def test_the_compiled_library_is_shipped_under_the_name_of_its_platform(wheel: Path) -> None:
    """One library for every Python version, so the tag names the platform alone."""
    with zipfile.ZipFile(wheel) as archive:
        assert f"attribution/native/{LIBRARY.name}" in archive.namelist()
        (card,) = (name for name in archive.namelist() if name.endswith(".dist-info/WHEEL"))
        lines = archive.read(card).decode().splitlines()
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert wheel.name.endswith(f"-py3-none-{platform}.whl")
    assert f"Tag: py3-none-{platform}" in lines
    assert "Root-Is-Purelib: false" in lines


def test_on_a_mac_the_library_serves_the_processors_that_the_tag_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("sysconfig.get_platform", lambda: "macosx-10.9-universal2")
    command = compiler()
    assert command[-4:] == ["-arch", "arm64", "-arch", "x86_64"]
    monkeypatch.setattr("sysconfig.get_platform", lambda: "macosx-14.0-arm64")
    assert "-arch" not in compiler()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in an environment that holds the wheel and none of its dependencies."""
    home = tmp_path_factory.mktemp("installed") / "env"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", wheel],
        check=True,
        capture_output=True,
    )
    return home / "bin" / "sc-attrib"


def test_the_installed_command_helps_without_any_dependency(installed: Path, tmp_path: Path) -> None:
    """A missing extra is named, not a traceback."""
    helped = subprocess.run([installed, "--help"], capture_output=True, text=True, cwd=tmp_path)
    assert helped.returncode == 0
    assert "check" in helped.stdout
    for command in ("lsp", "serve"):
        started = subprocess.run([installed, command], capture_output=True, text=True, cwd=tmp_path, input="")
        assert started.returncode == 2
        assert f"pip install 'sc-attrib[{command}]'" in started.stderr


def test_the_installed_command_checks_against_the_bundled_index(installed: Path, tmp_path: Path) -> None:
    """With this environment's numpy lent to it; our own source, which a .pth file names, is not lent."""
    known = Path(importlib.util.find_spec("numpy").origin).parent / "polynomial"
    shutil.copytree(known, tmp_path / "mine", ignore=shutil.ignore_patterns("__pycache__"))
    lent = Path(importlib.util.find_spec("numpy").origin).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(lent), "XDG_DATA_HOME": str(tmp_path / "data")}
    done = subprocess.run(
        [installed, "check", "mine", "--format", "json", "--fail-on", "attribute"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 1, done.stderr
    matches = [match for file in json.loads(done.stdout)["files"] for match in file["matches"]]
    assert "https://github.com/numpy/numpy" in {match["source"]["origin"] for match in matches}
    where = "import attribution.native.library as library; print(library.LIBRARY)"
    loaded = subprocess.run(
        [installed.with_name("python"), "-c", where],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=True,
    )
    assert Path(loaded.stdout.strip()).is_relative_to(installed.parents[1])
