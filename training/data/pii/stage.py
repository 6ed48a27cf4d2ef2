"""The stage that takes personal data out of documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from training.data.pii.addresses import find_addresses
from training.data.pii.emails import find_emails
from training.data.pii.finding import Detector, Finding, Page
from training.data.pii.names import Recognizer, accepted
from training.data.pii.redact import Offsets, redact
from training.data.pii.secrets import find_secrets
from training.data.stage import Document, Dropped, DropReason, Judged, Mark, PersonalData, Redaction


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactPersonalData:
    """Replaces e-mail addresses, IP addresses, keys, passwords and, with a model, names.

    Nothing is dropped for it unless ``most_share`` is set. What was replaced is in ``Document.redactions``,
    so it is counted by kind from there; values are kept nowhere.
    """

    kinds: frozenset[PersonalData] = frozenset(PersonalData)
    """What is redacted; the rest stays."""
    recognizer: Recognizer | None = None
    """A model for what no pattern tells, such as names; ``None`` leaves names alone."""
    most_share: float | None = None
    """A document of which a larger share of characters would be replaced is dropped; ``None`` drops none."""

    @property
    def name(self) -> str:
        """The row in the data card."""
        return "personal data"

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Redact each document; the same again changes nothing."""
        texts = [document.text for document in batch]
        entities = self.recognizer(texts) if self.recognizer else [()] * len(batch)
        kept: list[Document] = []
        dropped: list[Dropped] = []
        for document, found in zip(batch, entities, strict=True):
            redacted = self._redact(document, found)
            share = _share(redacted)
            if self.most_share is not None and share > self.most_share:
                detail = f"{share:.0%} of its characters are personal data"
                dropped.append(Dropped(document=document, reason=DropReason.SECRETS, detail=detail))
            else:
                kept.append(redacted)
        return Judged(kept=tuple(kept), dropped=tuple(dropped))

    def _redact(self, document: Document, entities: Sequence[Finding]) -> Document:
        named = tuple(accepted(document.text, entities))
        first = redact(
            document.text, (self._patterns, _known(document.text, named)), earlier=document.redactions
        )
        if first.redactions == document.redactions:
            return document
        marks = _moved(document.marks, document.redactions, first.redactions)
        return replace(document, text=first.text, redactions=first.redactions, marks=marks)

    def _patterns(self, page: Page) -> Iterator[Finding]:
        for detect in (find_emails, find_addresses, find_secrets):
            yield from (found for found in detect(page) if found.kind in self.kinds)


def _moved(
    marks: tuple[Mark, ...], earlier: tuple[Redaction, ...], later: tuple[Redaction, ...]
) -> tuple[Mark, ...]:
    """Marks of the text that ``earlier`` made, in the one that ``later`` makes.

    A mark inside a stretch that is replaced as a whole stands before the replacement.
    """
    if not marks:
        return marks
    before, after = Offsets.of(earlier), Offsets.of(later)
    return tuple(replace(mark, position=after.after(before.before(mark.position))) for mark in marks)


def _known(text: str, findings: Iterable[Finding]) -> Detector:
    """What a model found, in the text in which it found it and in no other."""

    def detect(page: Page) -> Iterable[Finding]:
        return findings if page.text == text else ()

    return detect


def _share(document: Document) -> float:
    covered = sum(redaction.end - redaction.start for redaction in document.redactions)
    added = sum(len(redaction.replacement) for redaction in document.redactions)
    return covered / max(1, len(document.text) + covered - added)
