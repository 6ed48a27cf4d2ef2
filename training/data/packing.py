"""Documents into rows of equal length, with little left over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

Tokens = TypeVar("Tokens", bound=Sized)
OPEN_ROWS = 64
"""Rows kept open at a time; more gives less padding and takes longer."""


def pack_rows(documents: Iterable[Tokens], row_tokens: int) -> Iterator[list[Tokens]]:
    """Group documents into rows of at most ``row_tokens`` tokens, each document whole (best fit).

    Raises :class:`ValueError` for a document longer than a row.
    """
    open_rows: list[list[Tokens]] = []
    rooms: list[int] = []
    for document in documents:
        size = len(document)
        if size > row_tokens:
            raise ValueError(f"a document of {size} tokens does not fit a row of {row_tokens}")
        best = min((i for i, room in enumerate(rooms) if room >= size), key=rooms.__getitem__, default=None)
        if best is None:
            open_rows.append([document])
            rooms.append(row_tokens - size)
        else:
            open_rows[best].append(document)
            rooms[best] -= size
        if len(open_rows) > OPEN_ROWS:
            fullest = min(range(len(rooms)), key=rooms.__getitem__)
            rooms.pop(fullest)
            yield open_rows.pop(fullest)
    yield from open_rows
