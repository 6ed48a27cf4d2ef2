"""What is known about the open documents: their matches, moved along as the text around them is edited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lsprotocol import types

from attribution.model import Match
from attribution.span import Span
from lsp.positions import count_line_ends

LINES_ABOVE = 5
"""So near above a match, a comment may speak of it: attribute it, or have it ignored."""


class Findings:
    """The matches of each open document."""

    def __init__(self) -> None:
        self._matches: dict[str, tuple[Match, ...]] = {}

    def put(self, uri: str, matches: Iterable[Match]) -> None:
        """Replace what is known of a document."""
        self._matches[uri] = tuple(matches)

    def drop(self, uri: str) -> None:
        """Forget a document."""
        self._matches.pop(uri, None)

    def at_line(self, uri: str, line: int) -> list[Match]:
        """Answer the matches that hold a line, counted from 1; best first."""
        return [m for m in self._matches.get(uri, ()) if m.query.first <= line <= m.query.last]

    def in_lines(self, uri: str, first: int, last: int) -> list[Match]:
        """Answer the matches that share a line with a range, counted from 1; best first."""
        return [m for m in self._matches.get(uri, ()) if m.query.first <= last and first <= m.query.last]

    def edit(self, uri: str, change: types.TextDocumentContentChangeEvent) -> bool:
        """Move the matches below an edit, and drop those that it touches, until the text is checked again.

        Answers whether the edit may change what is to be said: it touches a match, or the lines above one.
        """
        known = self._matches.get(uri)
        if not known:
            return False
        if not isinstance(change, types.TextDocumentContentChangePartial):
            self._matches[uri] = ()
            return True
        moved = (_move(match, change) for match in known)
        self._matches[uri] = tuple(match for match in moved if match is not None)
        return any(_concerns(match, change) for match in known)


def _concerns(match: Match, change: types.TextDocumentContentChangePartial) -> bool:
    first, last = change.range.start.line + 1, change.range.end.line + 1
    return first <= match.query.last and last >= match.query.first - LINES_ABOVE


def _move(match: Match, change: types.TextDocumentContentChangePartial) -> Match | None:
    first, last = change.range.start.line + 1, change.range.end.line + 1
    added = count_line_ends(change.text) - (last - first)
    if first > match.query.last:
        return match
    if last < match.query.first or (last == match.query.first and change.range.end.character == 0):
        return replace(match, query=Span(match.query.first + added, match.query.last + added))
    return None
