"""The gate: a suggestion is traced before anybody sees it, and the policy decides what becomes of it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from assistant.config import OnDeny, TraceSettings
from attribution.model import Attribution, Match, Verdict

_TOKEN = re.compile(r"\w+|[^\w\s]")
AFTER_TOKENS = 32
"""Code after a suggestion that is traced together with it: a seed window (23 tokens) and some."""
_MAX_CHARACTERS = 16_384
"""Of either side; only lines of extraordinary length reach it."""


class TextTracer(Protocol):
    """What is needed of :class:`attribution.trace.Tracer`."""

    def trace(self, content: bytes, *, path: str) -> Attribution:
        """Find what a whole text is like."""

    def trace_insertion(
        self, before: bytes, inserted: bytes, after: bytes, *, first_line: int = 1, path: str = ""
    ) -> tuple[Match, ...]:
        """Find what a text is like that is inserted into another one."""

    def known_text(self, digest: bytes) -> bytes | None:
        """The content whose git SHA-1 this is, where an index keeps it."""


class Decision(StrEnum):
    """What becomes of a suggestion."""

    SHOW = "show"
    ANNOTATE = "annotate"
    """Show it with its source."""
    WITHHOLD = "withhold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A decision on one suggestion, with its grounds."""

    decision: Decision
    verdict: Verdict
    matches: tuple[Match, ...] = ()
    """Known code that the suggestion, with the code around it, is like; best first."""
    traced: bool = True
    """``False`` when there was no index to trace it with."""
    reason: str = ""
    """Why it was withheld, in a sentence for people."""


UNTRACED = Ruling(decision=Decision.SHOW, verdict=Verdict.ALLOW, traced=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The code around a suggestion that is traced together with it."""

    before: bytes
    after: bytes
    first_line: int
    """Of ``before`` in its document, from 1."""
    path: str = ""

    @classmethod
    def of(cls, prefix: str, suffix: str, settings: TraceSettings, *, path: str = "") -> Surroundings:
        """Take as much of both sides as the settings ask for."""
        before, first_line = tail(prefix, settings.context_tokens)
        return cls(
            before=before.encode("utf-8", "replace"),
            after=head(suffix, AFTER_TOKENS).encode("utf-8", "replace"),
            first_line=first_line,
            path=path,
        )

    def trace(self, tracer: TextTracer, inserted: str) -> tuple[Match, ...]:
        """Find what is like a text in this place; takes about a millisecond."""
        return tracer.trace_insertion(
            self.before,
            inserted.encode("utf-8", "replace"),
            self.after,
            first_line=self.first_line,
            path=self.path,
        )


async def rule(
    tracer: TextTracer, prefix: str, inserted: str, suffix: str, settings: TraceSettings, *, path: str = ""
) -> Ruling:
    """Trace a suggestion together with the code around it, and decide; the tracing runs in a thread."""
    around = Surroundings.of(prefix, suffix, settings, path=path)
    return decide(await asyncio.to_thread(around.trace, tracer, inserted), settings.on_deny)


def decide(matches: tuple[Match, ...], on_deny: OnDeny) -> Ruling:
    """Let the most severe verdict decide."""
    worst = max(matches, key=lambda match: match.verdict.severity, default=None)
    if worst is None or worst.verdict.severity < Verdict.ATTRIBUTE.severity:
        verdict = Verdict.ALLOW if worst is None else worst.verdict
        return Ruling(decision=Decision.SHOW, verdict=verdict, matches=matches)
    if worst.verdict is Verdict.DENY and on_deny is OnDeny.WITHHOLD:
        decision, reason = Decision.WITHHOLD, _reason(worst)
    else:
        decision, reason = Decision.ANNOTATE, ""
    return Ruling(decision=decision, verdict=worst.verdict, matches=matches, reason=reason)


def _reason(match: Match) -> str:
    place = f"{match.origin.url} {match.origin.path}" + (
        f":{match.source.lines}" if match.source.lines else ""
    )
    why = f" ({match.reason})" if match.reason else ""
    return (
        f"A suggestion was withheld: with the code around it, it is like {place}, "
        f"whose licence {match.license.expression} the policy denies{why}."
    )


def tail(text: str, tokens: int) -> tuple[str, int]:
    r"""Take whole lines from the end that hold at least so many tokens; answer their first line's number.

    >>> tail("a = 1\nb = 2\nc", 2)
    ('b = 2\nc', 2)
    """
    end, start, found = len(text), text.rfind("\n") + 1, 0
    while (found := found + len(_TOKEN.findall(text, start, end))) < tokens and start > 0:
        end, start = start, text.rfind("\n", 0, start - 1) + 1
    start = max(start, len(text) - _MAX_CHARACTERS)
    return text[start:], text.count("\n", 0, start) + 1


def head(text: str, tokens: int) -> str:
    r"""Take whole lines from the start that hold at least so many tokens.

    >>> head(" = 1\nb = 2\nc", 3)
    ' = 1\nb = 2\n'
    """
    end, found = 0, 0
    while end < len(text) and found < tokens:
        newline = text.find("\n", end)
        line_end = len(text) if newline < 0 else newline + 1
        found += len(_TOKEN.findall(text, end, line_end))
        end = line_end
    return text[: min(end, _MAX_CHARACTERS)]
