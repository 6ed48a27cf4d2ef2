"""The document table of a segment: which contents it holds, and where each of them was found.

A document is one content, known by its git SHA-1. The same content is often found in several places; each
place is an occurrence, the first one met being the one that reports name. What occurrences share is kept
once: URL, revision and snapshot (a source), licence and evidence (a licence).

==================================  =============================================================
``digests``                         u8[20 n]: git SHA-1s, ascending
``digest_documents``                u32[n]: the document of each of them
``digest_places``                   u32[n]: for each document, where its digest stands
``occurrence_base``                 u32[n + 1]: first occurrence of each document
``occurrence_sources``              u32: source of each occurrence
``path_*``                          its path (strings.py)
``date_*``                          its date, where any is known
``source_*``, ``license_*``         JSON of each source and of each licence
==================================  =============================================================
"""

from __future__ import annotations

import ctypes
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.index.arrays import Array, ArrayFile
from attribution.index.strings import StringList, front_code
from attribution.model import License, Origin
from attribution.native.library import KERNELS, pointer
from attribution.swhid import Swhid

DIGEST_BYTES = 20
_ABSENT = 0xFFFFFFFF

KERNELS.sc_find_digests.argtypes = (
    *(ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64),
    *(ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p),
)
KERNELS.sc_find_digests.restype = ctypes.c_int32


