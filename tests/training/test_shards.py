from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.packing import pack_rows
from training.data.prepare import RunLayout
from training.data.shards import IGNORED, PackedRows, read_manifest, write_shards
from training.errors import ShardCorruptError, TokenizerError

PAD = 4
DOCUMENTS = st.lists(st.lists(st.integers(10, 60_000), min_size=1, max_size=16), min_size=1, max_size=200)


def write(directory, documents, **changes):
    settings = {"row_tokens": 16, "pad_id": PAD, "tokenizer": "t", "data": "d", **changes}
    return write_shards(directory, documents, **settings)


@given(documents=DOCUMENTS)
def test_packing_keeps_every_document_whole_and_every_row_within_its_length(documents):
    rows = list(pack_rows(documents, 16))
    assert sorted(d for row in rows for d in row) == sorted(documents)
    assert all(sum(map(len, row)) <= 16 for row in rows)


def test_packing_refuses_a_document_longer_than_a_row():
    with pytest.raises(ValueError, match="17 tokens does not fit a row of 16"):
        list(pack_rows([[9] * 17], 16))


def test_every_file_is_forced_to_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """By what fsync is told before each rename."""
    fsync, rename, forced, named = os.fsync, Path.replace, [], []

    def force(handle: int) -> None:
        forced.append(os.path.realpath(f"/proc/self/fd/{handle}"))
        fsync(handle)

    def replace(path: Path, target: Path) -> Path:
        named.append(Path(target).name)
        assert os.path.realpath(path) in forced
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", force)
    monkeypatch.setattr(Path, "replace", replace)
    write(tmp_path, [[1, 2, 3]])
    assert named == ["00000.tokens", "00000.starts", "manifest.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(named)


@given(documents=DOCUMENTS)
def test_documents_come_back_from_disk_with_positions_and_targets_of_their_own(tmp_path_factory, documents):
    directory = tmp_path_factory.mktemp("shards")
    manifest = write(directory, documents)
    packed = PackedRows(directory, tokenizer="t")
    batch = packed.batch(np.arange(len(packed)))
    found = []
    for ids, positions, numbers, targets in zip(
        batch.ids, batch.positions, batch.documents, batch.targets, strict=True
    ):
        for number in np.unique(numbers):
            own = ids[numbers == number].tolist()
            assert positions[numbers == number].tolist() == list(range(len(own)))
            wanted = targets[numbers == number].tolist()
            if own[0] == PAD:
                assert set(wanted) == {IGNORED}
            else:
                assert wanted == [*own[1:], IGNORED]
                found.append(own)
    assert sorted(found) == sorted(documents)
    assert (manifest.documents, manifest.tokens) == (len(documents), sum(map(len, documents)))


def test_rows_are_found_across_shards(tmp_path, monkeypatch):
    monkeypatch.setattr("training.data.shards.ROWS_PER_SHARD", 3)
    documents = [[100 + i] * 16 for i in range(10)]
    assert len(write(tmp_path, documents).shards) == 4
    batch = PackedRows(tmp_path, tokenizer="t").batch(np.array([9, 0, 3]))
    assert batch.ids[:, 0].tolist() == [109, 100, 103]


def test_shards_of_long_rows_have_fewer_of_them_and_arrays_are_written_like_lists(tmp_path, monkeypatch):
    monkeypatch.setattr("training.data.shards._MOST_TOKENS", 16 * 4)
    documents = [[100 + i] * 16 for i in range(10)]
    manifest = write(tmp_path / "lists", documents)
    assert [entry.rows for entry in manifest.shards] == [4, 4, 2]
    arrays = [np.array(document, dtype=np.uint16) for document in documents]
    assert write(tmp_path / "arrays", arrays) == manifest


@pytest.mark.parametrize("suffix", ["tokens", "starts"])
def test_flipped_bit_is_never_believed(tmp_path, suffix):
    write(tmp_path, [[9, 10, 11]] * 50)
    path = tmp_path / f"00000.{suffix}"
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        ShardCorruptError, match=r"checksum is not the one in the manifest; delete the folder"
    ):
        PackedRows(tmp_path, tokenizer="t")


