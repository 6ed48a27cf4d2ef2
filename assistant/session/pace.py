"""How long to wait for the next keystroke before the model is asked."""

from __future__ import annotations

from dataclasses import dataclass, field

_LATEST = 0.3
"""Weight of the latest measurement in a running mean."""
_LONGEST_GAP_S = 1.0
"""A longer silence is no rhythm of typing."""
_USUAL_GAP_S = 0.18
_PAUSE = 1.25
"""Times the usual gap after which a pause is likely."""


@dataclass(slots=True, kw_only=True)
class Pace:
    """Learns how fast somebody types and how long the model takes, and weighs one against the other.

    A model that usually answers before the next key is struck is asked at once: an answer that is not
    waited for costs little. A slower one is asked in a pause, or most of its answers would come too late.
    """

    most_s: float = 0.15
    _gap_s: float = field(default=_USUAL_GAP_S)
    _answer_s: float = field(default=0.0)
    _last: float | None = field(default=None)

    def struck(self, now: float) -> None:
        """A key was struck; ``now`` in seconds of any clock that does not go back."""
        if self._last is not None and 0 < now - self._last < _LONGEST_GAP_S:
            self._gap_s += _LATEST * (now - self._last - self._gap_s)
        self._last = now

    def answered(self, seconds: float) -> None:
        """The model took so long."""
        self._answer_s += _LATEST * (seconds - self._answer_s)

    def gave_up(self, seconds: float) -> None:
        """An answer was not waited for any longer: it would have taken at least so long.

        Otherwise a model that is slower than typing would never be known as one, because none of its answers
        come.
        """
        self.answered(max(seconds, self._answer_s))

    @property
    def delay_s(self) -> float:
        """How long to wait now."""
        if self._answer_s <= self._gap_s:
            return 0.0
        return min(self.most_s, _PAUSE * self._gap_s)
