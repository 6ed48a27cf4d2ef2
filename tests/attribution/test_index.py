import os
import random
import sqlite3
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
from attribution.fingerprint.fingerprint import fingerprint
from attribution.index import arrays as array_file
from attribution.index import catalog
from attribution.index.arrays import ArrayFile, ArrayWriter, block_checksums, crc32c, write_arrays
from attribution.index.builder import build_index
from attribution.index.catalog import Catalog, sealed, write_catalog, writer_lock
from attribution.index.index import Index
from attribution.index.profile import Profile
from attribution.index.spill import COMMON
from attribution.index.table import GREATEST_CAP, PostingTable
from attribution.languages.language import language_of_path
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


def test_crc32c_is_the_published_one_by_hardware_and_by_tables() -> None:
    """RFC 3720, appendix B.4."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43


@given(st.binary(max_size=5000), st.integers(1, 5000))
def test_both_ways_to_compute_checksums_agree(data: bytes, block_bytes: int) -> None:
    hardware = block_checksums(data, block_bytes)
    assert np.array_equal(hardware, block_checksums(data, block_bytes, in_software=True))
    pieces = [data[at : at + block_bytes] for at in range(0, len(data), block_bytes)]
    assert hardware.tolist() == [crc32c(piece) for piece in pieces]


def test_an_array_is_written_piece_by_piece_as_it_is_at_once(tmp_path: Path) -> None:
    values = np.arange(1_000_000, dtype="<u4")
    whole = write_arrays(tmp_path / "whole", {"a": values})
    with ArrayWriter(tmp_path / "pieces") as writer:
        writer.add("a", (values[at : at + 777] for at in range(0, len(values), 777)), dtype="<u4")
        assert writer.finish() == whole
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()
    assert ArrayFile(tmp_path / "whole").verify_all() == whole


def test_damage_is_refused_when_it_is_read_and_not_before(small_index: Path) -> None:
    (path,) = small_index.rglob("arrays.bin")
    file = ArrayFile(path)
    damaged = bytearray(path.read_bytes())
    damaged[file.offset("literal_records")] ^= 0xFF
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


def with_catalog_of_format(index: Path, version: int, monkeypatch) -> None:
    monkeypatch.setattr(catalog, "FORMAT", version)
    write_catalog(index, Catalog())
    monkeypatch.undo()


def test_an_index_from_a_newer_version_is_refused_with_advice(small_index: Path, monkeypatch) -> None:
    with_catalog_of_format(small_index, 99, monkeypatch)
    with pytest.raises(IndexVersionError, match=r"format 99.*upgrade sc-attrib"):
        Index.open(small_index)
    monkeypatch.setattr(array_file, "FORMAT", 99)
    write_arrays(small_index / "newer", {"a": np.zeros(3, "<u4")})
    monkeypatch.undo()
    with pytest.raises(IndexVersionError, match="format 99"):
        ArrayFile(small_index / "newer")


def test_an_index_of_format_1_is_to_be_built_anew(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "catalog.sqlite") as connection:
        connection.execute("CREATE TABLE segment (id TEXT)")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    (tmp_path / "arrays.bin").write_bytes(b"SCATTRB\n" + bytes(5000))
    for opened in (lambda: Index.open(tmp_path), lambda: ArrayFile(tmp_path / "arrays.bin")):
        with pytest.raises(IndexVersionError, match=r"format 1.*; build the index anew"):
            opened()
    (tmp_path / "arrays.bin").unlink()
    build_index(tmp_path, [source(code(1))])
    assert Index.open(tmp_path).document_count == 1


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


def test_seeds_in_more_documents_than_the_cap_become_common(tmp_path: Path) -> None:
    shared = code(0)
    build_index(tmp_path, [source(shared + code(n + 1), f"{n}.py") for n in range(GREATEST_CAP + 1)])
    (segment,) = Index.open(tmp_path).segments
    table = PostingTable(segment.file, "literal")
    inside = keys_of(shared)[:-2]
    assert all(table.find(key) == [COMMON] for key in inside)
    assert all(table.find(key) not in ([], [COMMON]) for key in keys_of(code(5))[1:])


def keys_of(content: bytes) -> list[int]:
    made = fingerprint(
        content,
        language=language_of_path("a.py"),
        window_tokens=Profile.FULL.window_tokens,
        with_structure=False,
        with_signature=False,
    )
    return made.literal.keys.tolist()


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
        for n in range(60):
            yield source(code(n))
            counts.append(
                Index.open(tmp_path).document_count if (tmp_path / "catalog.sqlite").exists() else 0
            )

    build_index(tmp_path, files(), segment_bytes=2 * len(code(0)))
    assert counts == sorted(counts)
    assert counts[-1] >= 30
    assert Index.open(tmp_path).document_count == 60
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


def test_a_corrupt_catalog_gives_way_to_a_new_one_and_a_newer_one_does_not(
    small_index: Path, monkeypatch
) -> None:
    with (small_index / "catalog.sqlite").open("ab") as catalog_file:
        catalog_file.write(b"junk")
    build_index(small_index, [source(code(9))])
    assert Index.open(small_index).document_count == 1
    with_catalog_of_format(small_index, 99, monkeypatch)
    with pytest.raises(IndexVersionError, match="upgrade"):
        build_index(small_index, [source(code(9))])


def test_a_catalog_is_a_database_that_anyone_can_read(small_index: Path) -> None:
    with sqlite3.connect(small_index / "catalog.sqlite") as connection:
        assert connection.execute("SELECT documents FROM segment").fetchall() == [(5,)]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_catalog_that_others_changed_is_refused(small_index: Path) -> None:
    with sqlite3.connect(small_index / "catalog.sqlite") as connection:
        connection.execute("UPDATE segment SET documents = 7")
    connection.close()
    with pytest.raises(IndexCorruptError, match=r"catalog\.sqlite"):
        Index.open(small_index)
    (small_index / "catalog.sqlite").write_bytes(sealed(b"no database at all" * 100))
    with pytest.raises(IndexUnusableError):
        Index.open(small_index)


def test_opening_reads_no_more_however_large_the_index(real_index: Path, tmp_path: Path) -> None:
    """Nothing that grows with the documents is verified, and so read, at opening."""
    (segment,) = Index.open(real_index).segments
    assert int(segment.file._verified.sum()) == 0


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
