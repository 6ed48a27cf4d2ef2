"""What people and their programs are answered: checks, comparisons, places, holdings, facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from attribution.asking import AskersText, ask_ids, ask_texts
from attribution.holdings import Holdings
from attribution.languages import language_of
from attribution.library import OTHER_LANGUAGE, Found, Library
from attribution.licenses.expressions import category
from attribution.model import Attribution, Origin
from attribution.policy import Policy
from attribution.remote.wire import content_as_json, facts_as_json
from attribution.report.holdings_report import holdings_as_form, holdings_as_list
from attribution.report.json_report import attribution_as_json, license_as_json
from attribution.report.search_report import found_as_json
from attribution.report.side_by_side import lines_of, rows_of
from attribution.report.token_marks import Change, Mark, token_marks
from attribution.service.settings import API
from attribution.sources.notebooks import code_of
from attribution.span import Span
from attribution.swhid import Swhid
from attribution.trace import Tracer
from attribution.verify import Comparison, Excerpt, Excerpts, compare

MOST_PLACES = 64
SEARCHED = 500
"""The best files, among which a search with filters chooses and counts."""
_MOST_LINES = 4000
"""Lines of either text that are compared."""
_MOST_BYTES = 2000
"""Of one line; longer ones are cut off."""
_CHANGES = {Change.RENAMED: "renamed", Change.CHANGED: "changed"}

Json = dict[str, Any]


def check(library: Library, content: bytes, *, path: str, min_tokens: int, license: str) -> Attribution:
    """Trace a text, judged by the built-in policy for a project under this licence, if any is named."""
    tracer = Tracer(indexes=(library,), policy=Policy(license=license), min_tokens=min_tokens)
    return tracer.trace(content, path=path)


def check_as_json(attribution: Attribution) -> Json:
    """The document that ``check --format json`` writes."""
    return {"schema": 1, "files": [attribution_as_json(attribution)]}


def compared(library: Library, content: bytes, *, path: str, lines: Span, source: Swhid) -> Json | None:
    """Lines of a text beside those of a known file, what differs marked; ``None`` for no known file."""
    known = library.identical(source.digest)
    if not known:
        return None
    text = library.text(source.digest)
    if text is None:
        return {"schema": 1, "stored": False, "rows": [], "renames": []}
    (origin,) = known[0].origins(limit=1)
    ours = Excerpts(code_of(path, content)[0]).cut(_bounded(lines))
    theirs = Excerpts(code_of(origin.path, text)[0]).cut(_bounded(source.lines or Span(1, _MOST_LINES)))
    found = compare(ours, theirs)
    return {
        "schema": 1,
        "stored": True,
        "similarity": round(found.similarity, 4),
        "renames": [
            {"source": r.source, "query": r.query, "count": r.count, "conflicts": r.conflicts}
            for r in found.renames
        ],
        "rows": _rows(found),
    }


def _bounded(lines: Span) -> Span:
    return Span(lines.first, min(lines.last, lines.first + _MOST_LINES - 1))


def _rows(found: Comparison) -> list[Json]:
    sides = list(zip((found.query, found.source), token_marks(found), strict=True))
    texts = [lines_of(excerpt) for excerpt, _ in sides]
    rows = []
    for row in rows_of(found):
        cells = [
            None if line is None else _cell(excerpt, text[line - 1], line, marks.get(line, []))
            for (excerpt, marks), text, line in zip(sides, texts, (row.query, row.source), strict=True)
        ]
        rows.append({"mark": row.mark, "query": cells[0], "source": cells[1]})
    return rows


def _cell(excerpt: Excerpt, line: bytes, number: int, marks: Sequence[Mark]) -> Json:
    """A line in parts: its text, and what became of it."""
    line = line.rstrip(b"\r")[:_MOST_BYTES]
    parts, place = [], 0
    for mark in marks:
        parts.append([_text(line[place : mark.start]), "same"])
        parts.append([_text(line[mark.start : mark.end]), _CHANGES[mark.change]])
        place = mark.end
    parts.append([_text(line[place:]), "same"])
    return {"line": excerpt.first_line + number - 1, "parts": [part for part in parts if part[0]]}


def _text(piece: bytes) -> str:
    return piece.decode("utf-8", "replace")


def known(library: Library, swhid: Swhid, *, with_text: bool) -> Json | None:
    """Where a content was found, and its text where kept and asked for; ``None`` where it is unknown."""
    found = library.identical(swhid.digest)
    if not found:
        return None
    origins = list(dict.fromkeys(o for one in found for o in one.origins(limit=MOST_PLACES + 1)))
    text = library.text(swhid.digest)
    return {
        "schema": 1,
        "swhid": str(swhid.core),
        "tokens": found[0].token_count,
        "generated": found[0].is_generated,
        "stored": text is not None,
        "places": [_place_as_json(swhid, origin) for origin in origins[:MOST_PLACES]],
        "more": len(origins) > MOST_PLACES,
        **(content_as_json(text) if with_text and text is not None else {}),
    }


def _place_as_json(swhid: Swhid, origin: Origin) -> Json:
    return {
        "swhid": str(origin.qualify(swhid.core, lines=swhid.lines)),
        "origin": origin.url,
        "path": origin.path,
        "revision": origin.revision,
        "date": origin.date,
        "license": license_as_json(origin.license),
    }


def searched(library: Library, words: bytes, *, limit: int, language: str, license: str) -> Json:
    """The best files that pass the filters, and how many of the best are of each language and licence."""
    found = library.search(words, limit=SEARCHED)
    languages, licenses = Counter(map(_language, found)), Counter(map(_license, found))
    chosen = [f for f in found if language in ("", _language(f)) and license in ("", _license(f))]
    return {
        "schema": 1,
        "query": words.decode("utf-8", "surrogateescape"),
        "results": [{**found_as_json(f), "language": _language(f)} for f in chosen[:limit]],
        "counts": {
            "found": len(found),
            "chosen": len(chosen),
            "languages": dict(languages.most_common()),
            "licenses": dict(licenses.most_common()),
        },
    }


def _language(found: Found) -> str:
    return language_of(found.place.origin.path) or OTHER_LANGUAGE


def _license(found: Found) -> str:
    return found.place.origin.license.expression


def held_of_id(library: Library, name: str, *, limit: int) -> Json:
    """What is held under an id, as :func:`attribution.index.opt_outs.parse_id` writes it."""
    return _held(name, ask_ids([library], (name,)), limit)


def held_of_files(library: Library, files: Sequence[AskersText], *, limit: int) -> Json:
    """What is held of somebody's files."""
    asked = files[0].path if len(files) == 1 else f"{len(files)} files"
    return _held(asked, ask_texts([library], files, skipped=Counter()), limit)


def _held(asked: str, holdings: Holdings, limit: int) -> Json:
    shown = replace(holdings, held=holdings.held[:limit])
    return {
        **holdings_as_form(asked, holdings, held=shown.held),
        "more": len(holdings.held) - len(shown.held),
        "opt_out_list": holdings_as_list(asked, shown),
    }


def facts(library: Library) -> Json:
    """What the index holds, and which kind each of its licences is."""
    found = library.facts()
    return {
        "schema": 1,
        "version": program_version(),
        "api": API,
        "generation": library.generation,
        "index": facts_as_json(found),
        "categories": {expression: category(expression).value for expression in found.licenses},
    }


@lru_cache(maxsize=1)
def program_version() -> str:
    """The version of this program."""
    return version("sc-attrib")
