"""The demo, as ``make demo`` runs it, on a smaller index."""

import re
import shutil
from pathlib import Path


def test_the_demo_shows_a_known_and_an_unknown_suggestion_and_a_traced_paste(
    run_cli, real_index: Path, tmp_path: Path
) -> None:
    shutil.copytree(real_index, tmp_path / "demo" / "index")
    done = run_cli("demo", "--dir", "demo")
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert re.search(r"└─ \d+% like cpython Lib/\w+\.py:\d+-\d+ · PSF-2\.0", text)
    assert re.search(r"swh:1:cnt:[0-9a-f]{40};origin=https://github\.com/python/cpython;path=/Lib/", text)
    assert "└─ no known source" in text
    assert re.search(r"pasted\.py:\d+-\d+\S*  attribute  copied code, 100% alike", text)
    assert "Lib/textwrap.py:" in text


def test_where_the_folder_cannot_be_made_another_one_is_asked_for(run_cli, tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("in the way")
    done = run_cli("demo", "--dir", "demo/here")
    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1
    assert "name another folder with --dir" in done.stderr.decode()
