from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.packing import pack_rows
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


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "shards": []}'])
def test_manifest_that_makes_no_sense_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ShardCorruptError):
        read_manifest(tmp_path)


def test_shards_of_another_tokenizer_are_refused(tmp_path):
    write(tmp_path, [[9]])
    with pytest.raises(TokenizerError, match="made with another tokenizer"):
        PackedRows(tmp_path, tokenizer="other")


def test_folder_without_a_manifest_counts_as_unfinished(prepared, tmp_path):
    from training.data.prepare import RunLayout

    layout = RunLayout(root=tmp_path / "run")
    shutil.copytree(prepared, layout.root)
    assert layout.is_prepared()
    (layout.train / "manifest.json").unlink()
    assert not layout.is_prepared()


def test_manifest_counts_what_was_packed_from_real_code(prepared):
    from training.data.prepare import RunLayout

    manifest = read_manifest(RunLayout(root=prepared).train)
    assert manifest is not None
    assert manifest.rows == sum(
        entry["rows"]
        for entry in json.loads((RunLayout(root=prepared).train / "manifest.json").read_text())["shards"]
    )
    assert 0.8 < manifest.tokens / (manifest.rows * manifest.row_tokens) <= 1
