"""The wire form of an index's operations: what the client sends and the service answers, as JSON.

The checked text travels, and not its fingerprint: that is six times as many bytes, and hides little, since
tokens are guessed from their hashes (docs/service.md has the figures). What is judged of it, and by which
policy, stays with the client. Numbers are exact: JSON's floats are written as Python reads them again.

Reading raises :class:`WireError` for whatever is no such form.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from attribution.candidates import Candidate, Known
from attribution.index.protocol import Wanted
from attribution.languages import language_named
from attribution.library import Found, HeldUnder, IndexFacts, Place
from attribution.model import Lane, License, Origin
from attribution.query import Query
from attribution.span import Span
from attribution.swhid import Swhid

WIRE = 1
"""Version of this form; a service and a client must have the same."""
PLACES = 64
"""Places of one content that travel with it; the client asks again for more."""
_ESCAPED_SHARE = 1.34
"""Of a text's bytes; a form longer than that is written in base 64 instead."""

Json = dict[str, Any]


class WireError(ValueError):
    """What was received is not of this form; says what is wrong with it."""


def content_as_json(content: bytes) -> Json:
    """A text under ``text``; bytes under ``base64`` where they are no UTF-8, or text would be longer."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(content).decode()}
    escaped = len(json.dumps(text, ensure_ascii=False))
    if escaped > _ESCAPED_SHARE * len(text) + 16:
        return {"base64": b64encode(content).decode()}
    return {"text": text}


def content_of(form: Json) -> bytes:
    """The bytes of ``text`` or ``base64``, exactly one of which must be there."""
    if ("text" in form) == ("base64" in form):
        raise WireError("name either text or base64")
    if "text" in form:
        return read_text(form, "text").encode("utf-8", "surrogateescape")
    try:
        return b64decode(read_text(form, "base64"), validate=True)
    except ValueError as error:
        raise WireError("base64: is not base 64 (RFC 4648)") from error


def read_text(form: Json, name: str, *, default: str | None = None) -> str:
    """A string; bytes that are not UTF-8 may stand in it as lone surrogates from U+DC80 to U+DCFF."""
    value = form.get(name, default)
    if not isinstance(value, str):
        raise WireError(f"{name}: must be a string")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise WireError(f"{name}: holds half a surrogate pair, which is no text") from error
    return value


def read_number(form: Json, name: str, *, least: int, most: int, default: int | None = None) -> int:
    """A whole number within bounds."""
    value = form.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WireError(f"{name}: must be a whole number")
    if not least <= value <= most:
        raise WireError(f"{name}: must be from {least} to {most:,}")
    return value


def read_digest(form: Json) -> bytes:
    """A git SHA-1 in 40 hexadecimal digits."""
    value = read_text(form, "digest")
    try:
        digest = bytes.fromhex(value)
    except ValueError:
        digest = b""
    if len(digest) != 20 or len(value) != 40:
        raise WireError("digest: must be 40 hexadecimal digits")
    return digest


def query_as_json(query: Query, wanted: Wanted) -> Json:
    """What ``find`` is asked."""
    return {
        **content_as_json(query.content),
        "language": query.language.name,
        "min_tokens": wanted.min_tokens,
        "lanes": sorted(lane.value for lane in wanted.lanes),
        "focus": None if wanted.focus is None else [wanted.focus.start, wanted.focus.stop],
        "tells_apart": wanted.tells_apart,
        "explained": [[span.first, span.last] for span in _merged(wanted.explained)],
    }


def query_of(form: Json) -> tuple[Query, Wanted]:
    """The same, read."""
    content = content_of(form)
    lanes = form.get("lanes")
    if not isinstance(lanes, list) or not all(lane in set(Lane) for lane in lanes):
        raise WireError(f"lanes: must be a list of {', '.join(Lane)}")
    focus = form.get("focus")
    bounds = None if focus is None else _pair(focus, "focus")
    explained = form.get("explained", [])
    if not isinstance(explained, list):
        raise WireError("explained: must be a list of ranges")
    lines = content.count(b"\n") + 1
    wanted = Wanted(
        min_tokens=read_number(form, "min_tokens", least=1, most=1 << 30),
        lanes=frozenset(map(Lane, lanes)),
        focus=None if bounds is None else range(bounds[0], min(bounds[1], len(content))),
        tells_apart=bool(form.get("tells_apart", False)),
        explained=tuple(_span(pair, lines) for pair in explained),
    )
    return Query.of(content, language=language_named(read_text(form, "language", default=""))), wanted


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Which lines are explained is all that is asked: neighbouring ranges become one."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.first <= merged[-1].last + 1:
            merged[-1] = merged[-1].union(span)
        else:
            merged.append(span)
    return merged


def _pair(value: object, name: str) -> tuple[int, int]:
    if (
        not isinstance(value, list)
        or len(value) != 2
        or not all(isinstance(n, int) and not isinstance(n, bool) for n in value)
        or not 0 <= value[0] <= value[1] < 1 << 40
    ):
        raise WireError(f"{name}: must be two ascending whole numbers")
    return value[0], value[1]


def _span(value: object, lines: int) -> Span:
    first, last = _pair(value, "explained")
    if first < 1 or last > lines:
        raise WireError("explained: must be lines of the text")
    return Span(first, last)


@dataclass(frozen=True, slots=True)
class RemoteKnown:
    """A known content of a service, as far as it came with an answer."""

    digest: bytes
    path: str
    token_count: int
    is_generated: bool
    places: tuple[Origin, ...]
    more: Callable[[bytes, int], tuple[Origin, ...]] | None = field(default=None, compare=False)
    """Asks for further places, where there are any."""

    def origins(self, *, limit: int) -> list[Origin]:
        """At most so many of its places; asks the service where not as many are at hand."""
        if limit <= len(self.places) or self.more is None:
            return list(self.places[:limit])
        return list(self.more(self.digest, limit)[:limit])


class OriginTable:
    """Writes origins; each licence once, for many places share one."""

    def __init__(self) -> None:
        self.licenses: dict[License, int] = {}

    def write(self, origin: Origin) -> list[Any]:
        """An origin as a row: url, path, revision, snapshot, date, number of its licence."""
        number = self.licenses.setdefault(origin.license, len(self.licenses))
        snapshot = None if origin.snapshot is None else str(origin.snapshot)
        return [origin.url, origin.path, origin.revision, snapshot, origin.date, number]

    def rows(self) -> list[Any]:
        """The licences: expression, evidence, conflicts."""
        return [[one.expression, list(one.evidence), list(one.conflicts)] for one in self.licenses]


def licenses_of(rows: Sequence[Any]) -> list[License]:
    """The licences of a table."""
    return [
        License(expression=expression, evidence=tuple(evidence), conflicts=tuple(conflicts))
        for expression, evidence, conflicts in rows
    ]


def origin_of(row: Sequence[Any], licenses: Sequence[License]) -> Origin:
    """An origin from its row."""
    url, path, revision, snapshot, date, number = row
    parsed = Swhid.parse(snapshot) if snapshot else None
    return Origin(url=url, path=path, revision=revision, snapshot=parsed, date=date, license=licenses[number])


def known_as_json(known: Iterable[Known], *, places: int = PLACES) -> Json:
    """The answer of ``identical``."""
    table = OriginTable()
    rows = [_known_row(one, table, places) for one in known]
    return {"known": rows, "licenses": table.rows()}


def _known_row(known: Known, table: OriginTable, places: int) -> list[Any]:
    """Digest, path, tokens, whether it is generated, places, whether there are more."""
    origins = known.origins(limit=places + 1)
    rows = [table.write(origin) for origin in origins[:places]]
    more = len(origins) > places
    return [known.digest.hex(), known.path, known.token_count, known.is_generated, rows, more]


def candidates_as_json(found: Sequence[Candidate]) -> Json:
    """The answer of ``find``; each known content stands in it once."""
    table = OriginTable()
    numbers: dict[Known, int] = {}
    rows = [_candidate_row(c, numbers.setdefault(c.known, len(numbers))) for c in found]
    known = [_known_row(one, table, PLACES) for one in numbers]
    return {"candidates": rows, "known": known, "licenses": table.rows()}


def _candidate_row(found: Candidate, known: int) -> Json:
    return {
        "known": known,
        "lane": found.lane.value,
        "query": [found.query.first, found.query.last],
        "source": [found.source.first, found.source.last],
        "tokens": found.tokens,
        "telling": found.telling_tokens,
        "similarity": found.similarity,
        "containment": found.containment,
        "weight": found.weight,
        "also_by": sorted(lane.value for lane in found.also_by),
        "words": found.words,
        "common": found.is_common,
    }


MorePlaces = Callable[[bytes, int], tuple[Origin, ...]]


def known_of(form: Json, more: MorePlaces | None) -> list[Known]:
    """The known contents of an answer; ``more`` asks for further places of one."""
    licenses = licenses_of(form["licenses"])
    return [_known_of_row(row, licenses, more) for row in form["known"]]


def _known_of_row(row: Sequence[Any], licenses: Sequence[License], more: MorePlaces | None) -> Known:
    digest, path, tokens, is_generated, rows, has_more = row
    places = tuple(origin_of(place, licenses) for place in rows)
    if not places:
        raise WireError("a known file without a place")
    return RemoteKnown(bytes.fromhex(digest), path, tokens, is_generated, places, more if has_more else None)


def candidates_of(form: Json, more: MorePlaces | None) -> list[Candidate]:
    """The candidates of an answer."""
    known = known_of(form, more)
    return [
        Candidate(
            known=known[row["known"]],
            lane=Lane(row["lane"]),
            query=Span(*row["query"]),
            source=Span(*row["source"]),
            tokens=row["tokens"],
            telling_tokens=row["telling"],
            similarity=row["similarity"],
            containment=row["containment"],
            weight=row["weight"],
            also_by=frozenset(map(Lane, row["also_by"])),
            words=row["words"],
            is_common=row["common"],
        )
        for row in form["candidates"]
    ]


def places_as_json(places: Iterable[Place]) -> Json:
    """Contents with one place each."""
    table = OriginTable()
    rows = [[place.digest.hex(), table.write(place.origin)] for place in places]
    return {"places": rows, "licenses": table.rows()}


def places_of(form: Json) -> list[Place]:
    """The same, read."""
    licenses = licenses_of(form["licenses"])
    return [
        Place(digest=bytes.fromhex(digest), origin=origin_of(row, licenses)) for digest, row in form["places"]
    ]


def found_as_json(found: Sequence[Found]) -> Json:
    """The answer of ``search``."""
    return {**places_as_json(f.place for f in found), "scores": [f.score for f in found]}


def found_of(form: Json) -> list[Found]:
    """The same, read."""
    return [
        Found(place=place, score=score) for place, score in zip(places_of(form), form["scores"], strict=True)
    ]


def held_as_json(held: HeldUnder) -> Json:
    """The answer of ``under``."""
    return {**places_as_json(held.places), "unsearched": held.unsearched}


def held_of(form: Json) -> HeldUnder:
    """The same, read."""
    return HeldUnder(places=tuple(places_of(form)), unsearched=form["unsearched"])


def facts_as_json(facts: IndexFacts) -> Json:
    """What an index holds; also what people are shown."""
    return {
        "documents": facts.documents,
        "segments": facts.segments,
        "source_bytes": facts.source_bytes,
        "size_bytes": facts.size_bytes,
        "has_text": facts.has_text,
        "has_words": facts.has_words,
        "licenses": facts.licenses,
        "languages": facts.languages,
    }


def facts_of(form: Json) -> IndexFacts:
    """The same, read."""
    return IndexFacts(**form)