def test_missing_file_is_one_clear_sentence(tmp_path):
    write(tmp_path, [[9, 10, 11]])
    (tmp_path / "00000.tokens").unlink()
    with pytest.raises(ShardCorruptError, match="cannot be read"):
        PackedRows(tmp_path, tokenizer="t")


def claim(directory, *, rows):
    """Add to the number of rows that a manifest gives for its shard; answer what it then says."""
    path = directory / "manifest.json"
    values = json.loads(path.read_text())
    values["shards"][0]["rows"] += rows
    path.write_text(json.dumps(values))
    return values


def believe(directory):
    """Put the checksum of a manifest right, whatever it says."""
    path = directory / "manifest.json"
    values = json.loads(path.read_text())
    body = {key: value for key, value in values.items() if key not in ("format", "sha256")}
    values["sha256"] = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(values))


@pytest.fixture
def shards(prepared, tmp_path):
    """Rows of real code."""
    return Path(shutil.copytree(RunLayout(root=prepared).train, tmp_path / "train"))


def test_manifest_with_another_number_of_rows_is_refused(shards):
    claim(shards, rows=5)
    with pytest.raises(ShardCorruptError, match=r"manifest\.json: its own checksum is another; delete"):
        read_manifest(shards)


@pytest.mark.parametrize("rows", [-100_000, -5, 5])
def test_rows_are_believed_only_if_the_file_has_them(shards, rows):
    entry = claim(shards, rows=rows)["shards"][0]
    believe(shards)
    tokenizer = read_manifest(shards).tokenizer
    with pytest.raises(
        ShardCorruptError, match=f"00000.tokens: does not hold {entry['rows']} rows of 128 tokens"
    ):
        PackedRows(shards, tokenizer=tokenizer)


def swapped(starts):
    return np.concatenate([starts[1::-1], starts[2:]])


def beyond(starts):
    return np.append(starts, 1 << 30)


def unopened(starts):
    return starts[1:]


def none(starts):
    return starts[:0]


@pytest.mark.parametrize("damage", [swapped, beyond, unopened, none])
def test_starts_that_do_not_fit_the_rows_are_refused(shards, damage):
    path = shards / "00000.starts"
    damage(np.fromfile(path, dtype="<u4")).astype("<u4").tofile(path)
    manifest = shards / "manifest.json"
    values = json.loads(manifest.read_text())
    values["shards"][0]["starts_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(values))
    believe(shards)
    tokenizer = read_manifest(shards).tokenizer
    with pytest.raises(ShardCorruptError, match="does not say where documents start"):
        PackedRows(shards, tokenizer=tokenizer)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 2, "shards": []}'])
def test_manifest_that_makes_no_sense_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ShardCorruptError):
        read_manifest(tmp_path)


def test_split_without_a_row_is_refused(tmp_path):
    write(tmp_path, [])
    with pytest.raises(ShardCorruptError, match="it lists no rows"):
        PackedRows(tmp_path, tokenizer="t")


def test_shards_of_another_tokenizer_are_refused(tmp_path):
    write(tmp_path, [[9]])
    with pytest.raises(TokenizerError, match="made with another tokenizer"):
        PackedRows(tmp_path, tokenizer="other")


def test_folder_without_a_manifest_counts_as_unfinished(prepared, tmp_path):
    layout = RunLayout(root=tmp_path / "run")
    shutil.copytree(prepared, layout.root)
    assert layout.is_prepared()
    (layout.train / "manifest.json").unlink()
    assert not layout.is_prepared()


def test_manifest_counts_what_was_packed_from_real_code(prepared):
    manifest = read_manifest(RunLayout(root=prepared).train)
    assert manifest is not None
    assert manifest.rows == sum(
        entry["rows"]
        for entry in json.loads((RunLayout(root=prepared).train / "manifest.json").read_text())["shards"]
    )
    assert 0.8 < manifest.tokens / (manifest.rows * manifest.row_tokens) <= 1
