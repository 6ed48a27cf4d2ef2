"""An even sample of a corpus that is larger than what a model can learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.data.stage import Document, DropReason, Judged, judge_each

_IDS = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class EvenSample:
    """Keep a share of all contents, whatever the order they come in; copies of one content go together."""

    share: float
    """Above 0, at most 1."""
    name: str = "sample"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError("a sample is more than nothing and at most all")

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge by the first bits of the content's git SHA-1."""
        return judge_each(batch, self._refuse)

    def _refuse(self, document: Document) -> tuple[DropReason, str] | None:
        drawn = int(document.file.swhid.object_id[:8], 16) < self.share * _IDS
        return None if drawn else (DropReason.EXCLUDED, "not drawn")
