"""Asking ahead: what a look-up is going to ask of the parts of an index, in a single round.

A round to other machines takes far longer than what is asked in it. So the first question carries all that
follows for most texts: the identical files, the ranges, how frequent the words are, and the texts of the
files that are likest. Whatever else is asked goes to the parts, so answers are the same as without.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TypeVar

from attribution.candidates import Known
from attribution.errors import MissingExtraError
from attribution.index.ask import SegmentDocument
from attribution.index.contents import text_of
from attribution.index.parts import (
    FoundInSegment,
    Identical,
    InParts,
    Kept,
    Part,
    Question,
    Ranges,
    Totals,
)
from attribution.index.protocol import Foreseen
from attribution.lexical import WordTotals

A = TypeVar("A")

_TEXTS = 4
"""Files of a part whose texts are sent before anybody asks."""
_TEXT_BYTES = 1 << 18
"""Of all of them together; those of longer files are asked for one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAnswer:
    """What a part says to all that was foreseen."""

    identical: list[tuple[int, Known]]
    ranges: list[FoundInSegment]
    totals: WordTotals | None
    texts: dict[bytes, bytes]
    """By git SHA-1."""


@dataclass(frozen=True, slots=True)
class FirstRound:
    """Asks all that is foreseen at once."""

    foreseen: Foreseen
    kept: Kept
    """By all parts together."""

    def asked_of(self, part: Part) -> FirstAnswer:
        """The answer of one part."""
        identical = self._identical.asked_of(part)
        ranges = self._ranges.asked_of(part)
        totals = self._totals
        return FirstAnswer(
            identical=identical,
            ranges=ranges,
            totals=None if totals is None else totals.asked_of(part),
            texts=_texts(_likest(identical, ranges)) if self.kept.texts else {},
        )

    def with_answers(self, answers: list[FirstAnswer]) -> dict[Question[Any], list[Any]]:
        """Each question that was foreseen, with the answers of all parts."""
        known: dict[Question[Any], list[Any]] = {
            self._identical: [answer.identical for answer in answers],
            self._ranges: [answer.ranges for answer in answers],
        }
        if self._totals is not None:
            known[self._totals] = [answer.totals for answer in answers]
        return known

    @property
    def _identical(self) -> Identical:
        return Identical(self.foreseen.digest)

    @property
    def _ranges(self) -> Ranges:
        return Ranges(self.foreseen.query, self.foreseen.wanted)

    @property
    def _totals(self) -> Totals | None:
        """Where words tell apart, or propose what nothing else finds."""
        is_asked = self.kept.words and self.foreseen.wanted.tells_apart
        return Totals(self.foreseen.query.content) if is_asked else None


@dataclass(frozen=True, slots=True)
class AskedAhead(InParts):
    """Parts of which some answers are there already; for the look-ups of one text."""

    parts: InParts
    known: dict[Question[Any], list[Any]]
    texts: dict[bytes, bytes]

    @classmethod
    def of(cls, parts: InParts, foreseen: Foreseen) -> AskedAhead:
        """Ask; raise :class:`IndexUnusableError` where a part has no answer."""
        asked = FirstRound(foreseen, parts.kept)
        answers = parts.ask(asked)
        texts = dict(chain.from_iterable(answer.texts.items() for answer in answers))
        return cls(parts, asked.with_answers(answers), texts)

    @property
    def kept(self) -> Kept:
        """What the parts keep."""
        return self.parts.kept

    def ask(self, question: Question[A]) -> list[A]:
        """What is known, or what the parts say."""
        answers = self.known.get(question)
        return self.parts.ask(question) if answers is None else answers

    def text(self, digest: bytes) -> bytes | None:
        """The content whose git SHA-1 this is."""
        found = self.texts.get(digest)
        return self.parts.text(digest) if found is None else found


def _likest(identical: list[tuple[int, Known]], ranges: list[FoundInSegment]) -> Iterable[SegmentDocument]:
    """Documents of a part whose texts are likely to be compared with the query, each once."""
    candidates = [candidate for found in ranges for candidate in found.ranges if not candidate.is_common]
    heaviest = sorted(candidates, key=lambda candidate: -candidate.weight)
    known = chain((one for _, one in identical), (candidate.known for candidate in heaviest))
    return dict.fromkeys(one for one in known if isinstance(one, SegmentDocument))


def _texts(documents: Iterable[SegmentDocument]) -> dict[bytes, bytes]:
    """Of the first documents those texts that are kept, by git SHA-1, as long as there is room."""
    texts: dict[bytes, bytes] = {}
    room = _TEXT_BYTES
    for document in islice(documents, _TEXTS):
        with suppress(MissingExtraError):
            text = text_of(document.segment, document.number)
            if text is not None and len(text) <= room:
                texts[document.digest] = text
                room -= len(text)
    return texts
