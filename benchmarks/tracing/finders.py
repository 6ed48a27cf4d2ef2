"""What is measured: one protocol for sc-attrib and its peers, and sc-attrib's side of it."""

from __future__ import annotations

import hashlib
import inspect
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import attribution
from attribution.index.builder import build_index
from attribution.model import Kind, Lane, Match, SourceFile
from attribution.trace import Tracer

ANSWERS = 5
"""Files of an answer that are looked at."""
_KEPT_INDEXES = 3
_MOST_OF_A_LANE = 150
"""Questions of a kind and language that a single lane is asked."""
_BUILDS = ("fingerprint", "index", "native")
"""Folders of the engine whose code decides what an index holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a finder makes of a query."""

    files: tuple[str, ...] = ()
    """Content ids (SWHID digests), best first, each once."""
    flagged: bool | None = None
    """Whether it says that the query comes from somewhere; ``None`` where it has no such word."""
    lines: tuple[int, int] | None = None
    """Lines of the first file, where it names them."""
    query_lines: tuple[int, int] | None = None
    is_common: bool = False
    """Whether the first match is judged common code."""
    why: str = ""


class Finder(Protocol):
    """Anything that answers where a piece of code comes from."""

    @property
    def name(self) -> str:
        """Head of its column."""

    @property
    def version(self) -> str:
        """Names everything on which its answers hang, the corpus apart; empty: never kept."""

    @property
    def most(self) -> int | None:
        """Queries of a kind and language that it is asked, where it is too slow for all."""

    @property
    def note(self) -> str:
        """What a reader must know of it, in one sentence."""

    def prepare(self, files: list[SourceFile], folder: Path) -> float | None:
        """Build its index below ``folder`` or take the one there; answer its bytes, if it has one."""

    def ask(self, text: bytes, path: str) -> Answer:
        """Answer one query."""


def content_id(file: SourceFile) -> str:
    """Names a content in answers."""
    return file.swhid.object_id


class ScAttrib:
    """sc-attrib, with all of its lanes or some of them."""

    version = ""

    def __init__(
        self, lanes: tuple[Lane, ...] | None, *, rebuild: bool = False, with_vectors: bool = False
    ) -> None:
        self.lanes = lanes
        self.name = "sc-attrib" if lanes is None else "+".join(lanes)
        self.note = "all lanes" if lanes is None else "this lane of sc-attrib alone"
        self.most = None if lanes is None else _MOST_OF_A_LANE
        self._rebuild = rebuild
        self._with_vectors = with_vectors
        self._tracer: Tracer | None = None

    def prepare(self, files: list[SourceFile], folder: Path) -> float:
        """Open the index of this version of the engine; the oldest of several are dropped."""
        indexes = folder / "sc-attrib"
        index = indexes / (_engine_version() + ("-vectors" if self._with_vectors else ""))
        if self._rebuild and self.lanes is None:
            shutil.rmtree(index, ignore_errors=True)
        if not (index / "complete").exists():
            shutil.rmtree(index, ignore_errors=True)
            started = time.perf_counter()
            build_index(index / "index", files, with_vectors=self._with_vectors)
            (index / "complete").write_text(f"{time.perf_counter() - started:.1f}", encoding="utf-8")
            for old in sorted(indexes.iterdir(), key=lambda path: path.stat().st_mtime)[:-_KEPT_INDEXES]:
                shutil.rmtree(old)
        if self.lanes is None:
            self.note = f"all lanes; index built in {(index / 'complete').read_text(encoding='utf-8')} s"
        selected: dict[str, Any] = {} if self.lanes is None else {"lanes": self.lanes}
        self._tracer = Tracer.open([index / "index"], **selected)
        return sum(path.stat().st_size for path in (index / "index").rglob("*") if path.is_file())

    def ask(self, text: bytes, path: str) -> Answer:
        """Trace it; flagged by any match that is not common code."""
        assert self._tracer is not None
        matches = self._tracer.trace(text, path=path).matches
        if not matches:
            return Answer(flagged=False)
        best = matches[0]
        return Answer(
            files=tuple(dict.fromkeys(match.source.object_id for match in matches))[:ANSWERS],
            flagged=any(match.kind is not Kind.COMMON for match in matches),
            lines=None if best.source.lines is None else (best.source.lines.first, best.source.lines.last),
            query_lines=(best.query.first, best.query.last),
            is_common=best.kind is Kind.COMMON,
            why="; ".join(_explained(match) for match in matches[:3]),
        )


def _explained(match: Match) -> str:
    """One match in one line."""
    return (
        f"{match.kind} {match.query} = {match.origin.url}/{match.origin.path}:{match.source.lines} "
        f"{match.tokens} tokens, similarity {match.similarity:.2f}, containment {match.containment:.2f}, "
        f"by {'+'.join(match.found_by)}, {match.verdict}"
    )


def sc_attrib_columns(*, rebuild: bool, with_vectors: bool = False) -> Iterator[ScAttrib]:
    """All lanes, and each alone where the engine can be asked for that."""
    yield ScAttrib(None, rebuild=rebuild, with_vectors=with_vectors)
    if "lanes" in inspect.signature(Tracer.open).parameters:
        for lane in Lane:
            if lane is not Lane.BLOB and (with_vectors or lane is not Lane.VECTORS):
                yield ScAttrib((lane,), with_vectors=with_vectors)


def _engine_version() -> str:
    """Changes with every change of the code that builds indexes."""
    root = Path(next(iter(attribution.__path__)))
    digest = hashlib.sha1()
    for folder in _BUILDS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".py", ".cpp", ".hpp"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def as_text(content: bytes) -> str:
    """Text of code that may not be UTF-8."""
    return content.decode("utf-8", "replace")


def size_of(folder: Path) -> float:
    """Bytes of all files below a folder."""
    return float(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
