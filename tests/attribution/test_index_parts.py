"""An index in parts answers as the whole does, however it is cut, from process to process."""

import pickle
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.cluster.shares import shares
from attribution.index import parts
from attribution.index.ahead import AskedAhead, FirstRound
from attribution.index.builder import add_files, build_index, git_digest
from attribution.index.catalog import SegmentRow
from attribution.index.index import Index
from attribution.index.parts import InParts, Kept, LikeliestByWords, PlacedSegment, Proposed, Question
from attribution.index.profile import Profile
from attribution.index.protocol import Foreseen
from attribution.index.removal import remove
from attribution.model import SourceFile
from attribution.trace import Tracer

A = TypeVar("A")


@dataclass(frozen=True)
class Divided(InParts):
    """An index whose segments are in parts, each asked as if it were in another process."""

    index: Index
    places: list[list[int]]
    is_asked_ahead: bool = False
    asked: list[Question[object]] = field(default_factory=list)

    @property
    def kept(self) -> Kept:
        return self.index.kept

    def ahead(self, foresee: Callable[[], Foreseen | None]) -> InParts:
        foreseen = foresee() if self.is_asked_ahead else None
        return self if foreseen is None else AskedAhead.of(self, foreseen)

    def ask(self, question: Question[A]) -> list[A]:
        self.asked.append(question)
        return [self._ask(question, places) for places in self.places]

    def _ask(self, question: Question[A], places: Sequence[int]) -> A:
        part = [PlacedSegment(place, self.index.segments[place]) for place in places]
        asked: Question[A] = pickle.loads(pickle.dumps(question))
        return pickle.loads(pickle.dumps(asked.asked_of(part)))


@pytest.fixture(scope="module")
def files(real_files: list[SourceFile]) -> list[SourceFile]:
    return [f for f in real_files if len(f.content) < 30_000][::3][:240]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, files: list[SourceFile]) -> Index:
    """Segments of every kind: with texts and vectors, without, sparse; files in two, files removed."""
    directory = tmp_path_factory.mktemp("parts") / "index"
    build_index(directory, files[:120], with_contents=True, with_vectors=True, segment_bytes=150_000)
    add_files(directory, files[100:200], with_contents=False, with_vectors=False, segment_bytes=200_000)
    add_files(directory, files[200:], profile=Profile.SPARSE, with_contents=False, with_vectors=False)
    remove(directory, [f"swh:1:cnt:{git_digest(f.content).hex()}" for f in files[::17]])
    opened = Index.open(directory)
    assert len(opened.segments) >= 5
    return opened


def edited(text: bytes, seed: int) -> bytes:
    """Rename a word, leave a line out, put one in: what people do to what they copy."""
    chance = random.Random(seed)
    lines = text.splitlines(keepends=True)
    if len(lines) > 6 and seed % 3:
        del lines[chance.randrange(len(lines))]
        lines.insert(chance.randrange(len(lines)), b"    count = count + 1\n")
    return b"".join(lines).replace(b"self", b"this") if seed % 2 else b"".join(lines)


@settings(max_examples=60)
@given(data=st.data())
def test_any_division_into_parts_gives_the_answers_of_the_whole(
    index: Index, files: list[SourceFile], data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, 5), label="parts")
    where = data.draw(
        st.lists(st.integers(0, count - 1), min_size=len(index.segments), max_size=len(index.segments)),
        label="part of each segment",
    )
    divided = Divided(
        index,
        [[at for at, part in enumerate(where) if part == one] for one in range(count)],
        is_asked_ahead=data.draw(st.booleans(), label="asked ahead"),
    )
    file = data.draw(st.sampled_from(files), label="file")
    lines = file.content.splitlines(keepends=True)
    first = data.draw(st.integers(0, max(0, len(lines) - 2)), label="first line")
    length = data.draw(st.sampled_from([4, 12, 40, 5000]), label="lines")
    copied = b"".join(lines[first : first + length])
    text = edited(copied, data.draw(st.integers(0, 5), label="edit"))
    whole = Tracer(indexes=(index,)).trace(text, path=file.origin.path)
    assert Tracer(indexes=(divided,)).trace(text, path=file.origin.path) == whole
    assert divided.text(git_digest(file.content)) == index.text(git_digest(file.content))
    found = parts.likeliest(divided, parts.totals_of(divided, copied), limit=20)
    assert [(f.score, f.place, f.document) for f in found] == [
        (f.score, f.place, f.document)
        for f in parts.likeliest(index, parts.totals_of(index, copied), limit=20)
    ]


def test_what_is_foreseen_takes_one_round_and_what_words_decide_another(
    tmp_path: Path, files: list[SourceFile]
) -> None:
    build_index(tmp_path / "index", files, with_contents=True, segment_bytes=400_000)
    index = Index.open(tmp_path / "index")
    divided = Divided(index, [[at] for at in range(len(index.segments))], is_asked_ahead=True)
    tracer = Tracer(indexes=(divided,))
    rounds = set()
    for file in files[::7]:
        lines = file.content.splitlines(keepends=True)
        for text in (lines[:45], lines[5:45], [line.replace(b"e", b"ae") for line in lines[5:11]]):
            divided.asked.clear()
            tracer.trace(b"x = 1\n" + b"".join(text), path=file.origin.path)
            rounds.add(tuple(type(question) for question in divided.asked))
    assert rounds == {(FirstRound,), (FirstRound, Proposed), (FirstRound, LikeliestByWords)}


@given(
    sizes=st.lists(st.integers(0, 10_000), max_size=40),
    count=st.integers(1, 9),
)
def test_shares_hold_each_segment_once_and_none_is_larger_than_need_be(sizes: list[int], count: int) -> None:
    rows = [
        SegmentRow(id=str(n), profile=Profile.FULL, documents=1, source_bytes=size)
        for n, size in enumerate(sizes)
    ]
    held = shares(rows, count)
    assert sorted(place for part in held for place in part) == list(range(len(rows)))
    loads = [sum(sizes[place] for place in part) for part in held]
    assert max(loads) <= sum(sizes) / count + max(sizes, default=0)
