"""From a source file to a document: its text, its language, a notebook or an issue as what it is to teach."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from attribution.languages.tables import GENERIC
from attribution.model import SourceFile
from attribution.sources.documentation import is_package_metadata
from attribution.sources.notebooks import is_notebook, notebook_code
from training.data.conversations.cleaning import ConversationRules
from training.data.conversations.rendering import open_conversation
from training.data.conversations.transcript import is_transcript
from training.data.kinds import JUPYTER
from training.data.languages import language_of_document
from training.data.metadata import description_of
from training.data.notebooks import structured
from training.data.stage import Document, Dropped, DropReason, Judged

NAME = "reading"
"""What the data card calls this step."""


class Notebooks(StrEnum):
    """What a notebook is to a model."""

    SCRIPTS = "scripts"
    """The code of its cells, a file of its repository in its kernel's language."""
    PAIRS = "pairs"
    """A chain of text, code and output where it is one in Python, a script otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How files become documents."""

    notebooks: Notebooks = Notebooks.SCRIPTS
    conversations: ConversationRules = field(default_factory=ConversationRules)


def open_documents(files: Iterable[SourceFile], opening: Opening | None = None) -> Judged:
    """Make documents of files; what is no text, or a notebook without code, is dropped."""
    kept: list[Document] = []
    dropped: list[Dropped] = []
    for file in files:
        opened = open_document(file, opening)
        if isinstance(opened, Document):
            kept.append(opened)
        else:
            dropped.append(opened)
    return Judged(kept=tuple(kept), dropped=tuple(dropped))


def open_document(file: SourceFile, opening: Opening | None = None) -> Document | Dropped:
    """Decode a file as UTF-8.

    Of a notebook the text is that of its code cells, in its kernel's language, or the chain of its cells; of
    a package's metadata it is the description; of an issue what :class:`ConversationRules` leave.
    """
    opening = opening or Opening()
    content, path = file.content, file.origin.path
    if is_transcript(path, content):
        return open_conversation(file, opening.conversations)
    if opening.notebooks is Notebooks.PAIRS and is_notebook(path) and (chain := structured(content)):
        return Document(file=file, text=chain.text, language=JUPYTER, marks=tuple(chain.marks))
    language = language_of_document(path, content)
    if is_notebook(path):
        notebook = notebook_code(content)
        if notebook is None or not notebook.content.strip():
            return _without_text(file, language, DropReason.NOTEBOOK_WITHOUT_CODE)
        content = notebook.content
        language = notebook.language.name if notebook.language is not GENERIC else language
    elif is_package_metadata(path):
        content, language = description_of(content)
    return _decoded(file, content, language)


def _decoded(file: SourceFile, content: bytes, language: str) -> Document | Dropped:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _without_text(file, language, DropReason.NOT_TEXT, f"byte {error.start:,} is not UTF-8")
    if not text.strip():
        return _without_text(file, language, DropReason.TOO_SMALL, "empty")
    return Document(file=file, text=text, language=language)


def _without_text(file: SourceFile, language: str, reason: DropReason, detail: str = "") -> Dropped:
    return Dropped(document=Document(file=file, text="", language=language), reason=reason, detail=detail)
