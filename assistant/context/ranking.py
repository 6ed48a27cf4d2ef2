"""Which pieces of other files say most about the place of the cursor.

Three orders (the file was edited lately; the document imports it; its words are those around the cursor)
become one by reciprocal rank fusion, Cormack, Clarke and Buettcher 2009. Words count by BM25 (Robertson and
Zaragoza 2009); where rank-bm25 is not installed the other two orders rank alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assistant.context.imports import imported_files
from assistant.context.pieces import Piece, terms_of

_DAMPING = 60
"""The constant of reciprocal rank fusion, as in the paper."""
_MOST_PIECES = 64
"""That are ranked at the end; no prompt holds as many."""
_LINES_BEFORE = 32
_LINES_AFTER = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where code is wanted."""

    path: str
    """As in :class:`~assistant.context.pieces.Piece`."""
    prefix: str
    suffix: str

    @property
    def around(self) -> str:
        """The lines about the cursor."""
        before = self.prefix[-_LINES_BEFORE * 200 :].splitlines()[-_LINES_BEFORE:]
        after = self.suffix[: _LINES_AFTER * 200].splitlines()[:_LINES_AFTER]
        return "\n".join([*before, *after])


class Ranking:
    """Pieces of a workspace as it is now, ready to be ranked for any place in it."""

    def __init__(self, files: Sequence[tuple[Piece, ...]], *, recent: Sequence[str]) -> None:
        """Take each file's pieces, and the paths of edited files, the latest first.

        Belongs into a thread: of 1,357 pieces in 1 MB it takes 0.16 s of a core, 0.04 s when it knows them.
        """
        self._pieces = [piece for pieces in files for piece in pieces]
        self._paths = list(dict.fromkeys(piece.path for piece in self._pieces))
        self._recent = recent
        self._words = _Words.of(self._pieces)

    def best(self, place: Place) -> list[Piece]:
        """Pieces of other files, the best first; the same for the same place."""
        others = [i for i, piece in enumerate(self._pieces) if piece.path != place.path]
        imported = imported_files(place.path, place.prefix + place.suffix, self._paths)
        scores = self._words.scores(place.around) if self._words else [0.0] * len(self._pieces)
        fused = dict.fromkeys(others, 0.0)
        for order in (self._by_path(self._recent, scores), self._by_path(imported, scores), _by(scores)):
            for rank, i in enumerate(i for i in order if i in fused):
                fused[i] += 1.0 / (_DAMPING + rank)
        told = sorted((i for i in others if fused[i] > 0), key=lambda i: (-fused[i], i))
        return [self._pieces[i] for i in told[:_MOST_PIECES]]

    def _by_path(self, paths: Sequence[str], scores: Sequence[float]) -> list[int]:
        """Pieces of these files, file by file, in each those first that speak of the same."""
        places = {path: rank for rank, path in enumerate(paths)}
        listed = [i for i, piece in enumerate(self._pieces) if piece.path in places]
        return sorted(listed, key=lambda i: (places[self._pieces[i].path], -scores[i], i))


def _by(scores: Sequence[float]) -> list[int]:
    """Places of scores above 0, the highest first."""
    return sorted((i for i, score in enumerate(scores) if score > 0), key=lambda i: (-scores[i], i))


class _Words:
    """BM25 over pieces."""

    def __init__(self, scorer: object) -> None:
        self._scorer = scorer

    @classmethod
    def of(cls, pieces: Sequence[Piece]) -> _Words | None:
        """``None`` where rank-bm25 is missing, or nothing is said at all."""
        terms = [piece.terms for piece in pieces]
        if not any(terms):
            return None
        try:
            from rank_bm25 import BM25Okapi
        except ImportError:
            return None
        return cls(BM25Okapi(terms))

    def scores(self, text: str) -> list[float]:
        """How much each piece speaks of what a text speaks of."""
        query = list(dict.fromkeys(terms_of(text)))
        return [float(score) for score in self._scorer.get_scores(query)]  # type: ignore[attr-defined]
