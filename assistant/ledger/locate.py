"""Finds accepted lines again in a text that was edited since, by aligning their sketches.

Equal sketches vote for the diagonals (line now minus line then) on which they lie; around the best of these
the longest common blocks are aligned (difflib). Lines between them that have kept their structure are the
accepted ones under other names.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from assistant.ledger.sketch import Sketch, Sketched
from attribution.span import Span

_DIAGONALS = 8
_MOST_OCCURRENCES = 256
"""Lines that occur more often than this vote for nothing."""
_SLACK_LINES = 16
_ACCEPTED_WEIGHT = 2
_LEAST_LINES = 3
"""Equal lines, surroundings included, that make a place: ``return None`` alone stands anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where accepted lines stand in a text."""

    lines: Span
    kept: int
    """Accepted lines that are there with all their tokens."""
    renamed: int
    """Accepted lines of which only the structure is left."""
    total: int
    """Accepted lines, those without tokens left out."""
    context: int
    """Lines of the surroundings that are there too."""
    extent: int
    """Lines with tokens from the first to the last of them, those included that were put in between."""

    @property
    def is_unedited(self) -> bool:
        """Whether every accepted line is there, and nothing between them."""
        return self.kept == self.total == self.extent

    @property
    def score(self) -> int:
        """How much of what was remembered is here."""
        return _ACCEPTED_WEIGHT * self.kept + self.renamed + self.context


def locate(sketch: Sketch, text: Sketched) -> Found | None:
    """Find the place that holds most of the accepted lines; ``None`` if none holds any."""
    found = (_align(sketch, text, diagonal) for diagonal in _diagonals(sketch, text))
    enough = min(_LEAST_LINES, len(sketch.literal))
    certain = (f for f in found if f is not None and f.kept + f.renamed + f.context >= enough)
    return max(certain, key=lambda f: f.score, default=None)


def _diagonals(sketch: Sketch, text: Sketched) -> list[int]:
    """The likeliest distances between where the lines were remembered and where they are."""
    where: dict[int, list[int]] = defaultdict(list)
    for position, value in enumerate(text.literal):
        where[value].append(position)
    votes: Counter[int] = Counter()
    for position, value in enumerate(sketch.literal):
        weight = _ACCEPTED_WEIGHT if position in sketch.accepted else 1
        for other in where.get(value, ())[:_MOST_OCCURRENCES]:
            votes[other - position] += weight
    near: Counter[int] = Counter()
    for diagonal in votes:
        near[diagonal] = sum(votes[d] for d in range(diagonal - _SLACK_LINES, diagonal + _SLACK_LINES + 1))
    best = sorted(near, key=lambda d: (-near[d], -votes[d], d))
    return best[:_DIAGONALS]


def _align(sketch: Sketch, text: Sketched, diagonal: int) -> Found | None:
    """Align the remembered lines with the text around one diagonal."""
    low = max(0, diagonal - _SLACK_LINES)
    high = max(low, diagonal + len(sketch.literal) + _SLACK_LINES)
    partner = _partners(sketch.literal, text.literal[low:high], low)
    kept = [p for p in sketch.accepted if p in partner]
    by_structure = _renamed(sketch, text, partner)
    accepted = {p: partner[p] for p in kept} | by_structure
    if not accepted:
        return None
    first, last = min(accepted.values()), max(accepted.values())
    first, last = _widened(sketch, partner, accepted, first, last)
    return Found(
        lines=Span(text.numbers[first], text.numbers[last]),
        kept=len(kept),
        renamed=len(by_structure),
        total=len(sketch.accepted),
        context=len(partner) - len(kept),
        extent=last - first + 1,
    )


def _partners(ours: Sequence[int], theirs: Sequence[int], offset: int) -> dict[int, int]:
    blocks = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    return {b.a + i: b.b + i + offset for b in blocks for i in range(b.size)}


def _renamed(sketch: Sketch, text: Sketched, partner: dict[int, int]) -> dict[int, int]:
    """Accepted lines that lie between aligned ones, and have the structure of what stands there now."""
    found: dict[int, int] = {}
    for first, last in _gaps([p for p in sketch.accepted if p not in partner]):
        above, below = partner.get(first - 1), partner.get(last + 1)
        if above is None and below is None:
            continue
        size = last - first + 1
        low = above + 1 if above is not None else (below or 0) - size
        high = below if below is not None else low + size
        window = text.structural[max(0, low) : max(0, high)]
        inside = _partners(sketch.structural[first : last + 1], window, max(0, low))
        if 2 * len(inside) >= size:  # fewer are chance: structures have eight bits
            found |= {first + position: other for position, other in inside.items()}
    return {position: other for position, other in found.items() if sketch.structural[position]}


def _gaps(positions: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of neighbouring positions."""
    runs: list[tuple[int, int]] = []
    for position in positions:
        if runs and runs[-1][1] == position - 1:
            runs[-1] = runs[-1][0], position
        else:
            runs.append((position, position))
    return runs


def _widened(
    sketch: Sketch, partner: dict[int, int], accepted: dict[int, int], first: int, last: int
) -> tuple[int, int]:
    """Take in edited lines between the accepted ones and surroundings that still stand next to them."""
    missing_above = min(accepted) - sketch.accepted.start
    above = partner.get(sketch.accepted.start - 1)
    if missing_above and above is not None and first - above - 1 <= missing_above:
        first = above + 1
    missing_below = sketch.accepted.stop - 1 - max(accepted)
    below = partner.get(sketch.accepted.stop)
    if missing_below and below is not None and below - last - 1 <= missing_below:
        last = below - 1
    return first, last
