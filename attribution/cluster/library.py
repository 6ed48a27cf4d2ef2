"""An index whose parts are served by a Ray cluster, asked like one in a folder.

A question to all parts is a round, and takes milliseconds whatever is asked. So what a look-up is going to
ask is asked ahead, and what the parts keep is asked once for a state of the index.

An answer is whole or an error: where a part does not answer, another replica of it is asked, and after some
of these the look-up fails. Nobody is ever told half of what there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from attribution.cluster.replica import Reply
from attribution.errors import IndexOutdatedError, IndexUnusableError
from attribution.index.ahead import AskedAhead
from attribution.index.catalog import NO_STAMP, Catalog, read_catalog, stamp_of
from attribution.index.numbers import DigestNumbers
from attribution.index.parts import InParts, Kept, Part, Question, WhatIsKept
from attribution.index.protocol import Foreseen, Index
from attribution.library import Found, HeldUnder, IndexFacts, facts_of_parts, held_in_parts, search_parts

if TYPE_CHECKING:
    from ray.serve.handle import DeploymentHandle

    from attribution.cluster.serving import ServedPart

A = TypeVar("A")

_ATTEMPTS = 5
"""Replicas of a part that are asked before a look-up fails."""
_ANSWER_SECONDS = 30.0
_DIGESTS_AT_ONCE = 1 << 22
"""Contents that are counted in one round."""


@dataclass(frozen=True)
class ClusterLibrary(InParts):
    """One state of an index whose parts answer from a cluster. Safe to share between threads."""

    directory: Path
    catalog: Catalog
    handles: tuple[DeploymentHandle[ServedPart], ...]
    """Of each part."""

    @cached_property
    def generation(self) -> str:
        """Digest of the ids of all segments and of what was removed from them."""
        return self.catalog.generation

    @cached_property
    def kept(self) -> Kept:
        """What any part keeps beside seeds."""
        return sum(self.ask(WhatIsKept()), Kept())

    @property
    def has_vectors(self) -> bool:
        """Whether any segment keeps vectors of blocks."""
        return self.kept.vectors

    def ahead(self, foresee: Callable[[], Foreseen | None]) -> Index:
        """The same parts, which have answered already what is foreseen."""
        foreseen = foresee()
        return self if foreseen is None else AskedAhead.of(self, foreseen)

    def search(self, words: bytes, *, limit: int) -> list[Found]:
        """The files that are likest to the words, best first, each content once."""
        return search_parts(self, words, limit=limit, segments=len(self.catalog.segments))

    def held_under(self, ids: Iterable[str]) -> HeldUnder:
        """What came from these ids, each place once."""
        return held_in_parts(self, ids)

    def facts(self) -> IndexFacts:
        """Counted once for a view."""
        return self._facts

    @cached_property
    def _facts(self) -> IndexFacts:
        return facts_of_parts(
            self,
            documents=self._distinct_contents(),
            source_bytes=sum(row.source_bytes for row in self.catalog.segments),
        )

    def _distinct_contents(self) -> int:
        """Contents that several segments hold count once; a few millions of them are compared at a time."""
        rows = self.catalog.segments
        rounds = min(256, max(1, sum(row.documents for row in rows) // _DIGESTS_AT_ONCE))
        count = 0
        for number in range(rounds):
            distinct = DigestNumbers()
            for digests in self.ask(Digests(number, rounds)):
                distinct.enter(digests)
            count += len(distinct)
        return count

    def ask(self, question: Question[A]) -> list[A]:
        """The answers of all parts; raises :class:`IndexUnusableError` where one has none."""
        waiting = [self._send(number, question) for number in range(len(self.handles))]
        return [self._answer(number, sent, question) for number, sent in enumerate(waiting)]

    def _send(self, number: int, question: Question[A]) -> Any:
        return self.handles[number].reply.remote(question, self.generation)

    def _answer(self, number: int, waiting: Any, question: Question[A]) -> A:
        """What a part says, from whichever replica; where one dies as it answers, another is asked."""
        from grpc import RpcError
        from ray.exceptions import RayError

        reason = ""
        for _ in range(_ATTEMPTS):
            try:
                reply: Reply = waiting.result(timeout_s=_ANSWER_SECONDS)
            except (RayError, RpcError, TimeoutError) as error:
                reason = type(error).__name__
                waiting = self._send(number, question)
                continue
            if reply.is_outdated:
                raise IndexOutdatedError(self.directory)
            if reply.problem:
                raise IndexUnusableError(
                    self.directory, f"part {number + 1} cannot answer ({reply.problem})", remedy="mend it"
                )
            answer: A = reply.answer
            return answer
        raise IndexUnusableError(
            self.directory,
            f"part {number + 1} of {len(self.handles)} does not answer ({reason})",
            remedy="look at the cluster with: ray status",
        )


@dataclass(frozen=True, slots=True)
class Digests:
    """Asks for the live contents that belong to one of several rounds, by the first byte of their SHA-1."""

    number: int
    rounds: int

    def asked_of(self, part: Part) -> bytes:
        """Their digests, end to end."""
        chosen = []
        for placed in part:
            digests = placed.segment.documents.all_digests()[placed.segment.live_documents]
            chosen.append(digests[digests[:, 0] % self.rounds == self.number].tobytes())
        return b"".join(chosen)


class LiveCluster:
    """The state of now of an index that a cluster serves. Safe to share between threads."""

    def __init__(self, directory: Path, handles: Iterable[DeploymentHandle[ServedPart]]) -> None:
        """Look at its catalog; raise a subclass of :class:`IndexUnusableError` where that cannot be read."""
        self._directory = directory
        self._handles = tuple(handles)
        self._lock = Lock()
        self._stamp = NO_STAMP
        self._library: ClusterLibrary | None = None
        self.current()

    def current(self) -> ClusterLibrary:
        """The library as its catalog is now."""
        stamp = stamp_of(self._directory)
        with self._lock:
            if self._library is None or stamp != self._stamp:
                self._library = ClusterLibrary(self._directory, read_catalog(self._directory), self._handles)
                self._stamp = stamp
            return self._library
