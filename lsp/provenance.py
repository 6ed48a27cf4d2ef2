"""Provenance as editors take it: a line in commands, Markdown in hovers, a link into the archive."""

from __future__ import annotations

from assistant.completion import Completion
from attribution.model import Match
from attribution.report.words import others, saying

ARCHIVE = "https://archive.softwareheritage.org/"


def archive_link(match: Match) -> str:
    """Address of the source in the Software Heritage archive."""
    return f"{ARCHIVE}{match.source}"


def place(match: Match) -> str:
    """Name the source shortly: origin, path and lines."""
    name = match.origin.url.rstrip("/").rsplit("/", 1)[-1]
    lines = f":{match.source.lines}" if match.source.lines else ""
    return f"{name} {match.origin.path}{lines}"


def headline(match: Match) -> str:
    """Say in one line what a match is."""
    return f"{match.similarity:.0%} like {place(match)} · {match.license.expression}"


def completion_headline(completion: Completion) -> str:
    """Say in one line where a suggestion comes from."""
    ruling = completion.ruling
    if not ruling.traced:
        return "not traced: there is no index"
    return headline(ruling.matches[0]) if ruling.matches else "no known source"


def match_as_markdown(match: Match) -> str:
    """Describe a match: source, lines, licence and the evidence for it, similarity, identifier."""
    rows = [
        f"**{_escape(place(match))}**  ",
        f"{match.kind} match of lines {match.query}, {match.similarity:.0%} alike, {match.tokens} tokens  ",
        f"Licence `{match.license.expression}`, **{match.verdict}**: {saying(match.verdict)}  ",
        *([f"Reason: {_escape(match.reason)}  "] if match.reason else ()),
        *([f"Advice: {_escape(advice)} (OSADL, CC-BY-4.0)  "] if (advice := _advice(match)) else ()),
        *(f"Evidence: {_escape(evidence)}  " for evidence in match.license.evidence[:3]),
        *(f"Conflict: {_escape(conflict)}  " for conflict in match.license.conflicts),
        f"Origin: <{match.origin.url}>"
        + (f" ({_escape(match.origin.revision)})" if match.origin.revision else "")
        + "  ",
        f"[{match.source.core}]({archive_link(match).replace(' ', '%20')})",
    ]
    if others(match):
        rows.append(f"  \nAlso in {others(match)}")
    return "\n".join(rows)


def _advice(match: Match) -> str:
    """What the table of compatibility says; empty where it was not asked."""
    advice = match.advice
    return f"{advice.compatibility}, {advice.explanation}; advice, not law" if advice else ""


def _escape(text: str) -> str:
    """Keep a path or licence text from being read as Markdown."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|!" else " " if c in "\r\n" else c for c in text)
