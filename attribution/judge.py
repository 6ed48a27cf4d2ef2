"""Judging: which of the ranges that were found are matches, in which order, and what each is.

Of the ranges of one document, what a larger one covers is dropped. The document that holds most of the query
comes first; what better ones cover is one of their copies, or dropped. A match names the place that leads,
and its verdict counts all places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from attribution.candidates import Candidate
from attribution.model import Kind, Lane, License, Match, Origin, Verdict
from attribution.policy import Policy
from attribution.swhid import Swhid

COMMON_ORIGINS = 16
"""Code found alike in more origins than this is common, and nobody's."""
_MAX_PLACES = 64
"""Places of one content that are looked at."""
_SHADOWED_SHARE = dict.fromkeys(Lane, 0.8) | {Lane.STRUCTURE: 0.5}
"""Share of a range's lines that better ones must hold to make it one of their copies, or nothing."""
_COPY_SHARE = 0.9
_SAME_RANGE_SHARE = 0.5
_VENDORED = frozenset(
    ("_vendor", "_vendored", "vendor", "third_party", "thirdparty", "extern", "node_modules")
)


class _Place(NamedTuple):
    """One place at which a known content was found."""

    digest: bytes
    origin: Origin


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A range that no better one covers, and the places of it and of its copies."""

    leader: Candidate
    copies: list[Candidate] = field(default_factory=list)


def judge(found: Iterable[Candidate], policy: Policy, *, first_line: int = 1) -> list[Match]:
    """Turn candidates into matches, best first, common code last; query lines count from ``first_line``."""
    chosen: list[_Chosen] = []
    for candidate in _ranked(found):
        overlaps = [choice.leader.query.overlap(candidate.query) for choice in chosen]
        if sum(overlaps) < _SHADOWED_SHARE[candidate.lane] * len(candidate.query):
            chosen.append(_Chosen(candidate))
        else:
            shadow = chosen[overlaps.index(max(overlaps))]
            if candidate.tokens >= _COPY_SHARE * shadow.leader.tokens:
                shadow.copies.append(candidate)
    matches = [_match(choice, policy, first_line) for choice in chosen]
    return sorted(matches, key=lambda match: match.kind is Kind.COMMON)


def _ranked(found: Iterable[Candidate]) -> list[Candidate]:
    """Ranges of the document that holds most of the query first, in it the largest first."""
    documents: dict[bytes, list[Candidate]] = defaultdict(list)
    for candidate in found:
        documents[candidate.known.digest].append(candidate)
    ranked: dict[tuple[float, float, float], list[Candidate]] = defaultdict(list)
    for candidates in documents.values():
        merged = _merged(candidates)
        total = sum(weight for _, weight in merged)
        for candidate, weight in merged:
            ranked[-round(total, 6), -round(weight, 6), -candidate.similarity].append(candidate)
    return [candidate for key in sorted(ranked) for candidate in _canonical_first(ranked[key])]


def _canonical_first(equals: list[Candidate]) -> list[Candidate]:
    """Of equally good ranges what is not vendored first, then the shallowest path."""
    if len(equals) == 1:
        return equals
    paths = {candidate.known.digest: candidate.known.path for candidate in equals}
    return sorted(
        equals,
        key=lambda c: (is_vendored(path := paths[c.known.digest]), path.count("/"), path, c.known.digest),
    )


def _merged(candidates: list[Candidate]) -> list[tuple[Candidate, float]]:
    """Drop ranges of one document that larger ones of it cover; answer what each adds, the largest first."""
    kept: list[tuple[Candidate, float]] = []
    for candidate in sorted(candidates, key=lambda c: -c.weight):
        overlap = sum(k.query.overlap(candidate.query) for k, _ in kept)
        if overlap < _SAME_RANGE_SHARE * len(candidate.query):
            kept.append((candidate, candidate.weight * (1 - overlap / len(candidate.query))))
    return kept


def is_vendored(path: str) -> bool:
    """Whether a path says that its file was copied in from elsewhere."""
    return not _VENDORED.isdisjoint(path.split("/"))


def _match(choice: _Chosen, policy: Policy, first_line: int) -> Match:
    """Make the match: its source is the place that leads, its verdict counts all of them."""
    found = choice.leader
    own = _places(found)
    places = own.union(*map(_places, choice.copies)) if choice.copies else own
    origin = min((place.origin for place in own), key=_canonical)
    kind = _kind(found, places)
    return Match(
        kind=kind,
        query=found.query.shifted(first_line - 1),
        source=origin.qualify(Swhid.of_digest(found.known.digest), lines=found.source),
        origin=origin,
        similarity=found.similarity,
        containment=found.containment,
        tokens=found.tokens,
        found_by=found.found_by,
        verdict=_verdict(policy, origin.license, kind, places),
        copies=len(places),
        other_licenses=tuple(
            sorted({p.origin.license.expression for p in places} - {origin.license.expression})
        ),
    )


def _places(candidate: Candidate) -> set[_Place]:
    origins = candidate.known.origins(limit=_MAX_PLACES)
    return {_Place(candidate.known.digest, origin) for origin in origins}


def _canonical(origin: Origin) -> tuple[bool, str, int, str, str]:
    """Order of places: not vendored, earliest, shallowest."""
    return is_vendored(origin.path), origin.date or "~", origin.path.count("/"), origin.path, origin.url


def _verdict(policy: Policy, license: License, kind: Kind, places: set[_Place]) -> Verdict:
    """The verdict on the leading place; where copies would be judged otherwise, a person must look."""
    verdict = policy.judge(license, kind)
    if any(policy.judge(place.origin.license, kind) is not verdict for place in places):
        return max(verdict, Verdict.REVIEW, key=lambda v: v.severity)
    return verdict


def _kind(candidate: Candidate, places: set[_Place]) -> Kind:
    if candidate.is_common or len({place.origin.url for place in places}) > COMMON_ORIGINS:
        return Kind.COMMON
    return Kind.NEAR_COPY if Lane.MINHASH in candidate.also_by else _KINDS[candidate.lane]


_KINDS = {
    Lane.BLOB: Kind.IDENTICAL,
    Lane.SEEDS: Kind.LITERAL,
    Lane.STRUCTURE: Kind.RENAMED,
    Lane.MINHASH: Kind.NEAR_COPY,
    Lane.WORDS: Kind.LEXICAL,
    Lane.VECTORS: Kind.RENAMED,
}
