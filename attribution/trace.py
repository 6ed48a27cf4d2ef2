"""Tracing: from a text to the known files it is like.

    identical  the git blob id is in the index                        → done
    seeds      look up every k-gram → chain → align lines → judge     → literal, or common
    minhash    whole-file signature shares a band                     → near_copy

The verdicts are the policy's; see :mod:`attribution.policy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from attribution.candidates import Candidate, Query, find_candidates
from attribution.fingerprint.minhash import shingle_hashes, signature
from attribution.index.index import Index
from attribution.index.segment import Segment
from attribution.model import Attribution, Kind, Lane, License, Match, Verdict
from attribution.policy import DEFAULT_POLICY, Policy
from attribution.span import Span
from attribution.swhid import Swhid

MIN_TOKENS = 40
"""Tokens that a file must share with a known one before it is mentioned: about six lines."""
MIN_INSERTION_TOKENS = 23
"""The same for a suggestion with its surroundings: the shortest run that is certain to share a seed."""
COMMON_ORIGINS = 16
"""Code found alike in more origins than this is common, and nobody's."""
_MAX_PLACES = 64
"""Places of one content that are looked at."""
NEAR_COPY_JACCARD = 0.7
"""The Stack's own threshold for near duplicates."""
_SHADOWED_SHARE = 0.8
_COPY_SHARE = 0.9
_VENDORED = ("_vendor", "vendor", "third_party", "thirdparty", "extern")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracer:
    """Traces texts against one or several open indexes. Safe to share between threads."""

    indexes: tuple[Index, ...]
    policy: Policy = DEFAULT_POLICY
    min_tokens: int = MIN_TOKENS

    @classmethod
    def open(
        cls, indexes: Sequence[Path], *, policy: Policy = DEFAULT_POLICY, min_tokens: int = MIN_TOKENS
    ) -> Tracer:
        """Open the indexes; raise a subclass of :class:`IndexUnusableError` where one cannot be used."""
        return cls(indexes=tuple(Index.open(i) for i in indexes), policy=policy, min_tokens=min_tokens)

    def trace(self, content: bytes, *, path: str) -> Attribution:
        """Find what a whole text is like. ``path`` only labels the answer."""
        self._ensure_whole()
        swhid = Swhid.of_content(content)
        matches = self._identical(content, swhid)
        if not matches and content.strip():
            query = Query.of(content)
            found = self._candidates(query, self.min_tokens)
            matches = self._judge(self._with_near_copies(content, query, found))
        return Attribution(path=path, swhid=swhid, matches=tuple(matches))

    def trace_insertion(
        self, before: bytes, inserted: bytes, after: bytes, *, first_line: int = 1
    ) -> tuple[Match, ...]:
        """Find what ``inserted`` completes: only matches that reach into it.

        The text around it counts as well, since hardly any single line is long enough to be traced alone.
        Lines of the matches are counted so that the first line of ``before`` is ``first_line``.
        """
        self._ensure_whole()
        query = Query.of(before + inserted + after)
        focus = query.tokens_between(len(before), len(before) + len(inserted))
        if len(focus) == 0:
            return ()
        found = self._candidates(query, MIN_INSERTION_TOKENS, focus=focus)
        return tuple(self._judge(found, first_line=first_line))

    def _candidates(self, query: Query, min_tokens: int, *, focus: range | None = None) -> list[Candidate]:
        return [
            candidate
            for segment in self._segments
            for candidate in find_candidates(query, segment, min_tokens, focus=focus)
        ]

    def _ensure_whole(self) -> None:
        for segment in self._segments:
            segment.ensure_whole()

    @property
    def _segments(self) -> list[Segment]:
        return [segment for index in self.indexes for segment in index.segments]

    def _identical(self, content: bytes, swhid: Swhid) -> list[Match]:
        """The files of the indexes that are this very content, if it is enough to speak of."""
        lines = Span(1, max(1, content.count(b"\n") + (not content.endswith(b"\n"))))
        found = []
        for segment in self._segments:
            document = segment.documents.find(swhid.digest)
            if document is not None and segment.token_count(document) >= self.min_tokens:
                whole = Candidate(
                    segment=segment,
                    document=document,
                    query=lines,
                    source=lines,
                    tokens=segment.token_count(document),
                    similarity=1.0,
                    containment=1.0,
                    found_by=(Lane.BLOB,),
                )
                found.append(whole)
        return self._judge(found)

    def _with_near_copies(self, content: bytes, query: Query, found: list[Candidate]) -> list[Candidate]:
        """Add the whole-file lane: mark the candidates that it confirms, add those that only it knows.

        Of several candidates from one file the first, which is the largest, is marked.
        """
        if len(query.tokens) < self.min_tokens or not any(s.has_signatures for s in self._segments):
            return found
        sketch = signature(shingle_hashes(content))
        near = {
            (id(segment), document): (segment, jaccard)
            for segment in self._segments
            for document, jaccard in segment.near_copies(sketch)
            if jaccard >= NEAR_COPY_JACCARD
        }
        marked = []
        for candidate in found:
            known = near.pop((id(candidate.segment), candidate.document), None)
            marked.append(candidate if known is None else candidate.also_found_by(Lane.MINHASH))
        new = [
            Candidate.whole_file(query, s, document, jaccard) for (_, document), (s, jaccard) in near.items()
        ]
        return marked + new

    def _judge(self, found: list[Candidate], *, first_line: int = 1) -> list[Match]:
        """Order by weight, drop what a better match covers, count equal ones as its copies."""
        chosen: list[tuple[Candidate, set[_Place]]] = []
        for candidate in sorted(found, key=_rank):
            shadow = next((n for n, (better, _) in enumerate(chosen) if _covers(better, candidate)), None)
            if shadow is None:
                chosen.append((candidate, _places(candidate)))
            elif candidate.tokens >= _COPY_SHARE * chosen[shadow][0].tokens:
                chosen[shadow][1].update(_places(candidate))
        return [self._match(candidate, places, first_line=first_line) for candidate, places in chosen]

    def _match(self, found: Candidate, places: set[_Place], *, first_line: int) -> Match:
        """Make the match: its source is the place that leads, its verdict counts all of them."""
        origin = min(
            found.segment.documents.origins(found.document, limit=_MAX_PLACES),
            key=lambda origin: _is_vendored(origin.path),
        )
        kind = _kind(found, places)
        content = Swhid.of_digest(found.segment.documents.digest(found.document))
        return Match(
            kind=kind,
            query=found.query.shifted(first_line - 1),
            source=origin.qualify(content, lines=found.source),
            origin=origin,
            similarity=found.similarity,
            containment=found.containment,
            tokens=found.tokens,
            found_by=found.found_by,
            verdict=self._verdict(origin.license, kind, places),
            copies=len(places),
            other_licenses=tuple(
                sorted({p.license.expression for p in places} - {origin.license.expression})
            ),
        )

    def _verdict(self, license: License, kind: Kind, places: set[_Place]) -> Verdict:
        """The verdict on the leading place; where copies would be judged otherwise, a person must look."""
        verdict = self.policy.judge(license, kind)
        if any(self.policy.judge(place.license, kind) is not verdict for place in places):
            return max(verdict, Verdict.REVIEW, key=lambda v: v.severity)
        return verdict


