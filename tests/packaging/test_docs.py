"""The documentation says what the program does."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def load_generator():
    spec = importlib.util.spec_from_file_location("make_cli_help", ROOT / "docs" / "make_cli_help.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def words(text: str) -> set[str]:
    """Words without what argparse lays out differently from one Python version to the next."""
    return {word.strip(",[]()") for word in text.split()}


def test_the_page_of_commands_shows_their_help() -> None:
    """Run ``python docs/make_cli_help.py`` when this fails."""
    generator = load_generator()
    page = generator.PAGE.read_text("utf-8")
    blocks = [match[0] for match in generator.BLOCK.finditer(page)]
    assert len(blocks) >= 8
    for block in blocks:
        command = generator.BLOCK.fullmatch(block)[1]
        assert words("\n".join(block.splitlines()[2:-1])) == words(generator.help_of(command)), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_names_the_two_commands() -> None:
    first_screen = "\n".join((ROOT / "README.md").read_text("utf-8").splitlines()[:40])
    assert "make demo" in first_screen
    assert "make test" in first_screen
