"""The report on a ledger: for people, as JSON; SPDX and notices are those of checked files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from assistant.ledger.retrace import State, Traced
from attribution.model import Match
from attribution.report.json_report import match_as_json
from attribution.report.words import describe, known_place, saying, writable

SCHEMA = 1


def render_text(traced: Sequence[Traced]) -> str:
    """Every accepted suggestion, oldest first, then one line that sums up."""
    return "\n".join([*(_block(one) for one in traced), _summed_up(traced)]) + "\n"


def render_json(traced: Sequence[Traced]) -> str:
    """Render as one JSON document; schema 1, documented in ``docs/assistant.md``."""
    return json.dumps({"schema": SCHEMA, "accepted": [_as_json(one) for one in traced]}, indent=2) + "\n"


def _block(traced: Traced) -> str:
    accepted = traced.acceptance
    place = f"{accepted.path}:{accepted.lines}" if traced.path is None else f"{traced.path}:{traced.lines}"
    lines = [f"{writable(place)}  {_state(traced)}"]
    lines += [f"    {name:<9} {writable(value)}" for name, value in _facts(traced)]
    return "\n".join(lines) + "\n"


def _state(traced: Traced) -> str:
    accepted = traced.acceptance
    if traced.state is State.MOVED:
        return f"moved from {writable(accepted.path)}:{accepted.lines}"
    if traced.state is State.EDITED:
        return f"edited, {traced.kept:.0%} of its lines kept"
    return traced.state.value


def _facts(traced: Traced) -> Iterator[tuple[str, str]]:
    accepted = traced.acceptance
    how_much = "wholly" if accepted.is_whole else f"its first {accepted.characters} characters"
    yield "accepted", f"{accepted.accepted_at}, {how_much}"
    yield "model", accepted.model
    if not accepted.traced:
        yield "untraced", "there was no index to trace it with when it was accepted"
    for match in traced.binding:
        yield "binds", f"{match.license.expression}: {match.verdict}, {saying(match.verdict)}"
        yield "lines", f"{match.query}: {describe(match)}, {_source(match)}"
        yield "swhid", str(match.source)
        if match in traced.unchecked:
            yield "unchecked", "no index holds this source today; it binds as it was found when accepted"
    released = {match.source.digest for match in accepted.matches}
    if traced.state is not State.GONE and released and not traced.binding:
        yield "binds", "nothing any more"


def _source(match: Match) -> str:
    return f"{match.origin.url}  {known_place(match)}"


def _summed_up(traced: Sequence[Traced]) -> str:
    count = len(traced)
    states = Counter(one.state for one in traced)
    told = ", ".join(f"{states[state]} {state}" for state in State if states[state])
    bound = sum(bool(one.binding) for one in traced)
    said = f"{count} accepted suggestion{'s' * (count != 1)}"
    return f"{said}: {told}; {bound} bound by a licence" if count else said


def _as_json(traced: Traced) -> dict[str, Any]:
    accepted = traced.acceptance
    return {
        "id": accepted.suggestion,
        "accepted_at": accepted.accepted_at,
        "path": accepted.path,
        "lines": [accepted.lines.first, accepted.lines.last],
        "characters": accepted.characters,
        "whole": accepted.is_whole,
        "told_by": accepted.told_by.value,
        "model": accepted.model,
        "prompt_sha256": accepted.prompt_hash,
        "traced": accepted.traced,
        "decision": accepted.decision.value,
        "verdict": accepted.verdict.value,
        "matches": [match_as_json(match) for match in accepted.matches],
        "state": traced.state.value,
        "now": _place_as_json(traced),
        "binding": [
            {**match_as_json(match), "checked": match not in traced.unchecked} for match in traced.binding
        ],
    }


def _place_as_json(traced: Traced) -> dict[str, Any] | None:
    if traced.path is None or traced.lines is None:
        return None
    return {
        "path": traced.path,
        "lines": [traced.lines.first, traced.lines.last],
        "kept": round(traced.kept, 4),
    }
