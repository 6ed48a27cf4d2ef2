"""A range of lines or bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range whose two ends both belong to it; raises :class:`ValueError` when it would be empty.

    Lines count from 1, bytes from 0.

    >>> str(Span(3, 3)), str(Span(3, 7)), len(Span(3, 7))
    ('3', '3-7', 5)
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        if self.first < 0 or self.last < self.first:
            raise ValueError(f"not a range: {self.first}-{self.last}")

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def overlap(self, other: Span) -> int:
        """Count the units that both ranges hold."""
        return max(0, min(self.last, other.last) - max(self.first, other.first) + 1)

    def union(self, other: Span) -> Span:
        """The least range that holds both."""
        return Span(min(self.first, other.first), max(self.last, other.last))

    def shifted(self, by: int) -> Span:
        """Move both ends."""
        return Span(self.first + by, self.last + by)
