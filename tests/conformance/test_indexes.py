"""What every index promises, however it came to be: one suite, run over each way of making one.

A new kind of index costs one row in ``MAKERS`` and inherits every test.
"""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from attribution.index.builder import add_files, build_index
from attribution.index.compaction import compact
from attribution.index.index import Index
from attribution.index.merging import merge_indexes
from attribution.index.profile import Profile
from attribution.index.protocol import Index as Searchable
from attribution.index.protocol import Wanted
from attribution.languages import language_named
from attribution.model import Lane, SourceFile
from attribution.query import Query
from attribution.remote.address import IndexAddress
from attribution.remote.library import RemoteLibrary
from attribution.trace import Tracer
from tests.service.serving import served

Maker = Callable[[Path, list[SourceFile]], Path]
WANTED = Wanted(min_tokens=30, lanes=frozenset({Lane.SEEDS}))


def built(directory: Path, files: list[SourceFile]) -> Path:
    build_index(directory, files)
    return directory


def sparse(directory: Path, files: list[SourceFile]) -> Path:
    build_index(directory, files, profile=Profile.SPARSE)
    return directory


def seeds_only(directory: Path, files: list[SourceFile]) -> Path:
    build_index(directory, files, profile=Profile.SEEDS)
    return directory


def grown(directory: Path, files: list[SourceFile]) -> Path:
    build_index(directory, files[::2])
    add_files(directory, files[1::2])
    return directory


def compacted(directory: Path, files: list[SourceFile]) -> Path:
    grown(directory, files)
    compact(directory)
    return directory


def merged(directory: Path, files: list[SourceFile]) -> Path:
    parts = [directory.with_name(f"{directory.name}-{n}") for n in range(3)]
    for number, part in enumerate(parts):
        build_index(part, files[number::3])
    merge_indexes(directory, parts)
    return directory


def copied(directory: Path, files: list[SourceFile]) -> Path:
    """Copied elsewhere and made read-only, as a published index is."""
    original = directory.with_name(f"{directory.name}-original")
    build_index(original, files)
    shutil.copytree(original, directory)
    for path in directory.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return directory


def with_vectors(directory: Path, files: list[SourceFile]) -> Path:
    build_index(directory, files[::2], with_vectors=True)
    add_files(directory, files[1::2])
    compact(directory)
    return directory


MAKERS: list[Maker] = [built, seeds_only, sparse, grown, compacted, merged, copied, with_vectors]


@pytest.fixture(scope="module", params=MAKERS, ids=lambda maker: maker.__name__)
def directory(request, tmp_path_factory: pytest.TempPathFactory, sample: list[SourceFile]) -> Path:
    return request.param(tmp_path_factory.mktemp(request.param.__name__) / "index", sample)


@pytest.fixture(scope="module", params=["fresh", "reopened", "served"])
def index(request, directory: Path) -> Iterator[Searchable]:
    opened = Index.open(directory)
    if request.param == "served":
        with served(directory) as service:
            yield RemoteLibrary.open(IndexAddress.parse(service.url))
    else:
        yield opened if request.param == "fresh" else Index.open(directory)


@pytest.fixture(scope="module")
def sample(real_files: list[SourceFile]) -> list[SourceFile]:
    chance = random.Random(11)
    files = [f for f in real_files if f.content.count(b"\n") > 80 and b"\r" not in f.content]
    return chance.sample(files, 60)


def snippets(sample: list[SourceFile], lines: int) -> list[tuple[SourceFile, int, bytes]]:
    chance = random.Random(12)
    drawn = []
    for file in sample:
        text = file.content.split(b"\n")
        first = chance.randrange(1, len(text) - lines)
        drawn.append((file, first, b"\n".join(text[first - 1 : first + lines - 1])))
    return drawn


def test_every_document_is_identical_to_itself_and_to_nothing_else(index: Searchable, sample) -> None:
    for file in sample:
        (known,) = index.identical(file.swhid.digest)
        assert known.digest == file.swhid.digest
        assert file.origin in known.origins(limit=8)
        assert known.path == file.origin.path
        assert known.token_count > 0
    assert index.identical(bytes(20)) == []


def test_a_run_of_thirty_lines_is_found_with_its_lines(index: Searchable, sample) -> None:
    found = 0
    for file, first, text in snippets(sample, 30):
        query = Query.of(text, language=language_named("Python"))
        best = max(index.find(query, WANTED), key=lambda candidate: candidate.weight, default=None)
        if best is not None and best.known.digest == file.swhid.digest:
            found += 1
            assert abs(best.source.first - first - (best.query.first - 1)) <= 2
    assert found >= 57


def test_candidates_keep_to_what_was_asked(index: Searchable, sample) -> None:
    for _, _, text in snippets(sample, 40)[:20]:
        query = Query.of(text, language=language_named("Python"))
        for candidate in index.find(query, WANTED):
            assert candidate.tokens >= 30
            assert candidate.lane is Lane.SEEDS
            assert 1 <= candidate.query.first <= candidate.query.last <= query.line_count
            assert 0 < candidate.similarity <= 1
            assert 0 < candidate.containment <= 1
        focus = range(len(text) // 2, len(text) // 2 + 40)
        inside = index.find(query, Wanted(min_tokens=30, lanes=WANTED.lanes, focus=focus))
        lines = text[: focus.start].count(b"\n") + 1, text[: focus.stop].count(b"\n") + 1
        assert all(c.query.first <= lines[1] and c.query.last >= lines[0] for c in inside)


def test_text_that_nobody_wrote_is_not_found(index: Searchable) -> None:
    chance = random.Random(13)
    text = b"".join(b"boat_%d = rent_%d(%d)\n" % tuple(chance.sample(range(10**6), 3)) for _ in range(40))
    query = Query.of(text, language=language_named("Python"))
    every = Wanted(min_tokens=30, lanes=frozenset(Lane))
    assert index.find(query, every) == []


def test_any_way_of_making_an_index_answers_alike(directory: Path, sample, tmp_path: Path) -> None:
    """What is traced does not depend on how an index was made, but for what a sparse one leaves out."""
    reference = Tracer.open([built(tmp_path / "reference", sample)], lanes={Lane.SEEDS, Lane.BLOB})
    tracer = Tracer.open([directory], lanes={Lane.SEEDS, Lane.BLOB})
    for _, _, text in snippets(sample, 25):
        expected, matches = (t.trace(text, path="q.py").matches for t in (reference, tracer))
        assert [m.source.core for m in matches[:1]] == [m.source.core for m in expected[:1]]
        for match, other in zip(matches[:1], expected[:1], strict=True):
            assert match.source.lines is not None
            assert other.source.lines is not None
            assert match.source.lines.overlap(other.source.lines) >= len(other.source.lines) - 3
