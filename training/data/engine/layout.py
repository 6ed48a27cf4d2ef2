"""Where things lie in the folder of a curation.

What is finished lies at the top; ``work/`` holds what a run that was cut short goes on with, and is gone
when all is done. A file is there when it is whole: each is written under another name, forced to disk and
renamed (:mod:`training.data.engine.whole_files`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.data.corpus_layout import CorpusLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class CurationLayout(CorpusLayout):
    """Paths below one root."""

    @property
    def configuration(self) -> Path:
        """What the folder was begun with."""
        return self.root / "curation.json"

    @property
    def card(self) -> Path:
        """The data card as Markdown; the last file of a run."""
        return self.root / "card.md"

    @property
    def page(self) -> Path:
        """The data card as a page."""
        return self.root / "card.html"

    @property
    def work(self) -> Path:
        """What is needed until all is done."""
        return self.root / "work"

    @property
    def filtered(self) -> Path:
        """A parquet file a shard: every document, with its content where it is not dropped."""
        return self.work / "filtered"

    @property
    def intake(self) -> Path:
        """What the sources gave, once they were read to their end."""
        return self.root / "intake.json"

    @property
    def signatures(self) -> Path:
        """MinHash signatures of all documents, mapped while they are compared."""
        return self.work / "signatures.bin"

    @property
    def duplicates(self) -> Path:
        """What deduplication decided."""
        return self.work / "duplicates.npy"

    @property
    def renewed(self) -> CurationLayout:
        """Where tokens are made anew for a finished folder, beside the old ones."""
        return CurationLayout(root=self.work / "renewed")

    @property
    def ready(self) -> CurationLayout:
        """The same once they are whole, and are to replace the old ones."""
        return CurationLayout(root=self.work / "ready")

    @property
    def tokens(self) -> Path:
        """Tokenised documents by part."""
        return self.work / "tokens"

    def curated(self, shard: int) -> Path:
        """The parquet file of a shard: text of what is kept, reasons for the rest."""
        return self.root / f"curated-{shard:05d}.parquet"
