"""What an index holds of somebody's work, as text, as JSON, and as a list to opt out with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from attribution.holdings import Holding, Holdings
from attribution.model import Kind
from attribution.report.words import counted, writable

SCHEMA = 1
_LIKENESS = {
    Kind.LITERAL: "copied code",
    Kind.RENAMED: "copied code with names changed",
    Kind.NEAR_COPY: "near copy",
    Kind.LEXICAL: "copied code",
}


def holdings_as_text(asked: str, holdings: Holdings, *, limit: int) -> str:
    """A summary, counts by licence, and the first ``limit`` of each group; 0 means all."""
    lines = [_summary(asked, holdings)]
    if holdings.held:
        lines += ["licences"]
        lines += [f"  {count:>8,}  {name}" for name, count in holdings.license_counts().items()]
    for title, group in (
        ("as they are", holdings.identical),
        ("in part", holdings.in_part),
        (f"from {', '.join(map(writable, holdings.ids))}", holdings.by_id),
    ):
        lines += _group(title, group, limit)
    return "\n".join(lines) + "\n"


def _summary(asked: str, holdings: Holdings) -> str:
    if not holdings.held:
        return f"{writable(asked)}: nothing of it is in the index"
    parts = []
    if holdings.files:
        theirs = {h.path for h in holdings.identical}
        partly = {h.path for h in holdings.in_part}
        count = f"{len(theirs):,} of {holdings.files:,} files are in the index as they are"
        parts.append(f"{count}, {len(partly):,} in part")
    if holdings.ids:
        come = "comes" if len(holdings.by_id) == 1 else "come"
        parts.append(f"{counted(len(holdings.by_id), 'file')} in the index {come} from there")
    return f"{writable(asked)}: {'; '.join(parts)}"


def _group(title: str, group: Sequence[Holding], limit: int) -> Iterator[str]:
    if not group:
        return
    yield title
    for holding in group[: limit or None]:
        yield f"  {_name(holding)}"
        yield f"      {holding.source}"
    more = len(group) - limit
    if limit and more > 0:
        yield f"  and {more:,} more; all of them with --limit 0"


def _name(holding: Holding) -> str:
    """The asker's file where there is one, else the known one; likeness, licence, further places."""
    named = writable(holding.origin.path if holding.path is None else holding.path)
    lines = f":{holding.query}" if holding.query else ""
    words = [holding.origin.license.expression]
    if holding.kind in _LIKENESS:
        words.insert(0, f"{_LIKENESS[holding.kind]}, {holding.similarity:.0%} alike")
    if holding.places > 1:
        words.append(f"in {holding.places:,} places")
    return f"{named}{lines}  {', '.join(words)}"


def holdings_as_json(asked: str, holdings: Holdings) -> str:
    """All of it as one JSON document; ``docs/cli.md`` describes it."""
    return json.dumps(holdings_as_form(asked, holdings, held=holdings.held), indent=2) + "\n"


def holdings_as_form(asked: str, holdings: Holdings, *, held: Sequence[Holding]) -> dict[str, Any]:
    """The same before it is written; of what is held these are named, and all is counted."""
    return {
        "schema": SCHEMA,
        "asked": asked,
        "ids": list(holdings.ids),
        "files": holdings.files,
        "counts": {
            "identical": len(holdings.identical),
            "in_part": len(holdings.in_part),
            "by_id": len(holdings.by_id),
            "authors_unknown": holdings.unsearched,
        },
        "licenses": holdings.license_counts(),
        "held": [_as_json(holding) for holding in held],
    }


def _as_json(holding: Holding) -> dict[str, Any]:
    lines = holding.source.lines
    return {
        "path": holding.path,
        "lines": [holding.query.first, holding.query.last] if holding.query else None,
        "kind": holding.kind.value if holding.kind else None,
        "similarity": round(holding.similarity, 4),
        "source": {
            "swhid": str(holding.source),
            "lines": [lines.first, lines.last] if lines else None,
            "origin": holding.origin.url,
            "path": holding.origin.path,
            "revision": holding.origin.revision,
        },
        "license": {
            "expression": holding.origin.license.expression,
            "evidence": list(holding.origin.license.evidence),
        },
        "places": holding.places,
    }


def holdings_as_list(asked: str, holdings: Holdings) -> str:
    """An opt-out list: each content once; what is only alike, and the origins, as comments to decide on."""
    lines = [
        f"# What is known of {writable(asked)}; to keep it out: sc-attrib index remove --list THIS-FILE",
        "# Delete the lines of what is not yours; take the # away from what is yours all the same.",
    ]
    if holdings.ids:
        lines += ["#", "# Everything from there, also what is still to come:"]
        lines += [f"# {name}" for name in holdings.ids]
    sure = {str(h.source.core): h for h in reversed([*holdings.identical, *holdings.by_id])}
    lines += [f"{core}  {_comment(h)}" for core, h in reversed(sure.items())]
    alike = {str(h.source.core): h for h in reversed(holdings.in_part)}
    alike = {core: h for core, h in reversed(alike.items()) if core not in sure}
    if alike:
        lines += ["#", "# Files of others, or other versions, that share lines with yours:"]
        lines += [f"# {core}  {_comment(h)}" for core, h in alike.items()]
    return "\n".join(lines) + "\n"


def _comment(holding: Holding) -> str:
    return f"# {writable(holding.origin.path)}, {writable(holding.origin.url)}"
