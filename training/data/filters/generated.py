"""What a program wrote: by the source's word, or because the file says so in its first lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attribution.fingerprint.fingerprint import is_generated
from training.data.stage import Document, DropReason, Judged, judge_each


@dataclass(frozen=True, slots=True, kw_only=True)
class NotGenerated:
    """Drop generated files (go-enry's word where The Stack gives it, and StarCoder2's five markers)."""

    name: str = "generated"

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge by facts and by the first five lines."""
        return judge_each(batch, self._refuse)

    def _refuse(self, document: Document) -> tuple[DropReason, str] | None:
        if document.facts.is_generated:
            return DropReason.GENERATED, "by the source's word"
        if _says_so(document.text[:_HEAD_CHARACTERS]):
            return DropReason.GENERATED, "by its own word"
        return None


_HEAD_CHARACTERS = 1 << 14
_HEAD_LINES = 5


def _says_so(head: str) -> bool:
    """By its first lines, whatever ends them; each by itself, since no marker spans two."""
    if "generated" not in head.lower():
        return False
    return any(
        is_generated(line.encode("utf-8", "surrogatepass")) for line in head.splitlines()[:_HEAD_LINES]
    )
