"""Tracing: from a text to the known files it is like.

The git blob id tells whether an index holds the very text. Each index answers the ranges that are like it, by
its seeds, its structure, its signature; for a short text of which nothing was found, words propose files and
line sketches decide; for lines without a match, in an index that has them, vectors propose blocks, and line
sketches decide. :mod:`attribution.judge` makes matches of the ranges.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

from attribution.attributed import settle
from attribution.boilerplate import telling_tokens
from attribution.candidates import Candidate
from attribution.ignores import obey
from attribution.index.protocol import Foreseen, Index, Wanted
from attribution.judge import judge
from attribution.languages import Language, language_of
from attribution.languages.guess import guess_language
from attribution.model import Attribution, Kind, Lane, Match, Verdict
from attribution.opening import open_index
from attribution.policy import DEFAULT_POLICY, Policies, Policy
from attribution.query import Query
from attribution.remote.address import IndexPlace
from attribution.sources.notebooks import code_of, is_notebook, lines_counted
from attribution.span import Span
from attribution.swhid import Swhid
from attribution.verify import Excerpts, compare

MIN_TOKENS = 30
"""Tokens that a file must share with a known one before it is mentioned, weighed by the similarity of the two
ranges: about five lines that are equal, or ten that were edited."""
_PIECE_BYTES = 1 << 20
"""Longer texts are traced piece by piece: 50 bytes of memory for each of theirs are enough then."""
_LEXICAL_LINES = 60
"""Longer texts hold seeds if they are copied; short ones are looked up, and told apart, by words."""
MIN_INSERTION_TOKENS = 23
"""The same for a suggestion with its surroundings: the shortest run that is certain to share a seed."""
_REFUTED_SHARE = 0.5
"""Of the similarity that sketches tell; exact ones of true copies lie well above."""
EVERY_LANE = frozenset(Lane)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracer:
    """Traces texts against one or several open indexes. Safe to share between threads."""

    indexes: tuple[Index, ...]
    policy: Policies = DEFAULT_POLICY
    min_tokens: int = MIN_TOKENS
    lanes: Collection[Lane] = EVERY_LANE

    @classmethod
    def open(
        cls,
        indexes: Sequence[IndexPlace],
        *,
        policy: Policies = DEFAULT_POLICY,
        min_tokens: int = MIN_TOKENS,
        lanes: Collection[Lane] = EVERY_LANE,
    ) -> Tracer:
        """Open the indexes; raise a subclass of :class:`IndexUnusableError` where one cannot be used."""
        opened = tuple(map(open_index, indexes))
        return cls(indexes=opened, policy=policy, min_tokens=min_tokens, lanes=frozenset(lanes))

    def trace(self, content: bytes, *, path: str) -> Attribution:
        """Find what a whole text is like. ``path`` labels the answer; its extension tells the language."""
        text = _Text(path, content)
        indexes = tuple(index.ahead(lambda: self._foreseen(text)) for index in self.indexes)
        return replace(self, indexes=indexes)._trace(text)

    def _trace(self, text: _Text) -> Attribution:
        path, content, policy = text.path, text.content, self.policy.policy_for(text.path)
        found = self._identical(text)
        if content.strip() and not any(m.verdict is Verdict.DENY for m in judge(found, policy)):
            found += self._alike(text)
        matches, notices = obey(lines_counted(path, content), self._judged(found, policy, path, content))
        return Attribution(
            path=path, swhid=text.swhid, matches=settle(matches, content, path), notices=notices
        )

    def _foreseen(self, text: _Text) -> Foreseen | None:
        """What the first piece is going to be looked up by; ``None`` for a text without code."""
        query = text.first_query if text.content.strip() else None
        if query is None:
            return None
        return Foreseen(digest=text.swhid.digest, query=query, wanted=self._wanted(query))

    def trace_insertion(
        self, before: bytes, inserted: bytes, after: bytes, *, first_line: int = 1, path: str = ""
    ) -> tuple[Match, ...]:
        """Find what ``inserted`` completes: only matches that reach into it.

        The text around it counts as well, since hardly any single line is long enough to be traced alone.
        Lines of the matches are counted so that the first line of ``before`` is ``first_line``; ``path``
        tells the language. The tokens asked for are ``MIN_INSERTION_TOKENS``, whatever ``min_tokens`` is.
        """
        code, language = _code(path, before + inserted + after)
        query = Query.of(code, language=language)
        focus = range(len(before), len(before) + len(inserted))
        if len(query.literal.tokens_between(focus)) == 0:
            return ()
        wanted = Wanted(min_tokens=MIN_INSERTION_TOKENS, lanes=self._among(Lane.SEEDS), focus=focus)
        policy = self.policy.policy_for(path)
        return tuple(
            m for m in judge(self._find(query, wanted), policy, first_line=first_line) if policy.counts(m)
        )

    def known_text(self, digest: bytes) -> bytes | None:
        """The content whose git SHA-1 this is, where one of the indexes keeps it."""
        return next((text for i in self.indexes if (text := i.text(digest)) is not None), None)

    def _wanted(self, query: Query) -> Wanted:
        """What is asked first; short texts are told apart by words."""
        return Wanted(
            min_tokens=self.min_tokens,
            lanes=self._among(Lane.SEEDS, Lane.STRUCTURE, Lane.MINHASH),
            tells_apart=query.line_count <= _LEXICAL_LINES and Lane.WORDS in self.lanes,
        )

    def _alike(self, text: _Text) -> list[Candidate]:
        found: list[Candidate] = []
        for first_line, query in text.queries():
            wanted = self._wanted(query)
            here = self._find(query, wanted)
            if not here and wanted.tells_apart:
                here = self._find(query, Wanted(min_tokens=self.min_tokens, lanes=self._among(Lane.WORDS)))
            if Lane.VECTORS in self.lanes:
                here += self._find(query, self._for_vectors(here))
            found += here if first_line == 1 else [c.shifted(first_line - 1) for c in here]
        return _confirmed(found)

    def _for_vectors(self, found: list[Candidate]) -> Wanted:
        """The lane of vectors, for the lines that nothing else was found for."""
        explained = tuple(candidate.query for candidate in found)
        return Wanted(min_tokens=self.min_tokens, lanes=self._among(Lane.VECTORS), explained=explained)

    def _judged(self, found: list[Candidate], policy: Policy, path: str, content: bytes) -> list[Match]:
        """Matches that count; what is below its threshold, or proves to be unlike, hides no other."""
        ours = Excerpts(content)
        while True:
            claimed = judge(found, policy)
            matches = [self._verified(ours, match, path=path) for match in claimed]
            weak = {
                (m.source.digest, m.query, m.found_by)
                for claim, m in zip(claimed, matches, strict=True)
                if not policy.counts(m) or self._refutes(m, claim)
            }
            if not weak:
                return matches
            found = [c for c in found if (c.known.digest, c.query, c.found_by) not in weak]

    def _refutes(self, exact: Match, claim: Match) -> bool:
        """Whether the texts are far less alike than their sketches said, and too little to be a match.

        So it is where one line holds most of a text, and its sketch is another's by chance.
        """
        is_far_less = exact.similarity < _REFUTED_SHARE * claim.similarity
        return is_far_less and exact.similarity * claim.tokens < self.min_tokens

    def _verified(self, ours: Excerpts, match: Match, *, path: str) -> Match:
        """Compare token by token where an index keeps the text; a notebook's text is not its code.

        Words of comments that stand for many others are no renamed names.
        """
        if match.kind is Kind.COMMON or is_notebook(path) or is_notebook(match.origin.path):
            return match
        known = self.known_text(match.source.digest)
        theirs = match.source.lines
        if known is None or theirs is None:
            return match
        found = compare(ours.cut(match.query), Excerpts(known).cut(theirs))
        is_renamed = match.kind is Kind.RENAMED
        return replace(
            match,
            similarity=found.renamed_similarity if is_renamed else found.similarity,
            containment=found.renamed_containment if is_renamed else found.containment,
            is_verified=True,
            renames=tuple(r for r in found.renames if r.conflicts <= r.count),
        )

    def _find(self, query: Query, wanted: Wanted) -> list[Candidate]:
        return [candidate for index in self.indexes for candidate in index.find(query, wanted)]

    def _among(self, *lanes: Lane) -> frozenset[Lane]:
        return frozenset(lanes).intersection(self.lanes)

    def _identical(self, text: _Text) -> list[Candidate]:
        """The files of the indexes that are this very content, if it is enough to speak of."""
        if Lane.BLOB not in self.lanes:
            return []
        known = [k for index in self.indexes for k in index.identical(text.swhid.digest)]
        known = [k for k in known if k.token_count >= self.min_tokens]
        telling = text.telling_tokens() if known else 0
        lines = text.lines
        return [
            Candidate(
                known=k,
                lane=Lane.BLOB,
                query=lines,
                source=lines,
                tokens=k.token_count,
                telling_tokens=telling,
                similarity=1.0,
                containment=1.0,
                weight=float(k.token_count),
                words=inf,
                is_common=k.is_generated or telling < self.min_tokens,
            )
            for k in known
        ]


@dataclass(frozen=True)
class _Text:
    """A text that is traced; what several indexes need of it is made once, and only if one does."""

    path: str
    content: bytes

    @cached_property
    def swhid(self) -> Swhid:
        return Swhid.of_content(self.content)

    @property
    def lines(self) -> Span:
        """All of them."""
        return Span(1, max(1, self.content.count(b"\n") + (not self.content.endswith(b"\n"))))

    @cached_property
    def _code(self) -> tuple[bytes, Language]:
        return _code(self.path, self.content)

    @cached_property
    def first_query(self) -> Query | None:
        """The first piece, prepared; ``None`` where there is no code."""
        code, language = self._code
        return next((Query.of(piece, language=language) for _, piece in _pieces(code)), None)

    def queries(self) -> Iterator[tuple[int, Query]]:
        """Each piece prepared, with its first line; none is kept but a first one that was foreseen."""
        code, language = self._code
        for first_line, piece in _pieces(code):
            foreseen = vars(self).get("first_query") if first_line == 1 else None
            yield first_line, foreseen or Query.of(piece, language=language)

    def telling_tokens(self) -> int:
        """Tokens that are neither imports nor licence notices."""
        code, language = self._code
        return sum(telling_tokens(piece, language) for _, piece in _pieces(code))


def _code(path: str, content: bytes) -> tuple[bytes, Language]:
    """The code of a file, and the language of its extension, or the one that it looks like."""
    code, language = code_of(path, content)
    return code, guess_language(code) if language_of(path) is None else language


def _pieces(code: bytes) -> Iterator[tuple[int, bytes]]:
    """Cut a very long text, if possible between lines, so that memory stays bounded; with first lines."""
    first_line = start = 0
    while start < len(code):
        end = min(start + _PIECE_BYTES, len(code))
        if end < len(code):
            end = code.rfind(b"\n", start, end) + 1 or end
        yield first_line + 1, code[start:end]
        first_line += code.count(b"\n", start, end)
        start = end


def _confirmed(found: list[Candidate]) -> list[Candidate]:
    """Fold what MinHash says of whole files into the ranges that seeds found in them.

    Of several ranges in one file the first, which is the largest, is marked.
    """
    near = {c.known.digest: c for c in found if c.lane is Lane.MINHASH}
    others = [c for c in found if c.lane is not Lane.MINHASH]
    marked = []
    for candidate in sorted(others, key=lambda c: -c.tokens):
        known = near.pop(candidate.known.digest, None)
        marked.append(candidate if known is None else candidate.also_found_by(Lane.MINHASH))
    return marked + list(near.values())
