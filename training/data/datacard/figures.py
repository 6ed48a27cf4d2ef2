"""What a data card says, as figures: counted from the curated files, and from nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from training.data.documents import NAME as READING
from training.data.engine.deduplicating import NAME as DEDUPLICATION
from training.data.engine.intake import Intake
from training.data.kinds import kind_of
from training.recipes.curation.recipe import CurationRecipe

SAMPLES = 12
_COLUMNS = [
    "content_id", "language", "license_expression", "length_bytes", "origin", "redactions",
    "drop_reason", "drop_stage",
]  # fmt: skip
_SWHID = "swh:1:cnt:"


@dataclass(slots=True)
class Amount:
    """Files and bytes of something."""

    files: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """Count one more file."""
        self.files += 1
        self.bytes += size


@dataclass(slots=True, kw_only=True)
class Figures:
    """Everything that the card tells."""

    recipe: CurationRecipe
    intake: Intake
    notices: tuple[str, ...]
    """What the stages have to say, and what they counted besides: a sentence each."""
    kept: Amount = field(default_factory=Amount)
    repositories: int = 0
    stages: dict[str, dict[str, Amount]] = field(default_factory=dict)
    """What each stage dropped, by reason; in the order of the pipeline."""
    languages: dict[str, Amount] = field(default_factory=dict)
    licenses: dict[str, Amount] = field(default_factory=dict)
    language_tokens: Counter[str] = field(default_factory=Counter)
    license_tokens: Counter[str] = field(default_factory=Counter)
    redactions: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)
    """SWHIDs of some kept contents."""
    dropped_samples: dict[str, list[str]] = field(default_factory=dict)
    """SWHIDs of some dropped contents, by reason."""

    def kinds(self) -> dict[str, Amount]:
        """Code and what is beside it."""
        found: dict[str, Amount] = {}
        for language, amount in self.languages.items():
            kind = found.setdefault(kind_of(language), Amount())
            kind.files, kind.bytes = kind.files + amount.files, kind.bytes + amount.bytes
        return found

    def kind_tokens(self) -> Counter[str]:
        """Tokens of each of :meth:`kinds`."""
        found: Counter[str] = Counter()
        for language, number in self.language_tokens.items():
            found[kind_of(language)] += number
        return found

    @property
    def tokens(self) -> int:
        """Tokens of all kept texts."""
        return self.language_tokens.total()


def count(
    recipe: CurationRecipe,
    intake: Intake,
    curated: Sequence[Path],
    tokens: Mapping[tuple[str, str], int],
    notices: Sequence[str],
    counts: Mapping[str, int],
) -> Figures:
    """Read the figures from the curated files, a file at a time."""
    import pyarrow.parquet as pq

    sentences = (*sorted(notices), *(f"{number:,} {what}" for what, number in sorted(counts.items())))
    figures = Figures(recipe=recipe, intake=intake, notices=sentences)
    names = [s.name for s in recipe.filters], [s.name for s in recipe.cleaning]
    figures.stages = {name: {} for name in (READING, *names[0], DEDUPLICATION, *names[1])}
    samples, dropped_samples = _Lowest(SAMPLES), dict[str, _Lowest]()
    origins: set[str] = set()
    for path in curated:
        for row in pq.read_table(path, columns=_COLUMNS).to_pylist():
            reason, size, content = row["drop_reason"], row["length_bytes"], row["content_id"]
            if reason is not None:
                figures.stages[row["drop_stage"]].setdefault(reason, Amount()).add(size)
                dropped_samples.setdefault(reason, _Lowest(3)).add(content)
                continue
            figures.kept.add(size)
            origins.add(row["origin"])
            figures.languages.setdefault(row["language"], Amount()).add(size)
            figures.licenses.setdefault(row["license_expression"], Amount()).add(size)
            figures.redactions.update(redaction["kind"] for redaction in row["redactions"])
            samples.add(content)
    for (language, license), number in tokens.items():
        figures.language_tokens[language] += number
        figures.license_tokens[license] += number
    figures.repositories = len(origins)
    figures.samples = samples.swhids()
    figures.dropped_samples = {reason: found.swhids() for reason, found in dropped_samples.items()}
    return figures


class _Lowest:
    """An even sample of contents: those whose mixed ids are lowest, in any order of adding."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[str, int] = {}

    def add(self, content_id: str) -> None:
        """Look at one more."""
        self._held[content_id] = _mixed(content_id)
        if len(self._held) > 64 * self._most:
            self._held = dict(self._first())

    def _first(self) -> list[tuple[str, int]]:
        return sorted(self._held.items(), key=lambda item: item[1])[: self._most]

    def swhids(self) -> list[str]:
        """The sample."""
        return [_SWHID + content for content, _ in self._first()]


def _mixed(content_id: str) -> int:
    """Not the order of the ids themselves, of which others draw too."""
    return int(np.uint64(int(content_id[:16], 16)) ^ np.uint64(0x5DEECE66D1CE4E5B))
