"""Which tokens may come next when the text that they spell is known in part."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

_MAX_REMEMBERED = 256


class Vocabulary:
    """The bytes of every token, ordered for look-up by their beginning."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        """Take the bytes of the tokens in the order of their ids; control tokens have none."""
        self._pieces = list(pieces)
        self._sorted = sorted((piece, token) for token, piece in enumerate(self._pieces) if piece)
        self._token_of = dict(reversed(self._sorted))
        self._remembered: dict[bytes, Sequence[int]] = {}

    def __len__(self) -> int:
        return len(self._pieces)

    def piece(self, token: int) -> bytes:
        """Answer the bytes of a token; none for a control token."""
        return self._pieces[token]

    def beginning(self, required: bytes) -> Sequence[int]:
        """Answer the tokens that agree with ``required``: that begin with it, or that begin it.

        Never empty for a byte-level vocabulary; raises :class:`ValueError` if it is.

        >>> Vocabulary([b"", b"r", b"ret", b"return", b"x"]).beginning(b"re")
        [2, 3, 1]
        """
        known = self._remembered.get(required)
        if known is None:
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._remembered.clear()
            known = self._remembered[required] = self._look_up(required)
        return known

    def _look_up(self, required: bytes) -> list[int]:
        tokens = []
        for piece, token in self._sorted[bisect_left(self._sorted, (required, -1)) :]:
            if not piece.startswith(required):
                break
            tokens.append(token)
        starts = (required[:length] for length in range(1, len(required)))
        tokens += [self._token_of[start] for start in starts if start in self._token_of]
        if not tokens:
            raise ValueError(f"no token begins {required!r}")
        return tokens