@dataclass(slots=True)
class DocumentTableBuilder:
    """Collects documents and their occurrences in the order in which they are met."""

    _documents: dict[bytes, int] = field(default_factory=dict)
    _occurrences: list[tuple[int, int, bytes, bytes]] = field(default_factory=list)
    _sources: dict[bytes, int] = field(default_factory=dict)
    _licenses: dict[bytes, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._documents)

    def add(self, digest: bytes, origin: Origin) -> bool:
        """Enter one place where a content was found; answer whether the content is new here."""
        is_new = digest not in self._documents
        document = self._documents.setdefault(digest, len(self._documents))
        license_number = self._licenses.setdefault(_encode_license(origin.license), len(self._licenses))
        source = self._sources.setdefault(_encode_source(origin, license_number), len(self._sources))
        path = origin.path.encode("utf-8", "surrogateescape")
        self._occurrences.append((document, source, path, (origin.date or "").encode()))
        return is_new

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Lay the table out as named arrays."""
        digests = np.frombuffer(b"".join(self._documents), dtype=np.uint8).reshape(-1, DIGEST_BYTES)
        order = sorted(range(len(digests)), key=[*self._documents].__getitem__)
        places = np.empty(len(order), dtype=np.uint32)
        places[order] = np.arange(len(order), dtype=np.uint32)
        yield "digests", digests[order].reshape(-1)
        yield "digest_documents", np.array(order, dtype="<u4")
        yield "digest_places", places
        occurrences = sorted(self._occurrences, key=lambda occurrence: occurrence[0])
        owners = np.array([document for document, _, _, _ in occurrences], dtype=np.int64)
        yield "occurrence_base", np.searchsorted(owners, np.arange(len(self) + 1)).astype("<u4")
        yield "occurrence_sources", np.array([source for _, source, _, _ in occurrences], dtype="<u4")
        yield from front_code("path", (path for _, _, path, _ in occurrences))
        if any(date for _, _, _, date in occurrences):
            yield from front_code("date", (date for _, _, _, date in occurrences))
        yield from front_code("source", self._sources)
        yield from front_code("license", self._licenses)


class DocumentTable:
    """Reads what :class:`DocumentTableBuilder` laid out."""

    def __init__(self, file: ArrayFile, *, hidden_occurrences: NDArray[np.uint32] | None = None) -> None:
        """``hidden_occurrences``, ascending, were removed since and are not answered any more."""
        self._file = file
        self._digests = file["digests"]
        self._documents = file["digest_documents"]
        self._occurrence_base = file["occurrence_base"]
        self._occurrence_sources = file["occurrence_sources"]
        self._hidden = frozenset() if hidden_occurrences is None else frozenset(hidden_occurrences.tolist())
        self._paths = StringList(file, "path")
        self._dates = StringList(file, "date") if "date_blocks" in file else None
        self._sources = StringList(file, "source")
        self._licenses = StringList(file, "license")

    def __len__(self) -> int:
        return len(self._documents)

    @property
    def occurrence_count(self) -> int:
        """Places where documents were found, hidden ones included."""
        return len(self._occurrence_sources)

    def find(self, digest: bytes) -> int | None:
        """Look up a content by its git SHA-1 (20 bytes); ``None`` where it is not here, or was removed."""
        (document,) = self.find_all(digest)
        if document == _ABSENT or next(self._live(document), None) is None:
            return None
        return int(document)

    def find_all(self, digests: bytes) -> list[int]:
        """Look up contents by their digests, laid end to end, removed ones too; 0xFFFFFFFF for no document."""
        places = np.empty(len(digests) // DIGEST_BYTES, dtype=np.uint32)
        arguments = (self._file.checked_address, self._digests.offset, len(self))
        if not KERNELS.sc_find_digests(*arguments, digests, len(places), pointer(places)):
            self._file.raise_damage()
        found = places != _ABSENT
        places[found] = self._documents.take(places[found])
        documents: list[int] = places.tolist()
        return documents

    def digest(self, document: int) -> bytes:
        """The git SHA-1 of a document's content."""
        place = self._file["digest_places"].item(document)
        return self._digests.slice(place * DIGEST_BYTES, (place + 1) * DIGEST_BYTES).tobytes()

    def digests(self, documents: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """The git SHA-1s of several documents: shape (documents, 20)."""
        places = self._file["digest_places"].take(documents).astype(np.int64)
        return self._digests.take(places[:, None] * DIGEST_BYTES + np.arange(DIGEST_BYTES))

    def path(self, document: int) -> str:
        """The path at which the content was met first."""
        return self._path(next(self._live(document)))

    def origins(self, document: int, *, limit: int | None = None) -> list[Origin]:
        """The places where the content was found, first met first."""
        live = self._live(document)
        chosen = live if limit is None else (number for number, _ in zip(live, range(limit), strict=False))
        return [self.occurrence(number) for number in chosen]

    def occurrences(self, document: int) -> range:
        """Numbers of all occurrences of a document, hidden ones included."""
        first, last = self._occurrence_base.slice(document, document + 2).tolist()
        return range(first, last)

    def _live(self, document: int) -> Iterator[int]:
        return (number for number in self.occurrences(document) if number not in self._hidden)

    def occurrence(self, number: int) -> Origin:
        """One place where a content was found."""
        source = json.loads(self._sources.item(self._occurrence_sources.item(number)))
        date = self._dates.item(number).decode() if self._dates else ""
        return _origin(source, self._license(source[3]), path=self._path(number), date=date)

    def _path(self, number: int) -> str:
        return self._paths.item(number).decode("utf-8", "surrogateescape")

    def _license(self, number: int) -> License:
        expression, evidence = json.loads(self._licenses.item(number))
        return License(expression=expression, evidence=tuple(evidence))

    def license_counts(self) -> Counter[str]:
        """Count occurrences by licence expression."""
        expressions = [json.loads(encoded)[0] for encoded in self._licenses]
        counts: Counter[str] = Counter()
        for encoded, count in zip(self._sources, self._occurrences_a_source().tolist(), strict=True):
            counts[expressions[json.loads(encoded)[3]]] += count
        return +counts

    def _occurrences_a_source(self) -> NDArray[np.int64]:
        sources = self._occurrence_sources.all()
        live = np.delete(sources, sorted(self._hidden))
        return np.bincount(live, minlength=sum(1 for _ in self._sources))

    def occurrences_where(self, matches: Callable[[Origin], bool]) -> NDArray[np.uint32]:
        """Numbers of all occurrences from the sources that ``matches`` accepts; it sees no path and no date."""
        chosen = [matches(_origin(json.loads(encoded), License())) for encoded in self._sources]
        if not any(chosen):
            return np.empty(0, dtype=np.uint32)
        return np.flatnonzero(np.array(chosen)[self._occurrence_sources.all()]).astype(np.uint32)

    def documents_of(self, occurrences: NDArray[np.uint32]) -> NDArray[np.int64]:
        """The document of each occurrence."""
        return np.searchsorted(self._occurrence_base.all(), occurrences, side="right") - 1


def _encode_source(origin: Origin, license_number: int) -> bytes:
    snapshot = str(origin.snapshot) if origin.snapshot else None
    return _to_json([origin.url, origin.revision, snapshot, license_number])


def _encode_license(found: License) -> bytes:
    return _to_json([found.expression, found.evidence])


def _to_json(values: list[object]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()


def _origin(source: list[str | None], found: License, *, path: str = "", date: str = "") -> Origin:
    url, revision, snapshot, _ = source
    return Origin(
        url=url or "",
        path=path,
        revision=revision,
        snapshot=Swhid.parse(snapshot) if snapshot else None,
        date=date or None,
        license=found,
    )
