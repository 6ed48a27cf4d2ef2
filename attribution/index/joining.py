"""Joining: a literal range and a structural one of the same copy are one candidate."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from attribution.candidates import Candidate, Known
from attribution.model import Lane
from attribution.query import Query

_LITERAL_SHARE = 0.5
"""Of what structure finds in a range, the share of tokens that must be literally there for a literal copy."""
_SAME_COPY_SHARE = 0.5
"""Of the shorter of two ranges, the share that must lie in the other, on both sides."""
_WIDENING_SIMILARITY = 0.85
"""How alike the structure must be for its range to widen the literal one."""


def joined(literal: list[Candidate], renamed: list[Candidate], query: Query) -> list[Candidate]:
    """Make one of a literal and a structural range of the same copy.

    Where names are the same the literal range counts, widened by the structural one, which goes on over
    changed names and comments; where they are not, the structural one does.
    """
    by_document: dict[Known, list[Candidate]] = defaultdict(list)
    for candidate in literal:
        by_document[candidate.known].append(candidate)
    for other in renamed:
        ours = by_document[other.known]
        at = next((n for n, own in enumerate(ours) if _is_same_copy(own, other)), None)
        if at is None:
            ours.append(other)
        elif ours[at].tokens >= _LITERAL_SHARE * other.tokens:
            ours[at] = _widened(ours[at], other, query)
        else:
            ours[at] = other.also_found_by(Lane.SEEDS)
    return [candidate for candidates in by_document.values() for candidate in candidates]


def _is_same_copy(one: Candidate, other: Candidate) -> bool:
    return all(
        a.overlap(b) >= _SAME_COPY_SHARE * min(len(a), len(b))
        for a, b in ((one.query, other.query), (one.source, other.source))
    )


def _widened(literal: Candidate, structural: Candidate, query: Query) -> Candidate:
    """The literal range as far as a very like structural one goes; its shared tokens stay what they are."""
    if structural.similarity < _WIDENING_SIMILARITY:
        return literal.also_found_by(Lane.STRUCTURE)
    span, source = literal.query.union(structural.query), literal.source.union(structural.source)
    lines = query.literal.token_lines
    first, end = np.searchsorted(lines, (span.first, span.last + 1))
    in_query = int(end - first)
    per_line = (2 * literal.tokens / literal.similarity - literal.tokens / literal.containment) / len(
        literal.source
    )
    in_source = per_line * len(source)
    return replace(
        literal,
        query=span,
        source=source,
        similarity=min(1.0, 2 * literal.tokens / (in_query + in_source)),
        containment=min(1.0, literal.tokens / in_query),
        weight=max(literal.weight, structural.weight),
    ).also_found_by(Lane.STRUCTURE)
