import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.errors import (
    IndexCorruptError,
    IndexLockedError,
    IndexNotFoundError,
    IndexUnusableError,
    IndexVersionError,
    UsageError,
)
from attribution.fingerprint.seeds import all_seeds, winnow
from attribution.fingerprint.tokens import tokenize
from attribution.index import arrays as array_file
from attribution.index import catalog
from attribution.index.arrays import ArrayFile, write_arrays
from attribution.index.builder import build_index
from attribution.index.catalog import writer_lock
from attribution.index.index import Index
from attribution.index.profile import Profile
from attribution.index.seed_table import DOCUMENT_CAP, REPEAT_CAP, SeedTable, seed_arrays
from attribution.model import License, Origin, SourceFile
from attribution.trace import Tracer


def source(
    content: bytes, path: str = "a.py", *, url: str = "https://a.b/c", spdx: str = "MIT"
) -> SourceFile:
    return SourceFile(content=content, origin=Origin(url=url, path=path, license=License(expression=spdx)))


def code(seed: int, lines: int = 30) -> bytes:
    chance = random.Random(seed)
    return b"".join(
        b"name_%d = call_%d(%d)\n" % tuple(chance.randrange(10**6) for _ in range(3)) for _ in range(lines)
    )


@pytest.fixture
def small_index(tmp_path: Path) -> Path:
    build_index(tmp_path / "index", [source(code(n), f"{n}.py") for n in range(5)])
    return tmp_path / "index"


@given(
    st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 2**32 - 1), max_size=3000), min_size=1)
)
def test_arrays_come_back_as_they_were_written(tmp_path_factory, content) -> None:
    path = tmp_path_factory.mktemp("arrays") / "file"
    written = {name: np.array(values, dtype="<u4") for name, values in content.items()}
    digest = write_arrays(path, written)
    file = ArrayFile(path)
    for name, values in written.items():
        assert np.array_equal(file[name].all(), values)
        some = np.arange(len(values))[::7]
        assert np.array_equal(file[name].take(some), values[some])
    other = path.with_name("again")
    assert write_arrays(other, written) == digest
    assert other.read_bytes() == path.read_bytes()


def test_every_flipped_byte_is_caught(small_index: Path) -> None:
    """A hundred positions all over the file, and each byte of its preamble."""
    (path,) = small_index.rglob("arrays.bin")
    whole = path.read_bytes()
    chance = random.Random(1)
    for position in [*range(16), *(chance.randrange(len(whole)) for _ in range(100))]:
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        with pytest.raises((IndexCorruptError, IndexVersionError), match=r"arrays\.bin"):
            Index.open(small_index).verify()
    path.write_bytes(whole)
    Index.open(small_index).verify()


def test_damage_is_refused_when_it_is_read_and_not_before(small_index: Path) -> None:
    (path,) = small_index.rglob("arrays.bin")
    file = ArrayFile(path)
    damaged = bytearray(path.read_bytes())
    damaged[file._header["arrays"]["seed_low"][2]] ^= 0xFF
    path.write_bytes(damaged)
    tracer = Tracer.open([small_index])
    with pytest.raises(IndexCorruptError, match="damaged at byte"):
        for n in range(5):
            tracer.trace(code(n) + b"x = 1\n", path="q.py")


@pytest.mark.parametrize("keep", [0, 10, 100, 5000, -1])
def test_a_truncated_file_is_refused(small_index: Path, keep: int) -> None:
    (path,) = small_index.rglob("arrays.bin")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(IndexCorruptError):
        Index.open(small_index)


