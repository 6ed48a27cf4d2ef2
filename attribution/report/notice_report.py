"""The notice: a text that credits the works whose code was found, by licence and by origin.

It is what attribution clauses ask to be kept with the code: whose it is, under which licence, where it came
from and where it stands now. Common, exempted and ignored code needs no credit and gets none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from attribution.model import Attribution, Kind, Match, Verdict
from attribution.report.copyrights import copyright_statements
from attribution.report.places import archive_url
from attribution.report.words import writable
from attribution.span import Span

if TYPE_CHECKING:
    from attribution.report.formats import Context

_NOT_CREDITED = frozenset((Verdict.COMMON, Verdict.EXEMPT, Verdict.IGNORED))
_TEXTS = "https://spdx.org/licenses/"
_HEAD = f"""NOTICE

This work holds code from the works below, each under the licence that it is listed by.
The texts of the licences stand in the works themselves, and under their SPDX identifiers at
{_TEXTS}
"""
_NOTHING = """NOTICE

No code was found that must be credited to others.
"""

_Credit = tuple[str, Match]
"""The checked file, and what was found in it."""


def render_notice(attributions: Sequence[Attribution], context: Context) -> str:
    """Render as plain text with a line feed at its end; equal findings in any order make equal notices."""
    works: dict[tuple[str, str, str], list[_Credit]] = defaultdict(list)
    for path, match in _credited(attributions):
        origin = match.origin
        works[match.license.expression, origin.url, origin.revision or ""].append((path, match))
    if not works:
        return _NOTHING
    lines = [_HEAD]
    licence = ""
    for (expression, url, revision), credits in sorted(works.items()):
        if expression != licence:
            licence = expression
            lines.append(f"{'=' * 72}\n{licence}\n{'=' * 72}\n")
        lines += _work(url, revision, credits, context)
    return "\n".join(lines)


def _credited(attributions: Iterable[Attribution]) -> Iterator[_Credit]:
    for attribution in attributions:
        for match in attribution.matches:
            if match.kind is not Kind.COMMON and match.verdict not in _NOT_CREDITED:
                yield attribution.path, match


def _work(url: str, revision: str, credits: list[_Credit], context: Context) -> Iterator[str]:
    """One work: its name, who holds the copyright, and each place where its code stands."""
    is_commit = revision.startswith("swh:")  # which says less to a person than the address
    names = [url, revision] if is_commit else [revision, url]
    yield from (writable(name) for name in names if name)
    known = {match.source.digest: match.origin.path for _, match in credits}
    texts = (context.their_text(digest) for digest in sorted(known, key=lambda digest: known[digest]))
    statements = {line: None for text in texts if text for line in copyright_statements(text)}
    yield from (f"  {writable(statement)}" for statement in statements)
    yield ""
    for path, match in sorted(set(credits), key=_place):
        lines = f", lines {match.source.lines}" if match.source.lines else ""
        yield f"  {writable(path)}, lines {match.query}"
        yield f"    from {writable(match.origin.path)}{lines}"
        yield f"    {archive_url(match.source.core)}"
        if match.other_licenses:
            yield f"    copies of it are under {writable(', '.join(match.other_licenses))}"
    yield ""


def _place(credit: _Credit) -> tuple[str, Span, str]:
    path, match = credit
    return path, match.query, str(match.source)
