"""Candidates: the ranges of known files that a text may have come from, found by its seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from attribution.align import Alignment, Sketched, align
from attribution.chain import Chains, Hits, chain_hits
from attribution.fingerprint.lines import BLANK, line_sketches
from attribution.fingerprint.seeds import K_TOKENS, Seeds, all_seeds
from attribution.fingerprint.tokens import TokenStream, tokenize
from attribution.index.profile import Profile
from attribution.index.segment import Segment
from attribution.model import Lane
from attribution.span import Span

_REPEAT_CAP = 16
"""A seed that occurs more often than this in the query is repetition, and is not looked up."""
_MAX_ALIGNED = 512
"""Chains of one segment that are aligned line by line, best first."""
_MAX_ALIGNED_A_LINE = 24
"""Of them, chains that concern the same line of the query: enough to see that code is common."""
_EXTENSION_TOKENS = 16
"""Tokens beyond its seeds that a chain which matters may hold on either side of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A text prepared for looking up."""

    tokens: TokenStream
    seeds: Seeds
    """Every k-gram that is not mere repetition."""
    lines: Mapping[int, Sketched]
    """Line sketches by their width in bytes."""

    @classmethod
    def of(cls, content: bytes) -> Query:
        """Fingerprint the text densely, so that it meets whichever seeds an index kept."""
        tokens = tokenize(content)
        sketches = line_sketches(tokens)
        return cls(
            tokens=tokens,
            seeds=_without_repetition(all_seeds(tokens)),
            lines={
                kept.itemsize: Sketched.of(kept)
                for kept in (sketches.astype(profile.sketch_type) for profile in Profile)
            },
        )

    def lines_like(self, kept: NDArray[np.generic]) -> Sketched:
        """Its line sketches in the width in which an index keeps them."""
        return self.lines[kept.itemsize]

    def tokens_between(self, start: int, stop: int) -> range:
        """Token positions that start at bytes ``[start, stop)``."""
        first, last = np.searchsorted(self.tokens.starts, (start, stop))
        return range(int(first), int(last))


def _without_repetition(seeds: Seeds) -> Seeds:
    _, inverse, counts = np.unique(seeds.hashes, return_inverse=True, return_counts=True)
    kept = counts[inverse] <= _REPEAT_CAP
    return Seeds(hashes=seeds.hashes[kept], positions=seeds.positions[kept])


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A range of the query and the range of a known file that it is like; not judged yet."""

    segment: Segment
    document: int
    query: Span
    source: Span
    tokens: int
    """Query tokens that the source holds too."""
    similarity: float
    containment: float
    found_by: tuple[Lane, ...]
    is_common: bool = False
    """Whether most of its seeds are in so many documents that the index keeps no places for them."""

    def also_found_by(self, lane: Lane) -> Candidate:
        """Note that another lane found the same document."""
        return replace(self, found_by=(*self.found_by, lane))

    @classmethod
    def whole_file(cls, query: Query, segment: Segment, document: int, jaccard: float) -> Candidate:
        """Compare whole files, for want of a chain; the shared tokens follow from the Jaccard estimate."""
        lines = len(segment.sketches(document))
        sizes = len(query.tokens), segment.token_count(document)
        shared = min(round(jaccard / (1 + jaccard) * sum(sizes)), *sizes)
        return cls(
            segment=segment,
            document=document,
            query=Span(1, max(1, query.tokens.line_count)),
            source=Span(1, max(1, lines)),
            tokens=shared,
            similarity=2 * shared / sum(sizes),
            containment=shared / sizes[0],
            found_by=(Lane.MINHASH,),
        )


def find_candidates(
    query: Query, segment: Segment, min_tokens: int, *, focus: range | None = None
) -> list[Candidate]:
    """Look the query up in one segment, most shared tokens first.

    With ``focus``, a range of token positions, only candidates that share tokens inside it count.
    """
    chains = _chains(query, segment)
    common = np.sort(query.seeds.positions[segment.seeds.are_common(query.seeds.hashes)])
    aligned_at = np.zeros(query.tokens.line_count + 2, dtype=np.int64)
    found: list[Candidate] = []
    for chain in _worth_aligning(chains, query, segment):
        members = chains.members(chain)
        place = slice(int(members.query_lines[0]), int(members.query_lines[-1]) + 1)
        if aligned_at[place].min() >= _MAX_ALIGNED_A_LINE or _is_shadowed(members, found):
            continue
        aligned_at[place] += 1
        candidate, shared = _aligned(query, segment, members, common)
        reaches = focus is None or bool(shared[focus.start : focus.stop].any())
        if candidate.tokens >= min_tokens and reaches:
            found.append(candidate)
    return sorted(found, key=lambda candidate: -candidate.tokens)