def test_an_index_from_a_newer_version_is_refused_with_advice(small_index: Path, monkeypatch) -> None:
    with sqlite3.connect(small_index / "catalog.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(IndexVersionError, match=r"format 99.*upgrade sc-attrib"):
        Index.open(small_index)
    monkeypatch.setattr(array_file, "FORMAT", 99)
    write_arrays(small_index / "newer", {"a": np.zeros(3, "<u4")})
    monkeypatch.setattr(array_file, "FORMAT", 1)
    with pytest.raises(IndexVersionError, match="format 99"):
        ArrayFile(small_index / "newer")


def test_a_missing_or_foreign_catalog_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IndexNotFoundError, match="index build"):
        Index.open(tmp_path)
    (tmp_path / "catalog.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(IndexCorruptError, match=r"catalog\.sqlite"):
        Index.open(tmp_path)


def test_one_content_in_two_places_is_one_document_with_two_origins(tmp_path: Path) -> None:
    same = code(1)
    files = [
        source(same, "a.py"),
        source(code(2), "b.py"),
        source(same, "c.py", url="https://x.y/z", spdx="ISC"),
    ]
    summary = build_index(tmp_path, files)
    assert (summary.files, summary.documents) == (3, 2)
    (segment,) = Index.open(tmp_path).segments
    document = segment.documents.find(files[0].swhid.digest)
    assert document is not None
    assert [o.path for o in segment.documents.origins(document)] == ["a.py", "c.py"]
    assert segment.documents.find(b"\0" * 20) is None
    assert Index.open(tmp_path).license_counts() == {"MIT": 2, "ISC": 1}


def test_every_document_is_found_again_by_its_digest(real_index: Path, real_files) -> None:
    (segment,) = Index.open(real_index).segments
    for file in real_files:
        document = segment.documents.find(file.swhid.digest)
        assert document is not None
        assert file.origin in segment.documents.origins(document)


def test_equal_input_gives_an_equal_segment(tmp_path: Path) -> None:
    files = [source(code(n)) for n in range(3)]
    ids = []
    for name in ("one", "two"):
        build_index(tmp_path / name, files)
        ids.append([row.id for row in Index.open(tmp_path / name).rows])
    assert ids[0] == ids[1]


@pytest.mark.parametrize("postings", [1, 17, 5000])
def test_looking_a_seed_up_finds_all_its_places(tmp_path: Path, postings: int) -> None:
    chance = np.random.default_rng(postings)
    hashes = chance.integers(0, 2**64, postings, dtype=np.uint64)
    hashes[::5] = hashes[0]
    documents = np.arange(postings, dtype=np.uint32) // 500
    lines = np.arange(postings, dtype=np.uint32)
    base = np.arange(0, postings + 500, 500, dtype="<u4")
    write_arrays(tmp_path / "f", {**seed_arrays(hashes, lines, documents), "line_base": base})
    for wanted in (0, postings - 1):
        found = SeedTable(ArrayFile(tmp_path / "f")).find(hashes[wanted : wanted + 1])
        places = [n for n in range(postings) if hashes[n] == hashes[wanted]]
        kept = [n for n in places if sum(m < n and m // 500 == n // 500 for m in places) < REPEAT_CAP]
        assert list(zip(found.documents, found.lines, strict=True)) == [(n // 500, n % 500 + 1) for n in kept]
    strangers = chance.integers(0, 2**64, 1000, dtype=np.uint64)
    assert len(SeedTable(ArrayFile(tmp_path / "f")).find(strangers).documents) == 0


def test_seeds_in_more_documents_than_the_cap_become_common(tmp_path: Path) -> None:
    shared = code(0)
    count = DOCUMENT_CAP + 1
    build_index(tmp_path, [source(shared + code(n + 1), f"{n}.py") for n in range(count)])
    (segment,) = Index.open(tmp_path).segments
    seeds = winnow(all_seeds(tokenize(shared)), window=16)
    inside = seeds.hashes[:-2]
    assert segment.seeds.are_common(inside).all()
    assert len(segment.seeds.find(inside).documents) == 0
    assert not segment.seeds.are_common(all_seeds(tokenize(code(5))).hashes).any()


def test_a_sparse_index_is_less_than_half_the_size(tmp_path: Path, real_files: list[SourceFile]) -> None:
    sizes = {}
    for profile in Profile:
        build_index(tmp_path / profile, real_files[:400], profile=profile)
        sizes[profile] = Index.open(tmp_path / profile).size_bytes
    assert sizes[Profile.SPARSE] < 0.5 * sizes[Profile.FULL]


def test_building_again_replaces_what_was_there_and_leaves_no_strays(small_index: Path) -> None:
    reader = Tracer.open([small_index])
    build_index(small_index, [source(code(77), "new.py")])
    assert Index.open(small_index).document_count == 1
    assert len(list((small_index / "segments").iterdir())) == 1
    assert reader.trace(code(3) + b"x\n", path="q").matches, "a reader keeps what it opened"
    assert not Tracer.open([small_index]).trace(code(3) + b"x\n", path="q").matches


def test_segments_are_committed_as_they_are_finished(tmp_path: Path) -> None:
    counts = []

    def files():
        for n in range(6):
            yield source(code(n))
            counts.append(
                Index.open(tmp_path).document_count if (tmp_path / "catalog.sqlite").exists() else 0
            )

    build_index(tmp_path, files(), segment_bytes=2 * len(code(0)))
    assert counts == sorted(counts)
    assert counts[-2] >= 3
    assert Index.open(tmp_path).document_count == 6
    assert Tracer.open([tmp_path]).trace(code(0) + b"x\n", path="q").matches


def test_a_second_writer_is_refused_clearly(small_index: Path) -> None:
    with writer_lock(small_index), pytest.raises(IndexLockedError, match="another process is writing"):
        writer_lock(small_index, wait_seconds=0.1).__enter__()


def test_building_the_same_again_never_takes_the_live_segment_away(small_index: Path, monkeypatch) -> None:
    """Its id is a digest of its content, so the new segment has the place of the live one."""
    files = [source(code(n), f"{n}.py") for n in range(5)]
    before = [row.id for row in Index.open(small_index).rows]

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        build_index(small_index, files)
    monkeypatch.undo()
    Index.open(small_index).verify()
    build_index(small_index, files)
    assert [row.id for row in Index.open(small_index).rows] == before
    Index.open(small_index).verify()


def test_foreign_things_are_neither_deleted_nor_built_over(small_index: Path, tmp_path: Path) -> None:
    (small_index / "segments" / "audio").mkdir()
    build_index(small_index, [source(code(9))])
    assert (small_index / "segments" / "audio").is_dir()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "main.py").touch()
    with pytest.raises(IndexUnusableError, match=r"other things in it \(main.py\)"):
        build_index(tmp_path / "project", [source(code(9))])


def test_a_source_without_code_leaves_the_index_as_it_was(small_index: Path, tmp_path: Path) -> None:
    for directory in (small_index, tmp_path / "new"):
        with pytest.raises(UsageError, match="hold no source code"):
            build_index(directory, [])
    assert Index.open(small_index).document_count == 5
    assert not (tmp_path / "new").exists()


def test_a_corrupt_catalog_gives_way_to_a_new_one_and_a_newer_one_does_not(small_index: Path) -> None:
    (small_index / "catalog.sqlite").write_bytes(b"junk" * 1000)
    build_index(small_index, [source(code(9))])
    assert Index.open(small_index).document_count == 1
    with sqlite3.connect(small_index / "catalog.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(IndexVersionError, match="upgrade"):
        build_index(small_index, [source(code(9))])


def test_a_catalog_that_is_being_written_is_locked_not_damaged(small_index: Path, monkeypatch) -> None:
    monkeypatch.setattr(catalog, "_WAIT_SECONDS", 0)
    with sqlite3.connect(small_index / "catalog.sqlite", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(IndexLockedError):
            Index.open(small_index)
        with pytest.raises(IndexLockedError):
            build_index(small_index, [source(code(9))])
    other.close()
    assert Index.open(small_index).document_count == 5


def test_a_failing_source_leaves_the_old_index_whole(small_index: Path) -> None:
    def files():
        yield source(code(50))
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        build_index(small_index, files())
    assert Index.open(small_index).document_count == 5
    Index.open(small_index).verify()


def test_a_full_disk_is_one_sentence_and_loses_nothing(small_index: Path, monkeypatch) -> None:
    real_fsync = os.fsync

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(IndexUnusableError, match=r"No space left on device.*unharmed"):
        build_index(small_index, [source(code(9))])
    monkeypatch.setattr(os, "fsync", real_fsync)
    assert Index.open(small_index).document_count == 5
    assert not [p for p in (small_index / "segments").iterdir() if p.name.startswith("tmp-")]


_ENDLESS_BUILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from attribution.index.builder import build_index
from attribution.model import Origin, SourceFile
import random
def files():
    n = 0
    while True:
        r = random.Random(n)
        text = b"".join(b"v_%d = f_%d(%d)\\n" % (r.randrange(9**9), r.randrange(9**9), n) for _ in range(40))
        yield SourceFile(content=text, origin=Origin(url="https://a.b/c", path=f"{n}.py"))
        n += 1
print("go", flush=True)
build_index(Path(sys.argv[1]), files(), segment_bytes=20_000)
"""


def test_killing_a_writer_at_any_moment_leaves_the_last_committed_state(tmp_path: Path) -> None:
    """Ten kills at random moments of a build that commits many times a second; then a build that ends."""
    chance = random.Random(4)
    survived = 0
    root = Path(__file__).parents[2]
    for round_ in range(10):
        index = tmp_path / str(round_)
        command = [sys.executable, "-c", _ENDLESS_BUILD, str(index), str(root)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(chance.random() * 0.4)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        try:
            survivor = Index.open(index)
        except IndexNotFoundError:
            survivor = None  # killed before the first commit
        if survivor is not None:
            survivor.verify()
            survived += 1
        build_index(index, [source(code(1))])
        assert Index.open(index).document_count == 1
        assert len(list((index / "segments").iterdir())) == 1
    assert survived > 0
