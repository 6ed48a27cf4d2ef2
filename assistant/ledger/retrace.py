"""What has become of accepted suggestions: where each is now, and what still binds it.

A suggestion is looked for in its file, then in the other files of the workspace. Where it is found it is
traced again, as it was before it was shown. A match of then whose source no index holds any more goes on to
bind as long as the code is there, since nothing says that it does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from assistant.ledger.acceptance import Acceptance
from assistant.ledger.locate import Found, locate
from assistant.ledger.sketch import Sketched, sketch_lines
from assistant.tracing import AFTER_TOKENS, head, tail
from attribution.model import Attribution, Kind, Match, Verdict
from attribution.sources.files import read_code, walk_code
from attribution.span import Span
from attribution.swhid import Swhid
from attribution.trace import Tracer

_CONTEXT_TOKENS = 64
_ELSEWHERE_SHARE = 0.6
_ELSEWHERE_LINES = 4
_ALIKE_SHARE = 0.75
_BINDING_SHARE = 0.5
"""Of the accepted lines; with less of them left, a match that cannot be checked again binds no more."""
_UNBINDING = frozenset((Verdict.COMMON, Verdict.EXEMPT, Verdict.IGNORED, Verdict.ALLOW))


class State(StrEnum):
    """What has become of an accepted suggestion."""

    UNCHANGED = "unchanged"
    """It stands where it was put."""
    MOVED = "moved"
    """It stands elsewhere, with all of its lines."""
    EDITED = "edited"
    """Some of its lines were changed, or others put between them."""
    GONE = "gone"
    """It is in no file of the workspace any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """An accepted suggestion as it is today."""

    acceptance: Acceptance
    state: State
    path: str | None = None
    """The file that holds it now; ``None`` where it is gone."""
    lines: Span | None = None
    kept: float = 0.0
    """0 to 1: share of its lines that are there with all their tokens."""
    binding: tuple[Match, ...] = ()
    """What it is like today, and asks for something; lines are those of the file now."""
    unchecked: tuple[Match, ...] = ()
    """Those of ``binding`` that were written down then, and whose source no index holds today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """What is kept of a file: not its text, of which a workspace may have gigabytes."""

    path: str
    lines: Sketched
    values: frozenset[int]
    """The sketches of its lines, to pass over files that cannot hold what is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The files of a workspace as they are now."""

    root: Path

    def read(self, path: str) -> bytes | None:
        """The bytes of a file that the ledger names; ``None`` where it is no code, or gone."""
        return read_code(self.root / path, skipped=Counter()) if (self.root / path).is_file() else None

    def files(self) -> Iterator[str]:
        """All code files, relative to the root."""
        for file in walk_code(self.root, skipped=Counter()):
            yield file.relative_to(self.root).as_posix()


class Retracer:
    """Finds and traces accepted suggestions; sketches each file once."""

    def __init__(self, workspace: Workspace, tracer: Tracer | None) -> None:
        """Without a tracer nothing is traced again, and what was written down binds."""
        self._workspace = workspace
        self._tracer = tracer
        self._files: dict[str, _File | None] = {}
        self._paths: list[str] | None = None

    def trace_all(self, acceptances: Sequence[Acceptance]) -> list[Traced]:
        """Find each in the order given."""
        return [self._trace(acceptance) for acceptance in acceptances]

    def _trace(self, acceptance: Acceptance) -> Traced:
        at_home = self._look_into(acceptance, acceptance.path)
        place = at_home or self._look_elsewhere(acceptance)
        if place is None:
            return Traced(acceptance=acceptance, state=State.GONE)
        file, found = place
        kept = found.kept / found.total if found.total else 1.0
        binding, unchecked = self._binding(acceptance, file, found, kept)
        return Traced(
            acceptance=acceptance,
            state=_state(acceptance, file, found),
            path=file.path,
            lines=found.lines,
            kept=kept,
            binding=binding,
            unchecked=unchecked,
        )

    def _look_into(self, acceptance: Acceptance, path: str) -> tuple[_File, Found] | None:
        file = self._file(path)
        found = locate(acceptance.sketch, file.lines) if file is not None else None
        return (file, found) if file is not None and found is not None else None

    def _look_elsewhere(self, acceptance: Acceptance) -> tuple[_File, Found] | None:
        """The other file that holds most of it, if that is enough to be sure."""
        sketch = acceptance.sketch
        enough = min(_ELSEWHERE_LINES, len(sketch.literal))
        places = []
        for path in self._others(acceptance.path):
            file = self._file(path)
            if file is None or sum(value in file.values for value in sketch.literal) < enough:
                continue
            found = locate(sketch, file.lines)
            if found is not None and _is_certain(found, len(sketch.literal)):
                places.append((file, found))
        return max(places, key=lambda place: place[1].score, default=None)

    def _others(self, path: str) -> Iterator[str]:
        """All code files but one; the workspace is walked once."""
        if self._paths is None:
            self._paths = list(self._workspace.files())
        return (other for other in self._paths if other != path)

    def _file(self, path: str) -> _File | None:
        if path not in self._files:
            content = self._workspace.read(path)
            self._files[path] = None if content is None else _sketched(path, content)
        return self._files[path]

    def _binding(
        self, acceptance: Acceptance, file: _File, found: Found, kept: float
    ) -> tuple[tuple[Match, ...], tuple[Match, ...]]:
        """What binds today; and what of it is only known from then."""
        now = self._trace_again(file, found.lines)
        unchecked: list[Match] = []
        if kept >= _BINDING_SHARE:
            moved = (_moved(match, acceptance, found) for match in acceptance.matches)
            unchecked = [match for match in moved if not self._is_known(match)]
        return tuple(m for m in (*now, *unchecked) if _binds(m)), tuple(filter(_binds, unchecked))

    def _trace_again(self, file: _File, lines: Span) -> tuple[Match, ...]:
        """Trace lines with the code around them, as the gate does with a suggestion."""
        content = self._workspace.read(file.path)
        if self._tracer is None or content is None:
            return ()
        text = content.decode("utf-8", "surrogateescape").split("\n")
        before = "".join(line + "\n" for line in text[: lines.first - 1])
        inserted = "\n".join(text[lines.first - 1 : lines.last])
        after = "\n".join(["", *text[lines.last :]])
        above, first_line = tail(before, _CONTEXT_TOKENS)
        return self._tracer.trace_insertion(
            *(
                part.encode("utf-8", "surrogateescape")
                for part in (above, inserted, head(after, AFTER_TOKENS))
            ),
            first_line=first_line,
            path=str(self._workspace.root / file.path),
        )

    def _is_known(self, match: Match) -> bool:
        """Whether an index holds the source of a match, so that tracing again has the last word on it."""
        indexes = self._tracer.indexes if self._tracer is not None else ()
        return any(index.identical(match.source.digest) for index in indexes)


def _is_certain(found: Found, lines: int) -> bool:
    """Whether code was found in a file that it was never put into: imports are alike everywhere."""
    if found.kept < _ELSEWHERE_SHARE * found.total:
        return False
    return found.kept >= _ELSEWHERE_LINES or found.kept + found.context >= _ALIKE_SHARE * lines


def _sketched(path: str, content: bytes) -> _File:
    lines = sketch_lines(content, path=path)
    return _File(path=path, lines=lines, values=frozenset(lines.literal))


def by_file(traced: Sequence[Traced], workspace: Workspace) -> list[Attribution]:
    """What still binds, file by file, as reports of checked files take it."""
    found: dict[str, dict[tuple[str, Span], Match]] = {}
    for one in traced:
        for match in one.binding:
            found.setdefault(str(one.path), {})[str(match.source), match.query] = match
    attributions = []
    for path, matches in sorted(found.items()):
        content = workspace.read(path)
        if content is not None:
            ordered = tuple(sorted(matches.values(), key=lambda m: (m.query, -m.similarity)))
            attributions.append(Attribution(path=path, swhid=Swhid.of_content(content), matches=ordered))
    return attributions


def _state(acceptance: Acceptance, file: _File, found: Found) -> State:
    if not found.is_unedited:
        return State.EDITED
    stayed = file.path == acceptance.path and found.lines.first == acceptance.lines.first
    return State.UNCHANGED if stayed else State.MOVED


def _binds(match: Match) -> bool:
    return match.verdict not in _UNBINDING and match.kind is not Kind.COMMON


def _moved(match: Match, acceptance: Acceptance, found: Found) -> Match:
    """A match of then at the lines of now; it need not reach further than what is left of the code."""
    moved = match.query.shifted(found.lines.first - acceptance.lines.first)
    first = max(1, min(moved.first, found.lines.last))
    return replace(match, query=Span(first, max(first, min(moved.last, found.lines.last))))
