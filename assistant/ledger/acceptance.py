"""One accepted suggestion, as it is written down: what, when, where, and what it was like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from assistant.completion import Completion
from assistant.ledger.sketch import Sketch, sketch_accepted
from assistant.tracing import Decision
from attribution.model import Match, Verdict
from attribution.span import Span


class ToldBy(StrEnum):
    """How it is known that a suggestion was accepted."""

    EDITOR = "editor"
    """The editor said so."""
    CHANGE = "change"
    """The editor said nothing, but put the suggestion into the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The cursor at which a suggestion was made, with a few lines on either side of it."""

    path: str
    """Relative to the workspace, with forward slashes; absolute for a file outside of it."""
    line: int
    """Of the cursor, from 1."""
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A suggestion that somebody took, wholly or in part."""

    suggestion: str
    """The suggestion's id. What is taken piece by piece is written down again with each piece."""
    accepted_at: str
    """ISO 8601, UTC."""
    path: str
    lines: Span
    """Lines of the file that the accepted text reaches into, as they were then."""
    characters: int
    is_whole: bool
    told_by: ToldBy
    model: str
    prompt_hash: str
    """SHA-256 of the prompt's token ids, each as four bytes, the lowest first; empty where there was none."""
    traced: bool
    decision: Decision
    verdict: Verdict
    matches: tuple[Match, ...]
    sketch: Sketch


def accept(
    completion: Completion, place: Place, *, characters: int, told_by: ToldBy, at: datetime | None = None
) -> Acceptance:
    """Describe that the first ``characters`` of a suggestion were taken at its place."""
    taken = completion.text[:characters]
    sketch, lines = sketch_accepted(place.before, taken, place.after, path=place.path)
    return Acceptance(
        suggestion=completion.id,
        accepted_at=(at or datetime.now(UTC)).isoformat(timespec="seconds"),
        path=place.path,
        lines=lines.shifted(place.line - 1 - place.before.count("\n")),
        characters=len(taken),
        is_whole=len(taken) == len(completion.text),
        told_by=told_by,
        model=completion.model,
        prompt_hash=completion.prompt_hash,
        traced=completion.ruling.traced,
        decision=completion.ruling.decision,
        verdict=completion.ruling.verdict,
        matches=completion.ruling.matches,
        sketch=sketch,
    )


def path_in(workspace: Path, path: str) -> str:
    """Name a file as the ledger does: relative to the workspace where it lies in it."""
    file, root = Path(path).resolve(), workspace.resolve()
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else file.as_posix()
