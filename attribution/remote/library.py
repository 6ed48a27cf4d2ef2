"""The library that asks a service: the same promises as an index on this machine, and the same answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from attribution.candidates import Candidate, Known
from attribution.errors import IndexRefusedError
from attribution.index.protocol import Foreseen, Wanted
from attribution.library import Found, HeldUnder, IndexFacts, require_words
from attribution.model import Lane, Origin
from attribution.query import Query
from attribution.remote import wire
from attribution.remote.address import IndexAddress
from attribution.remote.connections import ANSWER_S, Connections
from attribution.remote.token import own_token


@dataclass
class RemoteLibrary:
    """An index behind a service. Safe to share between threads."""

    connections: Connections
    has_vectors: bool = True
    """What the service said when it was asked last; until then it may have them."""

    @classmethod
    def open(cls, address: IndexAddress, *, answer_s: float = ANSWER_S) -> RemoteLibrary:
        """Ask who answers there; raise :class:`IndexUnreachableError` or :class:`IndexRefusedError`."""
        library = cls(Connections(address=address, token=own_token(), answer_s=answer_s))
        hello = library._hello()
        if hello["wire"] != wire.WIRE:
            theirs, ours = hello["wire"], wire.WIRE
            raise IndexRefusedError(
                str(address),
                f"the service speaks version {theirs} and this sc-attrib speaks version {ours}",
                remedy=f"upgrade {'this sc-attrib' if theirs > ours else 'the service'}",
            )
        return library

    def _hello(self) -> wire.Json:
        return self.connections.ask("/v1/index", read=_as_hello)

    @property
    def generation(self) -> str:
        """Which state of the index the service answers from now."""
        return str(self._hello()["generation"])

    def ahead(self, foresee: Callable[[], Foreseen | None]) -> RemoteLibrary:
        """Itself: each question is a request of its own."""
        return self

    def identical(self, digest: bytes) -> list[Known]:
        """The files whose git SHA-1 this is; only the digest travels."""
        form = {"digest": digest.hex()}
        return self.connections.ask(
            "/v1/index/identical", form, read=lambda answer: wire.known_of(answer, self._places)
        )

    def find(self, query: Query, wanted: Wanted) -> list[Candidate]:
        """The ranges of known files that the query is like; the text travels.

        It does not where only vectors are asked for, and the last answer said that there are none.
        """
        if not self.has_vectors and wanted.lanes == {Lane.VECTORS}:
            return []
        form = wire.query_as_json(query, wanted)
        return self.connections.ask("/v1/index/find", form, read=self._candidates)

    def _candidates(self, answer: wire.Json) -> list[Candidate]:
        self.has_vectors = bool(answer["vectors"])
        return wire.candidates_of(answer, self._places)

    def text(self, digest: bytes) -> bytes | None:
        """The content whose git SHA-1 this is, where the service keeps it."""
        form = {"digest": digest.hex()}
        return self.connections.ask("/v1/index/text", form, read=_as_text)

    def search(self, words: bytes, *, limit: int) -> list[Found]:
        """The files that are likest to the words."""
        require_words(words)
        form = {**wire.content_as_json(words), "limit": limit}
        return self.connections.ask("/v1/index/search", form, read=wire.found_of)

    def held_under(self, ids: Iterable[str]) -> HeldUnder:
        """What came from these ids."""
        return self.connections.ask("/v1/index/under", {"ids": list(ids)}, read=wire.held_of)

    def facts(self) -> IndexFacts:
        """What the index holds."""
        return self.connections.ask("/v1/facts", read=lambda answer: wire.facts_of(answer["index"]))

    def _places(self, digest: bytes, limit: int) -> tuple[Origin, ...]:
        """More places of a content than came with it."""
        form = {"digest": digest.hex(), "places": limit}
        known = self.connections.ask("/v1/index/identical", form, read=lambda a: wire.known_of(a, None))
        return tuple(dict.fromkeys(place for one in known for place in one.origins(limit=limit)))


def _as_hello(answer: wire.Json) -> wire.Json:
    if answer["service"] != "sc-attrib" or not isinstance(answer["wire"], int):
        raise wire.WireError("no service of ours")
    return {"wire": answer["wire"], "generation": answer["generation"]}


def _as_text(answer: wire.Json) -> bytes | None:
    return None if answer["stored"] is False else wire.content_of(answer)
