"""The questions: real functions and files, changed as people change them, and what a right answer is."""

from __future__ import annotations

import hashlib
import pickle
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from attribution.model import SourceFile
from tracing.changes import CHANGES, paste, snippet, tokens_of, unnamed
from tracing.corpora import Corpus, extension_of, language_of
from tracing.finders import content_id
from tracing.lexer import functions

FUNCTION_LINES = range(8, 41)
FUNCTION_TOKENS = 20
"""A function of fewer says nothing that could be anybody's (Java's are often a comment and one return)."""
HOST_LINES = range(100, 401)
LINE_TOLERANCE = 2
PASTED = "pasted into a strange file"
SUCCESSOR = "old file, its successor indexed"
UNRELATED_FUNCTIONS = "unrelated functions"
UNRELATED_FILES = "unrelated files"
UNNAMED = " (no extension)"
_UNNAMED_CHANGES = ("verbatim", "all names changed")
_LEAST_SHARED = 0.5
_HERE = Path(__file__).parent
_DRAWN_BY = ("changes.py", "lexer.py", "questions.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function taken out of a real file."""

    file: SourceFile
    first: int
    last: int
    code: bytes

    @property
    def language(self) -> str:
        """Language of its file."""
        return language_of(self.file)

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.file.origin.url}/{self.file.origin.path}:{self.first}-{self.last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A text to ask about, and what a right answer holds."""

    kind: str
    """Its row of the table."""
    language: str
    text: bytes
    path: str
    place: str
    """Where it was taken from, for people."""
    original: bytes = b""
    """Code that a right file holds, white space apart; empty for unrelated code and whole files."""
    file: str = ""
    """For a whole file the content id of the right answer."""
    source: str = ""
    """Content id of the indexed file that it was taken from."""
    query_lines: tuple[int, int] | None = None
    """Where the original stands in the text, if not everywhere."""

    @property
    def key(self) -> str:
        """Names what is asked, for answers that are kept."""
        return hashlib.sha1(self.path.encode() + b"\0" + self.text).hexdigest()

    @property
    def is_unrelated(self) -> bool:
        """Whether nothing is the right answer."""
        return not self.original and not self.file

    @property
    def tokens(self) -> int:
        """Size of what was copied."""
        return tokens_of(self.original or self.text)


class Truth:
    """Which file holds which code, and on which lines, white space apart."""

    def __init__(self, files: list[SourceFile]) -> None:
        self._files = {content_id(file): file for file in files}
        self._squeezed = cache(self._squeeze_file)

    def holds(self, name: str, question: Question) -> bool:
        """Whether a file is a right answer."""
        if question.file:
            return name == question.file
        return bool(question.original) and _squeeze(question.original) in self._squeezed(name)[0]

    def is_renaming_of(self, name: str, question: Question, lines: tuple[int, int] | None) -> bool:
        """Whether the named lines of a file are, but for a consistent renaming, what was asked for.

        With names changed, functions that are alike but for names cannot be told apart.
        """
        if lines is None or "names changed" not in question.kind:
            return False
        there, language = self._files[name].content.split(b"\n"), question.language
        wanted, steps = unnamed(question.original, language), range(-LINE_TOLERANCE, LINE_TOLERANCE + 1)
        return any(
            unnamed(b"\n".join(there[max(0, lines[0] - 1 + up) : lines[1] + down]), language) == wanted
            for up in steps
            for down in steps
        )

    def contains(self, name: str, code: bytes) -> bool:
        """Whether a file really holds code that was thought unrelated."""
        return _squeeze(code) in self._squeezed(name)[0]

    def lines_agree(self, name: str, question: Question, lines: tuple[int, int] | None) -> bool:
        """Whether lines of a right file are within the tolerance of a place that holds the original."""
        if lines is None:
            return False
        return any(
            max(abs(lines[0] - first), abs(lines[1] - last)) <= LINE_TOLERANCE
            for first, last in self._places(name, _squeeze(question.original))
        )

    def _places(self, name: str, wanted: bytes) -> Iterator[tuple[int, int]]:
        content, offsets = self._squeezed(name)
        at = content.find(wanted)
        while at >= 0:
            first, last = np.searchsorted(offsets, (at, at + len(wanted) - 1), "right")
            yield int(first), int(last)
            at = content.find(wanted, at + 1)

    def _squeeze_file(self, name: str) -> tuple[bytes, np.ndarray]:
        """The content without white space, and for every line the offset at which it starts in that."""
        lines = [_squeeze(line) for line in self._files[name].content.split(b"\n")]
        return b"".join(lines), np.cumsum([0] + [len(line) for line in lines[:-1]])


def _squeeze(code: bytes) -> bytes:
    return b"".join(code.split())


def read_questions(corpus: Corpus, count: int, folder: Path) -> list[Question]:
    """Draw the questions, or read them where this code has drawn them before."""
    digest = hashlib.sha1(b"".join((_HERE / name).read_bytes() for name in _DRAWN_BY))
    for file in (*corpus.held_out, *(old for old, _ in corpus.older)):
        digest.update(file.content)
    kept = folder / f"questions-{count}-{digest.hexdigest()[:12]}.pickle"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(".tmp")
        unfinished.write_bytes(pickle.dumps(draw_questions(corpus, count)))
        unfinished.replace(kept)
    questions: list[Question] = pickle.loads(kept.read_bytes())
    return questions


def draw_questions(corpus: Corpus, count: int) -> list[Question]:
    """All questions, ``count`` functions of each language (fewer where it has fewer); always the same."""
    known = _draw(corpus.indexed, count, seed=1)
    foreign = _draw(corpus.held_out, count, seed=2)
    return [
        *_changed(known),
        *_pasted(known, corpus.held_out),
        *_successors(corpus.older, max(1, count // 2)),
        *(_unrelated(function) for function in foreign),
        *_unrelated_files(corpus.held_out, max(1, count // 4)),
    ]


def first_of_each(questions: list[Question], most: int | None) -> list[Question]:
    """The first questions of every kind and language, for finders that are too slow for all."""
    taken: Counter[tuple[str, str]] = Counter()
    first = []
    for question in questions:
        group = (question.kind, question.language)
        taken[group] += 1
        if most is None or taken[group] <= most:
            first.append(question)
    return first


def _draw(files: list[SourceFile], count: int, *, seed: int) -> list[Function]:
    """Functions of 8 to 40 lines, one of each random file, then a second one where files are too few."""
    by_language: dict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        by_language[language_of(file)].append(file)
    drawn = []
    for language, candidates in sorted(by_language.items()):
        chance = random.Random(f"{seed} {language}")
        drawn += _draw_language(chance.sample(candidates, len(candidates)), count, language, chance)
    return drawn


def _draw_language(
    files: list[SourceFile], count: int, language: str, chance: random.Random
) -> list[Function]:
    drawn: list[Function] = []
    spare: list[Function] = []
    for file in files:
        if len(drawn) == count:
            break
        fit = [f for f in functions(file.content, language) if f[1] - f[0] + 1 in FUNCTION_LINES]
        made = [_function(file, first, last) for first, last in chance.sample(fit, min(3, len(fit)))]
        made = [function for function in made if tokens_of(function.code) >= FUNCTION_TOKENS]
        drawn += made[:1]
        spare += made[1:]
    return drawn + spare[: count - len(drawn)]


def _function(file: SourceFile, first: int, last: int) -> Function:
    code = b"\n".join(file.content.split(b"\n")[first - 1 : last]) + b"\n"
    return Function(file=file, first=first, last=last, code=code)


def _changed(known: list[Function]) -> Iterator[Question]:
    """Every change of every function that it changes at all; a few again under a name without extension."""
    for function in known:
        for kind, change in CHANGES.items():
            text = change(function.code, function.language)
            if not text or (text == function.code and kind != "verbatim"):
                continue
            original = text if change is snippet else function.code
            question = Question(
                kind=kind,
                language=function.language,
                text=text,
                path=f"query.{extension_of(function.file)}",
                place=function.place,
                original=original,
                source=content_id(function.file),
            )
            yield question
            if kind in _UNNAMED_CHANGES:
                yield replace(question, kind=kind + UNNAMED, path="query")


def _pasted(known: list[Function], held_out: list[SourceFile]) -> Iterator[Question]:
    hosts: dict[str, list[SourceFile]] = defaultdict(list)
    for file in held_out:
        if file.content.count(b"\n") in HOST_LINES:
            hosts[extension_of(file)].append(file)
    for function in known:
        extension = extension_of(function.file)
        fit = hosts[extension] or hosts["js"]
        if fit:
            host = random.Random(function.code).choice(fit)
            text, first = paste(function.code, host.content, function.language)
            lines = function.code.strip(b"\n").count(b"\n") + 1
            yield Question(
                kind=PASTED,
                language=function.language,
                text=text,
                path=f"query.{extension}",
                place=f"{function.place} in {host.origin.path}",
                original=function.code,
                source=content_id(function.file),
                query_lines=(first, first + lines - 1),
            )


def _successors(older: list[tuple[SourceFile, SourceFile]], count: int) -> Iterator[Question]:
    """Old versions of files that share at least half of their lines with the file that is indexed."""
    chance = random.Random(3)
    taken: Counter[str] = Counter()
    for old, new in chance.sample(older, len(older)):
        language = language_of(old)
        if taken[language] < count and _shared_lines(old.content, new.content) >= _LEAST_SHARED:
            taken[language] += 1
            yield Question(
                kind=SUCCESSOR,
                language=language,
                text=old.content,
                path=old.origin.path,
                place=f"{old.origin.url}/{old.origin.path}",
                file=content_id(new),
                source=content_id(new),
            )


def _shared_lines(one: bytes, other: bytes) -> float:
    """Share of the lines of the larger of two files that the other holds too, blank ones apart."""
    counts = [Counter(line.strip() for line in text.split(b"\n") if line.strip()) for text in (one, other)]
    return (counts[0] & counts[1]).total() / max(1, counts[0].total(), counts[1].total())


def _unrelated(function: Function) -> Question:
    return Question(
        kind=UNRELATED_FUNCTIONS,
        language=function.language,
        text=function.code,
        path=f"query.{extension_of(function.file)}",
        place=function.place,
    )


def _unrelated_files(held_out: list[SourceFile], count: int) -> Iterator[Question]:
    chance = random.Random(4)
    taken: Counter[str] = Counter()
    for file in chance.sample(held_out, len(held_out)):
        language = language_of(file)
        if taken[language] < count:
            taken[language] += 1
            yield Question(
                kind=UNRELATED_FILES,
                language=language,
                text=file.content,
                path=file.origin.path,
                place=f"{file.origin.url}/{file.origin.path}",
            )
