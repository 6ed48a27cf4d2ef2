"""The store of contents: every text comes back, and a flipped byte never does."""

import builtins
import random
import struct
import sys
import threading
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.errors import IndexCorruptError, MissingExtraError
from attribution.index import contents
from attribution.index.contents import ContentsStore, ContentsWriter
from attribution.model import SourceFile


def write(path: Path, texts: list[bytes]) -> bytes:
    with ContentsWriter(path) as writer:
        for text in texts:
            writer.add(text)
        return writer.finish()


def all_texts(path: Path) -> list[bytes]:
    store = ContentsStore(path)
    try:
        return [store.text(document) for document in range(len(store))]
    finally:
        store.close()


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(contents, "_BLOCK_BYTES", 200)


@given(st.lists(st.binary(max_size=120), max_size=30))
@settings(max_examples=60)
def test_every_text_comes_back_in_any_order(tmp_path_factory, texts: list[bytes]) -> None:
    """With blocks so small that most tests need several."""
    path = tmp_path_factory.mktemp("store") / contents.FILE
    before, contents._BLOCK_BYTES = contents._BLOCK_BYTES, 200
    try:
        digest = write(path, texts)
    finally:
        contents._BLOCK_BYTES = before
    store = ContentsStore(path)
    store.verify()
    assert store.digest == digest
    for document in random.Random(1).sample(range(len(texts)), len(texts)):
        assert store.text(document) == texts[document]
    with pytest.raises(IndexError):
        store.text(len(texts))
    with pytest.raises(IndexError):
        store.text(-1)
    store.close()


def test_real_files_take_less_than_a_third_of_their_size(
    tmp_path: Path, real_files: list[SourceFile]
) -> None:
    texts = [file.content for file in real_files]
    write(tmp_path / "s", texts)
    assert all_texts(tmp_path / "s") == texts
    assert (tmp_path / "s").stat().st_size < sum(map(len, texts)) / 3


def test_equal_texts_make_equal_stores(tmp_path: Path) -> None:
    texts = [b"%d" % n * 50 for n in range(100)]
    assert write(tmp_path / "a", texts) == write(tmp_path / "b", texts) != write(tmp_path / "c", texts[1:])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_every_flipped_byte_is_refused_with_the_name_of_the_file(tmp_path: Path, small_blocks) -> None:
    path = tmp_path / contents.FILE
    write(path, [b"text %d " % n * 9 for n in range(12)])
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        with pytest.raises(IndexCorruptError, match=r"contents\.zst"):
            verified(path)


def verified(path: Path) -> None:
    store = ContentsStore(path)
    try:
        store.verify()
    finally:
        store.close()


def test_a_shortened_or_foreign_file_is_refused(tmp_path: Path, small_blocks) -> None:
    path = tmp_path / contents.FILE
    write(path, [b"text %d " % n * 9 for n in range(12)])
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(IndexCorruptError, match=r"contents\.zst"):
            verified(path)
    with pytest.raises(IndexCorruptError, match="cannot be read"):
        ContentsStore(tmp_path / "missing")


def test_a_block_that_claims_another_size_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """A crafted file, all of whose checksums agree: a frame of 128 MiB in a table that says 100 bytes."""
    import zstandard

    frame = zstandard.ZstdCompressor().compress(bytes(1 << 27))
    for size in (100, 1 << 27):
        table = struct.pack("<QQII", 8, 0, size, zlib.crc32(frame))
        head = struct.pack("<8sQQI", contents._MAGIC, 1, 1, zlib.crc32(table))
        trailer = head + struct.pack("<IQ", zlib.crc32(head), 0)
        (tmp_path / "bomb").write_bytes(contents._MAGIC + frame + table + trailer)
        with pytest.raises(IndexCorruptError, match="unreadable block"):
            verified(tmp_path / "bomb")


def test_nothing_of_a_left_out_text_remains_in_a_copy(tmp_path: Path, small_blocks) -> None:
    texts = [b"%d %s" % (n, random.Random(n).randbytes(20).hex().encode()) for n in range(60)]
    write(tmp_path / "old", texts)
    kept = [n for n in range(60) if n not in (0, 7, 8, 30, 59)]
    old = ContentsStore(tmp_path / "old")
    with ContentsWriter(tmp_path / "new") as writer:
        writer.add(b"before")
        writer.add_from(old, kept)
        writer.add(b"after")
        writer.finish()
    old.close()
    assert all_texts(tmp_path / "new") == [b"before", *(texts[n] for n in kept), b"after"]


def test_whole_blocks_are_copied_as_they_are(tmp_path: Path, small_blocks) -> None:
    texts = [b"text %d " % n * 9 for n in range(40)]
    digest = write(tmp_path / "old", texts)
    old = ContentsStore(tmp_path / "old")
    with ContentsWriter(tmp_path / "new") as writer:
        writer.add_from(old, range(40))
        assert writer.finish() == digest
    old.close()


def test_a_reader_keeps_reading_when_the_file_is_removed(tmp_path: Path) -> None:
    write(tmp_path / "s", [b"here"])
    store = ContentsStore(tmp_path / "s")
    (tmp_path / "s").unlink()
    assert store.text(0) == b"here"
    store.close()


def test_threads_share_a_store(tmp_path: Path, small_blocks) -> None:
    texts = [b"text %d " % n * 9 for n in range(200)]
    write(tmp_path / "s", texts)
    store, wrong = ContentsStore(tmp_path / "s"), []

    def read(seed: int) -> None:
        for n in random.Random(seed).choices(range(200), k=300):
            if store.text(n) != texts[n]:
                wrong.append(n)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert not wrong


def test_an_absurdly_large_text_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(contents, "MAX_TEXT_BYTES", 10)
    with ContentsWriter(tmp_path / "s") as writer, pytest.raises(ValueError, match="larger than 10"):
        writer.add(bytes(11))


def test_without_zstandard_the_missing_extra_is_named(tmp_path: Path, monkeypatch) -> None:
    real_import = builtins.__import__

    def refuse(name: str, *args: object, **kwargs: object) -> object:
        if name == "zstandard":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "zstandard", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    for use in (ContentsWriter, ContentsStore):
        with pytest.raises(MissingExtraError, match=r"sc-attrib\[contents\]"):
            use(tmp_path / "s")
    assert not (tmp_path / "s").exists()
