"""Starting fast, and starting inside somebody else's workspace."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(sys.executable).parent / "sc-attrib"
HEAVY = {
    "numpy",
    "torch",
    "pygls",
    "lsprotocol",
    "llama_cpp",
    "transformers",
    "datasketch",
    "sqlite3",
    "tqdm",
}


def modules_loaded_by(*words: str) -> set[str]:
    """Top-level modules that a run of the command line has imported when it ends."""
    program = (
        "import sys\nfrom attribution.cli import main\n"
        f"try:\n    main({list(words)!r})\nexcept SystemExit:\n    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize(
    "words", [["--help"], ["check", "--help"], ["index", "--help"], ["lsp", "--help"], []]
)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    assert not modules_loaded_by(*words) & HEAVY


def test_checking_imports_no_optional_dependency(tmp_path: Path, real_index: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    loaded = modules_loaded_by("check", str(tmp_path / "a.py"), "--index", str(real_index))
    assert "numpy" in loaded
    assert not loaded & (HEAVY - {"numpy", "sqlite3"})


def test_nothing_of_the_workspace_is_imported(tmp_path: Path, real_index: Path) -> None:
    """A workspace whose own modules carry our names and numpy's, each failing when it is imported."""
    for name in ("lsp", "training", "attribution", "assistant"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('imported the workspace')\n")
    for name in ("numpy", "json", "argparse", "sqlite3"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported the workspace')\n")
    for words in (
        ["check", "numpy.py", "--index", real_index],
        ["index", "build", "--tree", ".", "--index", "ix"],
    ):
        done = subprocess.run([SCRIPT, *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "imported the workspace" not in done.stderr + done.stdout
