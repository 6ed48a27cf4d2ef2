"""The report for people: readable without colour, coloured on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from attribution.advice import CREDIT
from attribution.model import Attribution, Match, Verdict
from attribution.report.words import (
    advised,
    describe,
    known_place,
    others,
    renames,
    saying,
    summed_up,
    writable,
)

if TYPE_CHECKING:
    from attribution.report.formats import Context

_COLOURS = {
    Verdict.DENY: "31",
    Verdict.REVIEW: "33",
    Verdict.ATTRIBUTE: "36",
    Verdict.COMMON: "2",
}
_SETTLED = (Verdict.EXEMPT, Verdict.IGNORED, Verdict.COMMON)
_MOST_EVIDENCE = 2


def render_text(attributions: Sequence[Attribution], context: Context) -> str:
    """Render every match, file by file, then one line that sums up.

    What asks for nothing and is nobody else's, or is known already, takes a single line.
    """
    found = [(a.path, match) for a in attributions for match in a.matches]
    blocks: list[str] = []
    for is_settled, together in groupby(found, lambda one: one[1].verdict in _SETTLED):
        render_one = _render_settled if is_settled else render_match
        rendered = [render_one(path, match, colour=context.colour) for path, match in together]
        blocks += ["".join(rendered)] if is_settled else rendered
    if any(match.advice and match.verdict not in _SETTLED for _, match in found):
        blocks.append(f"advice: {CREDIT}\n")
    return "\n".join([*blocks, summed_up(attributions)]) + "\n"


def render_match(path: str, match: Match, *, colour: bool = False) -> str:
    """One match, over several lines; the first of them names the lines of the checked text."""
    facts = "".join(f"    {name:<9} {writable(value)}\n" for name, value in _facts(match))
    return f"{_headline(path, match, colour=colour)}\n{facts}"


def _render_settled(path: str, match: Match, *, colour: bool) -> str:
    facts = writable(f"{match.license.expression}: {match.reason}")
    return f"{_headline(path, match, colour=colour)}, {facts}\n"


def _headline(path: str, match: Match, *, colour: bool) -> str:
    place = _paint(f"{writable(path)}:{match.query}", "1", colour)
    verdict = _paint(match.verdict.value, _COLOURS.get(match.verdict), colour)
    return f"{place}  {verdict}  {describe(match)}"


def _facts(match: Match) -> Iterator[tuple[str, str]]:
    yield "licence", f"{match.license.expression}  ({saying(match.verdict)})"
    if match.reason:
        yield "reason", match.reason
    if match.advice:
        yield "advice", advised(match.advice)
    for evidence in match.license.evidence[:_MOST_EVIDENCE]:
        yield "evidence", evidence
    for conflict in match.license.conflicts:
        yield "conflict", conflict
    yield "source", _place(match)
    yield "swhid", str(match.source)
    if match.renames:
        yield "renamed", renames(match)
    if others(match):
        yield "also in", others(match)


def _place(match: Match) -> str:
    revision = f"  ({match.origin.revision})" if match.origin.revision else ""
    return f"{match.origin.url}  {known_place(match)}{revision}"


def _paint(text: str, code: str | None, colour: bool) -> str:
    return f"\033[{code}m{text}\033[0m" if colour and code else text
