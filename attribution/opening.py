"""Opening what ``--index`` names: folders of this machine, and services."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.remote.address import IndexAddress, IndexPlace

if TYPE_CHECKING:
    from attribution.index.protocol import Index
    from attribution.library import Library


def open_index(place: IndexPlace) -> Index:
    """Open one to trace with; raise a subclass of :class:`IndexUnusableError` where it cannot be used."""
    if isinstance(place, IndexAddress):
        from attribution.remote.library import RemoteLibrary

        return RemoteLibrary.open(place)
    from attribution.index.index import Index

    return Index.open(place)


def open_libraries(places: Sequence[IndexPlace]) -> tuple[Library, ...]:
    """Open them to be asked by people: all folders as one library, and each service as another.

    Raises as :func:`open_index` does.
    """
    from attribution.library import EmbeddedLibrary
    from attribution.remote.library import RemoteLibrary

    folders = [place for place in places if isinstance(place, Path)]
    services = [RemoteLibrary.open(place) for place in places if isinstance(place, IndexAddress)]
    return (*([EmbeddedLibrary.open(folders)] if folders else []), *services)
