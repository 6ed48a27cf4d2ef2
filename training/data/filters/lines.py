"""By lines: too many, too long on average, one too long (StarCoder2, section 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.data.stage import Document, DropReason, Judged, judge_each

LONG_BY_NATURE = frozenset(
    {
        "AsciiDoc",
        "Issues",
        "Jupyter Notebook",
        "Pull Requests",
        "HTML",
        "JSON",
        "Markdown",
        "Roff",
        "Roff Manpage",
        "SMT",
        "TeX",
        "Text",
        "XML",
    }
)
"""Languages of which only a line beyond :attr:`ByLines.most_in_long_languages` is too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByLines:
    """Drop files whose lines are those of data or of minified code.

    Lines are those of :meth:`str.splitlines`, as in BigCode's own code: a lone CR, a form feed and the line
    separators of Unicode end one too, and none begins behind the last break.
    """

    most_lines: int = 100_000
    most_mean: float = 100.0
    """Characters a line, line breaks not counted."""
    most_characters: int = 1_000
    """Of any one line."""
    most_in_long_languages: int = 100_000
    """The same in :data:`LONG_BY_NATURE`, where the mean does not count."""
    name: str = "lines"

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge by the text."""
        return judge_each(batch, self._refuse)

    def _refuse(self, document: Document) -> tuple[DropReason, str] | None:
        lengths = [*map(len, document.text.splitlines())] or [0]
        if len(lengths) > self.most_lines:
            return DropReason.TOO_MANY_LINES, f"{len(lengths):,} lines"
        is_long = document.language in LONG_BY_NATURE
        mean, longest = sum(lengths) / len(lengths), max(lengths)
        if not is_long and mean > self.most_mean:
            return DropReason.LONG_LINES, f"{mean:,.0f} characters a line"
        if longest > (self.most_in_long_languages if is_long else self.most_characters):
            return DropReason.LONG_LINE, f"a line of {longest:,} characters"
        return None
