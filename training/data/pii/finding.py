"""What detectors of personal data have in common: a text goes in, stretches of it come out.

Detectors look at a :class:`Page`, the text with a twin of ASCII bytes of the same length, because patterns
over bytes are fast and every position is the same in both. No detector logs, prints or raises what it has
found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from training.data.stage import PersonalData


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A text and its twin; offsets in both count characters."""

    text: str
    shadow: bytes
    """The text with ``?`` for every character beyond ASCII."""

    @classmethod
    def of(cls, text: str) -> Page:
        """The page of any text, lone surrogates included."""
        return cls(text=text, shadow=text.encode("ascii", "replace"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A stretch of a text that is personal data; it spans no line break."""

    kind: PersonalData
    start: int
    end: int
    """Character behind the last one."""


class Detector(Protocol):
    """Finds personal data of one or more kinds; pure."""

    def __call__(self, page: Page) -> Iterable[Finding]:
        """Stretches in any order; they may overlap."""


_RANK = {
    kind: rank
    for rank, kind in enumerate(
        (
            PersonalData.KEY,
            PersonalData.PASSWORD,
            PersonalData.EMAIL,
            PersonalData.IP_ADDRESS,
            PersonalData.USERNAME,
            PersonalData.NAME,
        )
    )
}
"""Of findings that overlap the one that would hurt most if it were believed to be another names the union."""


def merge(findings: Iterable[Finding]) -> list[Finding]:
    """Findings ascending and disjoint: those that overlap become one over all their characters.

    >>> a = Finding(kind=PersonalData.NAME, start=0, end=5)
    >>> b = Finding(kind=PersonalData.EMAIL, start=3, end=9)
    >>> [(f.kind.value, f.start, f.end) for f in merge([b, a])]
    [('e-mail address', 0, 9)]
    """
    merged: list[Finding] = []
    for finding in sorted(findings, key=lambda found: (found.start, found.end)):
        if merged and finding.start < merged[-1].end:
            merged[-1] = _union(merged[-1], finding)
        else:
            merged.append(finding)
    return merged


def _union(left: Finding, right: Finding) -> Finding:
    kind = min(left.kind, right.kind, key=_RANK.__getitem__)
    return Finding(kind=kind, start=left.start, end=max(left.end, right.end))


_LINE = re.compile(r"[^\r\n]+")


def within_lines(page: Page, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings without the line breaks that a model may have put into them: one for each line."""
    for finding in findings:
        for line in _LINE.finditer(page.text, finding.start, finding.end):
            if not line[0].isspace():
                yield Finding(kind=finding.kind, start=line.start(), end=line.end())
