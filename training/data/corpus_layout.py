"""Where a corpus lies: what a run prepares for itself, and what a curation leaves, have this in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusLayout:
    """Paths below one root."""

    root: Path

    @property
    def tokenizer(self) -> Path:
        """``tokenizer.json``."""
        return self.root / "tokenizer.json"

    @property
    def shards(self) -> Path:
        """Rows of tokens, a folder a split."""
        return self.root / "shards"

    @property
    def train(self) -> Path:
        """Rows of tokens to learn from."""
        return self.shards / "train"

    @property
    def held_out(self) -> Path:
        """Rows of tokens to measure on, without fill-in-the-middle; a curation may hold nothing out."""
        return self.shards / "held-out"

    @property
    def held_out_text(self) -> Path:
        """The held-out files as JSON lines: ``swhid``, ``package``, ``path``, ``text``."""
        return self.root / "held_out.jsonl"

    @property
    def index(self) -> Path:
        """Index of exactly the files that are learned from."""
        return self.root / "index"