class _Place(NamedTuple):
    """One place at which a known content was found."""

    digest: bytes
    url: str
    path: str
    license: License


def _places(candidate: Candidate) -> set[_Place]:
    documents = candidate.segment.documents
    digest = documents.digest(candidate.document)
    origins = documents.origins(candidate.document, limit=_MAX_PLACES)
    return {_Place(digest, origin.url, origin.path, origin.license) for origin in origins}


def _rank(candidate: Candidate) -> tuple[float, float, bool, int, str]:
    """Most shared tokens first; of equals the closest, then the one that is not vendored, the shallowest."""
    path = candidate.segment.documents.path(candidate.document)
    return (-candidate.tokens, -candidate.similarity, _is_vendored(path), path.count("/"), path)


def _is_vendored(path: str) -> bool:
    return any(part in _VENDORED for part in path.split("/"))


def _covers(better: Candidate, other: Candidate) -> bool:
    return better.query.overlap(other.query) >= _SHADOWED_SHARE * len(other.query)


def _kind(candidate: Candidate, places: set[_Place]) -> Kind:
    if candidate.is_common or len({place.url for place in places}) > COMMON_ORIGINS:
        return Kind.COMMON
    if Lane.BLOB in candidate.found_by:
        return Kind.IDENTICAL
    return Kind.NEAR_COPY if Lane.MINHASH in candidate.found_by else Kind.LITERAL
