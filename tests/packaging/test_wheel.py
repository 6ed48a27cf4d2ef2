"""What is shipped: the wheel's top level, and that it works without any extra."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

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


def test_the_installed_command_helps_without_any_dependency(wheel: Path, tmp_path: Path) -> None:
    """Into an empty environment without its dependencies; a missing extra is named, not a traceback."""
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            home / "bin" / "python",
            "install",
            "-q",
            "--no-deps",
            wheel,
        ],
        check=True,
        capture_output=True,
    )
    script = home / "bin" / "sc-attrib"
    helped = subprocess.run([script, "--help"], capture_output=True, text=True, cwd=tmp_path)
    assert helped.returncode == 0
    assert "check" in helped.stdout
    started = subprocess.run([script, "lsp"], capture_output=True, text=True, cwd=tmp_path, input="")
    assert started.returncode == 2
    assert "pip install 'sc-attrib[lsp]'" in started.stderr
