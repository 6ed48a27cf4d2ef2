"""Judging: which of the ranges that were found are matches, in which order, and what each is.

one document's ranges   those that two lanes found become one
all ranges              most shared tokens of one document first; what a better one covers is its copy or dropped
a match                 its source is the place that leads, its verdict counts all places
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
_SHADOWED_SHARE = 0.8
_COPY_SHARE = 0.9
_SAME_RANGE_SHARE = 0.5
_LITERAL_SHARE = 0.5
"""Of what two lanes found of one range: from this share of literal tokens on it is a literal copy."""
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
    """Turn candidates into matches, best first; lines of the query count from ``first_line``."""
    chosen: list[_Chosen] = []
    for candidate in _ranked(found):
        shadow = next((c for c in chosen if _covers(c.leader, candidate)), None)
        if shadow is None:
            chosen.append(_Chosen(candidate))
        elif candidate.tokens >= _COPY_SHARE * shadow.leader.tokens:
            shadow.copies.append(candidate)
    return [_match(choice, policy, first_line) for choice in chosen]


def _ranked(found: Iterable[Candidate]) -> list[Candidate]:
    """Ranges of the document that holds most of the query first, in it the largest first."""
    documents: dict[bytes, list[Candidate]] = defaultdict(list)
    for candidate in found:
        documents[candidate.known.digest].append(candidate)
    ranked = []
    for candidates in documents.values():
        merged = _merged(candidates)
        total = _total_tokens(merged)
        ranked += [(_rank(candidate, total), candidate) for candidate in merged]
    return [candidate for _, candidate in sorted(ranked, key=lambda pair: pair[0])]


def _merged(candidates: list[Candidate]) -> list[Candidate]:
    """Make one of ranges of one document that overlap on both sides, largest first."""
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: -c.tokens):
        same = next((n for n, k in enumerate(kept) if _is_same_range(k, candidate)), None)
        if same is None:
            kept.append(candidate)
        else:
            kept[same] = _joined(kept[same], candidate)
    return kept


def _is_same_range(kept: Candidate, other: Candidate) -> bool:
    return kept.query.overlap(other.query) >= _SAME_RANGE_SHARE * len(other.query) and kept.source.overlap(
        other.source
    ) >= _SAME_RANGE_SHARE * len(other.source)


def _joined(kept: Candidate, other: Candidate) -> Candidate:
    """Note the other's lanes; a range found by structure that is literal for the better part counts as literal."""
    if Lane.SEEDS in other.found_by and other.tokens < _LITERAL_SHARE * kept.tokens:
        return kept
    return kept.also_found_by(*other.found_by)


def _total_tokens(candidates: list[Candidate]) -> int:
    """Tokens of the query that ranges of one document hold, those of overlapping ranges counted once."""
    total, seen = 0, []
    for candidate in candidates:
        if not any(s.overlap(candidate.query) > _SAME_RANGE_SHARE * len(candidate.query) for s in seen):
            seen.append(candidate.query)
            total += candidate.tokens
    return total


def _rank(candidate: Candidate, total: int) -> tuple[float, float, float, bool, str, int, str]:
    """Most tokens first; of equals the closest, then what is not vendored, the earliest, the shallowest path."""
    path = candidate.known.path
    return (
        -total,
        -candidate.tokens,
        -candidate.similarity,
        is_vendored(path),
        "",
        path.count("/"),
        path,
    )


def is_vendored(path: str) -> bool:
    """Whether a path says that its file was copied in from elsewhere."""
    return not _VENDORED.isdisjoint(path.split("/"))


def _covers(better: Candidate, other: Candidate) -> bool:
    return better.query.overlap(other.query) >= _SHADOWED_SHARE * len(other.query)


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
    lanes = candidate.found_by
    if Lane.BLOB in lanes:
        return Kind.IDENTICAL
    if Lane.MINHASH in lanes:
        return Kind.NEAR_COPY
    if Lane.SEEDS in lanes:
        return Kind.LITERAL
    return Kind.RENAMED if Lane.STRUCTURE in lanes else Kind.LEXICAL
