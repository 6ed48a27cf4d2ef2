"""What the stages of curation have in common: documents go in, documents and refusals come out.

A stage is a frozen dataclass: its fields are its configuration, and calling it judges a batch. It is pure:
equal fields and an equal batch give an equal answer, in any process and in any order of batches. So a batch
can be judged by any process and any machine, twice after a crash, and apart from all others. Fields must be
values that pickle and that :func:`training.data.config.describe` can write (numbers, texts, paths, enums,
tuples, frozensets, frozen dataclasses); a stage that reads a file holds its SHA-256 beside its path. What is
dear to make from them (a compiled pattern, a model, a connection) is made on first use, once a process, and
is no field.

Stages that must see all documents at once (deduplication) are not of this kind: :mod:`training.data.dedup`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from attribution.model import Facts, SourceFile


class DropReason(StrEnum):
    """Why a document is not kept; the values are what people read."""

    # what the licence and the owners say
    OPTED_OUT = "opted out"
    LICENSE = "licence is not permissive"
    NO_LICENSE = "no licence is known"
    LICENSE_OF_COPY = "same content is under a refused licence elsewhere"
    # what it is
    NOT_TEXT = "cannot be decoded as text"
    TOO_LARGE = "too large"
    TOO_SMALL = "too small"
    LANGUAGE = "language not asked for"
    VENDORED = "vendored"
    GENERATED = "generated"
    NOTEBOOK_WITHOUT_CODE = "notebook without code"
    BOTS = "nobody but bots"
    ONE_VOICE = "a long conversation of one person"
    NOT_ACCEPTED = "pull request that was not accepted"
    ROUTINE = "pull request of routine"
    FEW_STARS = "too few stars"
    HELD_OUT = "held out for evaluation"
    EXCLUDED = "excluded by the recipe"
    # what it looks like
    TOO_MANY_LINES = "too many lines"
    LONG_LINES = "lines too long on average"
    LONG_LINE = "a line too long"
    FEW_LETTERS = "too few letters"
    ENCODED_DATA = "encoded data"
    LITTLE_VISIBLE_TEXT = "little visible text"
    DATA_FILE = "data rather than code"
    TEXT_FILE = "text that is no documentation"
    COMMENT_RATIO = "too few or too many comments"
    FERTILITY = "unlike code to the tokenizer"
    # what it holds
    MALWARE = "malware"
    SECRETS = "too much personal data to redact"
    CONTAMINATED = "holds a part of an evaluation set"
    # what else there is
    EXACT_DUPLICATE = "same content as another file"
    NEAR_DUPLICATE = "nearly the same as another file"
    NEAR_HELD_OUT = "nearly the same as a held-out file"


class PersonalData(StrEnum):
    """What may be redacted."""

    NAME = "name"
    USERNAME = "username"
    EMAIL = "e-mail address"
    PASSWORD = "password"
    KEY = "key"
    IP_ADDRESS = "IP address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """A stretch of a document that was replaced.

    Offsets count characters of the text as it came to the first stage that redacts. A replacement holds as
    many line breaks as what it replaces, so line numbers stay what they were.
    """

    kind: PersonalData
    start: int
    end: int
    replacement: str


class ControlToken(StrEnum):
    """StarCoder2's sentinels (table 5 of its paper) of which a document may ask for one."""

    ISSUE_START = "<issue_start>"
    ISSUE_COMMENT = "<issue_comment>"
    ISSUE_CLOSED = "<issue_closed>"
    JUPYTER_START = "<jupyter_start>"
    JUPYTER_TEXT = "<jupyter_text>"
    JUPYTER_CODE = "<jupyter_code>"
    JUPYTER_OUTPUT = "<jupyter_output>"
    JUPYTER_SCRIPT = "<jupyter_script>"
    EMPTY_OUTPUT = "<empty_output>"
    REPOSITORY = "<repo_name>"
    PULL_REQUEST = "<pr>"
    PULL_STATUS = "<pr_status>"
    PULL_IS_MERGED = "<pr_is_merged>"
    PULL_FILE = "<pr_file>"
    PULL_HUNK = "<pr_diff_hunk>"
    PULL_COMMENT = "<pr_comment>"
    PULL_EVENT = "<pr_event_id>"
    PULL_REVIEW = "<pr_review>"
    PULL_REVIEW_STATE = "<pr_review_state>"
    PULL_REVIEW_COMMENT = "<pr_review_comment>"
    PULL_REPLY_TO_REVIEW = "<pr_in_reply_to_review_id>"
    PULL_REPLY_TO_COMMENT = "<pr_in_reply_to_comment_id>"
    PULL_LINE = "<pr_diff_hunk_comment_line>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place at which a control token stands; the text itself never holds one, whatever it reads like."""

    position: int
    """Characters of the text before it."""
    token: ControlToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A source file on its way to training."""

    file: SourceFile
    """As its source gave it; never changed."""
    text: str
    """What would be trained on."""
    language: str
    """A name of :data:`attribution.languages.extensions.LANGUAGES` or one more that filters know."""
    redactions: tuple[Redaction, ...] = ()
    """Ascending and disjoint."""
    marks: tuple[Mark, ...] = ()
    """In the order of their tokens; with them a document stands for itself, outside its repository."""

    @property
    def path(self) -> str:
        """Path of the file in its repository."""
        return self.file.origin.path

    @property
    def facts(self) -> Facts:
        """What the source knows of the repository and the file."""
        return self.file.facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A document that a stage refuses."""

    document: Document
    reason: DropReason
    detail: str = ""
    """What exactly, such as ``a line of 12,408 characters``; never text of the document."""
    stage: str = ""
    """Name of the stage; :func:`run_stages` fills it in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a stage makes of a batch: every document is in one of both, in the order of the batch."""

    kept: tuple[Document, ...]
    dropped: tuple[Dropped, ...] = ()
    notices: frozenset[str] = field(default_factory=frozenset)
    """Sentences for the user, each told once a run, such as that a scanner is not installed."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What the data card tells the sum of, in words after the number, such as ``files were not scanned``."""


class Stage(Protocol):
    """A pure function on batches, with its configuration."""

    @property
    def name(self) -> str:
        """One or two words, unique in a pipeline; names the row in the data card."""

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge every document of a batch by itself."""


def judge_each(
    batch: Iterable[Document], refuse: Callable[[Document], tuple[DropReason, str] | None]
) -> Judged:
    """Judge a batch by a rule that answers the reason and the detail for a document to drop."""
    kept: list[Document] = []
    dropped: list[Dropped] = []
    for document in batch:
        refusal = refuse(document)
        if refusal is None:
            kept.append(document)
        else:
            dropped.append(Dropped(document=document, reason=refusal[0], detail=refusal[1]))
    return Judged(kept=tuple(kept), dropped=tuple(dropped))


def run_stages(stages: Sequence[Stage], batch: Sequence[Document]) -> Judged:
    """Send a batch through stages one after another; pure, so any executor may run it anywhere."""
    kept = tuple(batch)
    dropped: list[Dropped] = []
    notices: frozenset[str] = frozenset()
    counts: Counter[str] = Counter()
    for stage in stages:
        judged = stage(kept)
        kept = judged.kept
        dropped += (replace(refused, stage=stage.name) for refused in judged.dropped)
        notices |= judged.notices
        counts.update(judged.counts)
    return Judged(kept=kept, dropped=tuple(dropped), notices=notices, counts=counts)