def _worth_aligning(chains: Chains, query: Query, segment: Segment) -> list[int]:
    """Chains in the order of their weight; a lone seed counts only if a line at it is equal as well."""
    sizes = np.diff(chains.starts, append=len(chains.hits))
    lone = chains.hits.take(chains.starts[sizes == 1])
    eligible = sizes > 1
    eligible[sizes == 1] = _equal_at(lone, query, segment, 0) | _equal_at(lone, query, segment, 1)
    order = np.argsort(-chains.covered_tokens, kind="stable")
    worth: list[int] = order[eligible[order]][:_MAX_ALIGNED].tolist()
    return worth


def _equal_at(hits: Hits, query: Query, segment: Segment, step: int) -> NDArray[np.bool_]:
    """Whether the lines ``step`` below each hit are equal, and hold code."""
    kept = segment.sketches_at(hits.documents, hits.source_lines + step)
    ours = query.lines_like(kept).sketches
    lines = np.minimum(hits.query_lines + step, len(ours)) - 1
    equal: NDArray[np.bool_] = (ours[lines] == kept) & (kept != BLANK)
    return equal


def _is_shadowed(members: Hits, found: list[Candidate]) -> bool:
    """Whether a candidate at hand holds far more than this chain, around the same place, ever could."""
    first, last = int(members.positions[0]), int(members.positions[-1]) + K_TOKENS
    lines = Span(int(members.query_lines[0]), int(members.query_lines[-1]))
    most = last - first + _EXTENSION_TOKENS
    return any(c.tokens > 2 * most and c.query.overlap(lines) == len(lines) for c in found)


def _chains(query: Query, segment: Segment) -> Chains:
    found = segment.seeds.find(query.seeds.hashes)
    positions = query.seeds.positions[found.queries].astype(np.int64)
    hits = Hits(
        positions=positions,
        query_lines=query.tokens.lines[positions].astype(np.int64),
        documents=found.documents,
        source_lines=found.lines,
    )
    return chain_hits(hits, seed_tokens=K_TOKENS)


def _aligned(
    query: Query, segment: Segment, members: Hits, common: NDArray[np.int32]
) -> tuple[Candidate, NDArray[np.bool_]]:
    """Align one chain; answer the candidate and, for each query token, whether the source shares it.

    ``common`` are the positions of the query's common seeds, sorted.
    """
    document = int(members.documents[0])
    source = Sketched.of(segment.sketches(document))
    alignment = align(
        query.lines_like(source.sketches),
        source,
        query_span=_query_span(query, members),
        source_span=_source_span(query, members, len(source.sketches)),
    )
    shared = _shared_tokens(query.tokens, members, alignment)
    tokens = int(np.count_nonzero(shared))
    first, last = np.searchsorted(query.tokens.lines, (alignment.query.first, alignment.query.last + 1))
    common_inside = int(np.diff(np.searchsorted(common, (first, last)))[0])
    source_tokens = _source_tokens(
        query,
        alignment,
        tokens_a_line=segment.token_count(document) / max(1, len(source.code_lines)),
        shared=tokens,
    )
    candidate = Candidate(
        segment=segment,
        document=document,
        query=alignment.query,
        source=alignment.source,
        tokens=tokens,
        similarity=2 * tokens / (int(last - first) + source_tokens),
        containment=tokens / int(last - first),
        found_by=(Lane.SEEDS,),
        is_common=common_inside > len(members),
    )
    return candidate, shared


def _source_tokens(query: Query, alignment: Alignment, *, tokens_a_line: float, shared: int) -> float:
    """Estimate the tokens of the source range: exact on equal lines, the document's average elsewhere."""
    on_equal_lines = int(np.count_nonzero(np.isin(query.tokens.lines, alignment.equal_query_lines)))
    return max(on_equal_lines + alignment.differing_source_lines * tokens_a_line, shared)


def _query_span(query: Query, members: Hits) -> Span:
    last_token = int(members.positions.max()) + K_TOKENS - 1
    return Span(int(members.query_lines.min()), int(query.tokens.lines[last_token]))


def _source_span(query: Query, members: Hits, line_count: int) -> Span:
    """Lines of the source under the chain: the last seed is as many lines high as it is in the query."""
    last = int(np.argmax(members.positions))
    height = int(query.tokens.lines[int(members.positions[last]) + K_TOKENS - 1] - members.query_lines[last])
    first_line, last_line = int(members.source_lines.min()), int(members.source_lines.max())
    return Span(first_line, max(first_line, min(last_line + height, line_count)))


def _shared_tokens(tokens: TokenStream, members: Hits, alignment: Alignment) -> NDArray[np.bool_]:
    """Mark the tokens under the chain's seeds and those on equal lines."""
    edges = np.zeros(len(tokens) + 1, dtype=np.int64)
    positions = np.unique(members.positions)
    np.add.at(edges, positions, 1)
    np.add.at(edges, positions + K_TOKENS, -1)
    under_seeds = np.cumsum(edges[:-1]) > 0
    return under_seeds | np.isin(tokens.lines, alignment.equal_query_lines)
