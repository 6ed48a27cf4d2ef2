"""Of data and prose: short files only, and of plain text only what documents a project (StarCoder2, 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from attribution.sources.documentation import is_documentation
from training.data.stage import Document, DropReason, Judged, judge_each

_SHORT_LANGUAGES = frozenset({"Graphviz (DOT)", "JSON", "Text", "Web Ontology Language", "YAML"})
_DOCUMENTATION = frozenset({"readme", "notes", "todo", "description", "cmakelists"})
_REQUIREMENT = "requirement"


@dataclass(frozen=True, slots=True, kw_only=True)
class ByDataRules:
    """Drop long files of data, and texts whose name says nothing of documentation.

    A text stays if its name without the extension, in small letters, is one of five or holds ``requirement``,
    or if it documents its project (:mod:`attribution.sources.documentation`).
    """

    most_lines: int = 512
    name: str = "data files"

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge by language, name and lines."""
        return judge_each(batch, self._refuse)

    def _refuse(self, document: Document) -> tuple[DropReason, str] | None:
        if document.language not in _SHORT_LANGUAGES:
            return None
        lines = len(document.text.splitlines())
        if lines > self.most_lines:
            return DropReason.DATA_FILE, f"{lines:,} lines of {document.language}"
        if document.language == "Text" and not _is_wanted(document.path):
            return DropReason.TEXT_FILE, ""
        return None


def _is_wanted(path: str) -> bool:
    stem = PurePosixPath(path).stem.lower()
    return stem in _DOCUMENTATION or _REQUIREMENT in stem or is_documentation(path)
