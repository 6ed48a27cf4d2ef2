"""The report for people: readable without colour, coloured on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from attribution.model import Attribution, Kind, Match, Verdict

_COLOURS = {
    Verdict.DENY: "31",
    Verdict.REVIEW: "33",
    Verdict.ATTRIBUTE: "36",
    Verdict.COMMON: "2",
}
_SAYINGS = {
    Verdict.DENY: "the policy denies this licence",
    Verdict.REVIEW: "a person should look at this",
    Verdict.ATTRIBUTE: "keep the notice when you keep the code",
    Verdict.COMMON: "common code, found in many places",
    Verdict.ALLOW: "the policy allows this",
}


def render_text(attributions: Sequence[Attribution], *, colour: bool) -> str:
    """Render every file that has matches, then one line that sums up."""
    blocks = [_file(attribution, colour) for attribution in attributions if attribution.matches]
    return "\n".join([*blocks, _summary(attributions)]) + "\n"


def _file(attribution: Attribution, colour: bool) -> str:
    matches = [_match(attribution.path, match, colour) for match in attribution.matches]
    return "\n".join(matches)


def _match(path: str, match: Match, colour: bool) -> str:
    verdict = _paint(match.verdict.value, _COLOURS.get(match.verdict), colour)
    saying = _SAYINGS.get(match.verdict)
    head = f"{path}:{match.query}  {verdict}  {describe(match)}"
    lines = [
        _paint(head, "1", colour) if not colour else head,
        f"    licence   {match.license.expression}" + (f"  ({saying})" if saying else ""),
        *(f"    evidence  {evidence}" for evidence in match.license.evidence[:2]),
        f"    source    {_place(match)}",
        f"    swhid     {match.source}",
    ]
    if match.copies > 1:
        lines.append(f"    also in   {match.copies - 1} other known file{'s' if match.copies > 2 else ''}")
    return "\n".join(lines) + "\n"


def describe(match: Match) -> str:
    """Say in a few words what a match is."""
    if match.kind is Kind.IDENTICAL:
        return "identical file"
    if match.kind is Kind.COMMON:
        return f"common code, {match.tokens} tokens"
    likeness = "near copy" if match.kind is Kind.NEAR_COPY else "copied code"
    return f"{likeness}, {match.similarity:.0%} alike, {match.tokens} tokens"


def _place(match: Match) -> str:
    revision = f"  ({match.origin.revision})" if match.origin.revision else ""
    return f"{match.origin.url}  {match.origin.path}:{match.source.lines}{revision}"


def _summary(attributions: Sequence[Attribution]) -> str:
    found = [attribution for attribution in attributions if attribution.matches]
    files = f"{len(attributions)} file{'s' * (len(attributions) != 1)} checked"
    if not found:
        return f"{files}: nothing that the indexes know"
    matches = sum(len(attribution.matches) for attribution in found)
    worst = max((a.verdict for a in found), key=lambda verdict: verdict.severity)
    return f"{files}: {matches} match{'es' * (matches != 1)} in {len(found)}, gravest verdict {worst}"


def _paint(text: str, code: str | None, colour: bool) -> str:
    return f"\033[{code}m{text}\033[0m" if colour and code else text
