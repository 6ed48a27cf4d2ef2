"""What every report says in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from attribution.model import Advice, Attribution, Kind, Match, Verdict

_SAYINGS = {
    Verdict.DENY: "the policy denies this licence",
    Verdict.REVIEW: "a person should look at this",
    Verdict.ATTRIBUTE: "keep the notice when you keep the code",
    Verdict.ALLOW: "the policy allows this",
    Verdict.COMMON: "common code, found in many places",
    Verdict.EXEMPT: "your own code",
    Verdict.IGNORED: "ignored at your word",
}


_LIKENESS = {Kind.NEAR_COPY: "near copy", Kind.RENAMED: "copied code with names changed"}
_RENAMES_SHOWN = 6


def counted(count: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "file"), counted(4605, "file")
    ('1 file', '4,605 files')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def saying(verdict: Verdict) -> str:
    """What a verdict asks of a person."""
    return _SAYINGS[verdict]


def describe(match: Match) -> str:
    """What a match is, in a few words."""
    if match.kind is Kind.IDENTICAL:
        return "identical file"
    if match.kind is Kind.COMMON:
        return f"common code, {match.tokens} tokens"
    likeness = _LIKENESS.get(match.kind, "copied code")
    return f"{likeness}, {match.similarity:.0%} alike, {match.tokens} tokens"


def known_place(match: Match) -> str:
    """Path and lines of the known file, as its source names them."""
    return f"{match.origin.path}:{match.source.lines}" if match.source.lines else match.origin.path


def advised(advice: Advice) -> str:
    """What the table of compatibility says; a report that shows it shows whose table it is, too."""
    return f"{advice.compatibility.value}: {advice.explanation}"


def others(match: Match) -> str:
    """How many further known files hold the same code; empty where none does."""
    count = match.copies - 1
    if count < 1:
        return ""
    under = f", also under {', '.join(match.other_licenses)}" if match.other_licenses else ""
    return f"{count} other known file{'s' * (count > 1)}{under}"


def renames(match: Match) -> str:
    """The names that were changed, those of the known file first; empty where that is not known."""
    shown = ", ".join(f"{r.source} → {r.query}" for r in match.renames[:_RENAMES_SHOWN])
    more = len(match.renames) - _RENAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def summed_up(attributions: Sequence[Attribution]) -> str:
    """What a check came to, in one line."""
    found = [attribution for attribution in attributions if attribution.matches]
    files = f"{len(attributions)} file{'s' * (len(attributions) != 1)} checked"
    if not found:
        return f"{files}: nothing that the indexes know"
    matches = sum(len(attribution.matches) for attribution in found)
    worst = max((a.verdict for a in found), key=lambda verdict: verdict.severity)
    return f"{files}: {matches} match{'es' * (matches != 1)} in {len(found)}, gravest verdict {worst}"


def printable(text: str) -> str:
    """A text as it can be shown on one line: control characters and the like as escapes, as git does."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def writable(text: str) -> str:
    r"""The same for what is written as bytes: those that are not UTF-8 stay as they are (PEP 383).

    Those from 0x80 to 0x9F are escaped all the same: they control terminals of eight bits, and bytes that
    stand side by side cannot make a control character or one that reorders text without them.

    >>> writable("caf\udce9 \udc9b31m")
    'caf\udce9 \\udc9b31m'
    """
    return "".join(c if "\udca0" <= c <= "\udcff" else printable(c) for c in text)
