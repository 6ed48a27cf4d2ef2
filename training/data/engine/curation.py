"""One curation as values, and what its folder was begun with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attribution.index.profile import Profile
from attribution.model import SourceFile
from training.data.config import describe, first_difference, sha256_of
from training.data.engine.layout import CurationLayout
from training.data.engine.whole_files import write_whole_text
from training.errors import CurationDamagedError, CurationError, CurationMismatchError
from training.recipes.curation.recipe import CurationRecipe

FORMAT = 3
"""Changes where the same configuration would give other files."""
Sources = Callable[[Counter[str]], Iterable[SourceFile]]
"""Reads the sources from their beginning, always in the same order; counts in the argument what they skip."""
Configuration = dict[str, Any]
"""What JSON can hold: sources, format, profile, tokenizer, and the recipe."""
_OF_TOKENS = ("name", "summary", "tokens")
"""Of a recipe, what nothing before the tokens depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curation:
    """One run: what is read, what is done with it, and where it goes."""

    layout: CurationLayout
    recipe: CurationRecipe
    sources: Sources
    source_names: tuple[str, ...]
    """What the sources are, for the configuration: a run over others is another run."""
    tokenizer: Path | None = None
    """A ``tokenizer.json`` to use; without one a tokenizer is trained on what is kept."""
    profile: Profile = Profile.SPARSE
    processes: int = 1
    ray: str | None = None
    """Address of a cluster of Ray whose machines share the folder; without one, only this machine works."""
    tell: Callable[[str], None] = lambda _: None
    """Takes a line of progress."""

    @property
    def configuration(self) -> Configuration:
        """All that the result depends on."""
        return {
            "schema": 1,
            "format": FORMAT,
            "sources": list(self.source_names),
            "tokenizer": sha256_of(self.tokenizer) if self.tokenizer else None,
            "profile": str(self.profile),
            "recipe": describe(self.recipe),
        }


def claim(layout: CurationLayout, configuration: Configuration) -> str | None:
    """Write the configuration into a new folder; in one of another, say how tokens are made differently.

    Answers ``None`` where nothing differs. Raises :class:`CurationMismatchError` where anything else does,
    and :class:`CurationError` where other things are in the folder.
    """
    if layout.configuration.is_file():
        before = read_configuration(layout)
        difference = first_difference(_before_tokens(before), _before_tokens(configuration))
        if difference is not None:
            raise CurationMismatchError(layout.root, difference)
        return first_difference(before, configuration)
    foreign = sorted(path.name for path in layout.root.iterdir() if path != layout.work)
    if foreign:
        raise CurationError(f"{layout.root}: there are other things in it ({foreign[0]}); name a new folder")
    write_configuration(layout, configuration)
    return None


def write_configuration(layout: CurationLayout, configuration: Configuration) -> None:
    """Write it as a whole file."""
    write_whole_text(layout.configuration, json.dumps(configuration, indent=1, sort_keys=True))


def read_configuration(layout: CurationLayout) -> Configuration:
    """What the folder was begun with; raise :class:`CurationDamagedError`."""
    try:
        configuration: Configuration = json.loads(layout.configuration.read_text("utf-8"))
        _before_tokens(configuration)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CurationDamagedError(layout.root, f"{layout.configuration.name}: {error}") from error
    return configuration


def has_same_tokenizer(before: Configuration, now: Configuration) -> bool:
    """Whether both configurations give one tokenizer for the same corpus."""
    return all(
        one == other
        for one, other in (
            (before["tokenizer"], now["tokenizer"]),
            *(
                (before["recipe"]["tokens"][key], now["recipe"]["tokens"][key])
                for key in ("vocabulary", "tokenizer_bytes")
            ),
        )
    )


def _before_tokens(configuration: Configuration) -> Configuration:
    """What the cleaned corpus depends on."""
    recipe = {key: value for key, value in configuration["recipe"].items() if key not in _OF_TOKENS}
    return {**configuration, "recipe": recipe, "tokenizer": None}
