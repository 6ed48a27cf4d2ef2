"""What is asked of the engines: the same texts at every size, all out of files that every size holds.

Snippets are 40 lines in a row out of real files: half as they are, half with a fifth of their lines edited,
and apart from these snippets of files that no index holds. Files of about 1,000 lines come with a twentieth
of their lines edited, so that no engine may answer by their digest.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from scaling.pack import Pack

SNIPPET_LINES = 40
_LEAST_WORDS = 60
_WORD = re.compile(rb"[A-Za-z_]\w*")

QueryKind = Literal["verbatim", "edited", "not indexed", "file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A text, and the place that it was taken from."""

    kind: QueryKind
    text: bytes
    source: str
    """Name of the file that it was taken from; see :attr:`Label.name`."""

    @property
    def name(self) -> str:
        """The name under which it is asked: it tells the language, and nothing else."""
        return f"query.{self.source.rpartition('.')[2]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySet:
    """All that one engine is asked, in this order; no text twice."""

    warm_up: tuple[Query, ...]
    measured: tuple[Query, ...]
    cold: tuple[Query, ...]
    files: tuple[Query, ...]


def draw_queries(pack: Pack, indexed: int, held_out: range, *, count: int) -> QuerySet:
    """Draw ``count`` snippets to measure, as many to warm up, some for a cold cache, and whole files.

    ``indexed`` is the number of files that the smallest index holds, ``held_out`` those that none holds.
    """
    chance = random.Random(1)
    inside = _snippets(pack, chance.sample(range(indexed), indexed), chance)
    outside = _snippets(pack, chance.sample(held_out, len(held_out)), chance)
    return QuerySet(
        warm_up=_mixed(inside, outside, count, chance),
        measured=_mixed(inside, outside, count, chance),
        cold=_mixed(inside, outside, 30, chance),
        files=_files(pack, chance.sample(range(indexed), indexed), 60, chance),
    )


def _mixed(
    inside: Iterator[Query], outside: Iterator[Query], count: int, chance: random.Random
) -> tuple[Query, ...]:
    """A sixth of unknown snippets, and of the others every second one edited; in random order."""
    foreign = count // 6
    drawn = [_as_unknown(query) for query, _ in zip(outside, range(foreign), strict=False)]
    for number, query in zip(range(count - foreign), inside, strict=False):
        drawn.append(_edited(query, chance) if number % 2 else query)
    chance.shuffle(drawn)
    return tuple(drawn)


def _snippets(pack: Pack, numbers: list[int], chance: random.Random) -> Iterator[Query]:
    for number in numbers:
        lines = pack.content(number).split(b"\n")
        if len(lines) < SNIPPET_LINES + 10:
            continue
        first = chance.randrange(len(lines) - SNIPPET_LINES)
        text = b"\n".join(lines[first : first + SNIPPET_LINES]) + b"\n"
        if len(_WORD.findall(text)) >= _LEAST_WORDS and max(map(len, lines)) < 1000:
            yield Query(kind="verbatim", text=text, source=pack.label(number).name)


def _as_unknown(query: Query) -> Query:
    return Query(kind="not indexed", text=query.text, source=query.source)


def _edited(query: Query, chance: random.Random) -> Query:
    return Query(kind="edited", text=edit_lines(query.text, 0.2, chance), source=query.source)


def _files(pack: Pack, numbers: list[int], count: int, chance: random.Random) -> tuple[Query, ...]:
    drawn: list[Query] = []
    for number in numbers:
        content = pack.content(number)
        if 950 <= content.count(b"\n") <= 1050 and len(drawn) < count:
            text = edit_lines(content, 0.05, chance)
            drawn.append(Query(kind="file", text=text, source=pack.label(number).name))
    return tuple(drawn)


def edit_lines(text: bytes, share: float, chance: random.Random) -> bytes:
    """Edit a share of the lines: drop one, change a word of the next, and so on."""
    edited = []
    for number, line in enumerate(text.split(b"\n")):
        if chance.random() >= share:
            edited.append(line)
        elif number % 2:
            words = list(_WORD.finditer(line))
            if words:
                word = chance.choice(words)
                changed = b"changed_%d" % chance.randrange(10_000)
                edited.append(line[: word.start()] + changed + line[word.end() :])
    return b"\n".join(edited)
