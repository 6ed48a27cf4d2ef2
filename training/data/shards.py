"""Packed rows on disk: uint16 tokens and document starts, memory-mapped, believed only after a checksum.

A split is a folder::

    manifest.json           format, row length, tokenizer fingerprint, rows and SHA-256 of every file,
                            and the SHA-256 of all this
    00000.tokens            rows x row_tokens little-endian uint16, rows padded with the pad id
    00000.starts            little-endian uint32, ascending: where documents start, counted in tokens;
                            padding starts a document of its own

Every file is forced to disk and renamed, the manifest last: a folder without one is unfinished and is
written anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.engine.whole_files import sweep, write_whole, write_whole_text
from training.data.packing import pack_rows
from training.errors import ShardCorruptError, TokenizerError

FORMAT = 2
MANIFEST = "manifest.json"
ROWS_PER_SHARD = 16_384
_MOST_TOKENS = 1 << 24
"""Of a shard, so of fewer rows where they are long: it is in memory until it is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardEntry:
    """One pair of files."""

    name: str
    rows: int
    tokens_sha256: str
    starts_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a split holds."""

    row_tokens: int
    pad_id: int
    tokenizer: str
    """Fingerprint of the tokenizer that made the ids."""
    data: str
    """Digest of the data recipe."""
    documents: int
    tokens: int
    """Without padding."""
    shards: tuple[ShardEntry, ...]

    @property
    def rows(self) -> int:
        """Rows of all shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def digest(self) -> str:
        """SHA-256 of all this, the checksums of the files among it: equal digests mean equal rows."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def write_shards(
    directory: Path,
    documents: Iterable[list[int] | NDArray[np.uint16]],
    *,
    row_tokens: int,
    pad_id: int,
    tokenizer: str,
    data: str,
) -> Manifest:
    """Pack documents into rows and write them; the manifest comes last. One shard is in memory at a time."""
    directory.mkdir(parents=True, exist_ok=True)
    sweep(directory)
    entries: list[ShardEntry] = []
    document_count = token_count = 0
    rows: list[list[NDArray[np.uint16]]] = []
    rows_a_shard = max(1, min(ROWS_PER_SHARD, _MOST_TOKENS // row_tokens))

    def flush() -> None:
        if rows:
            entries.append(_write_shard(directory, f"{len(entries):05d}", rows, row_tokens, pad_id))
            rows.clear()

    for row in pack_rows((np.asarray(d, dtype=np.uint16) for d in documents), row_tokens):
        rows.append(row)
        document_count += len(row)
        token_count += sum(map(len, row))
        if len(rows) == rows_a_shard:
            flush()
    flush()
    manifest = Manifest(
        row_tokens=row_tokens,
        pad_id=pad_id,
        tokenizer=tokenizer,
        data=data,
        documents=document_count,
        tokens=token_count,
        shards=tuple(entries),
    )
    _write_manifest(directory, manifest)
    return manifest


def _write_manifest(directory: Path, manifest: Manifest) -> None:
    values = {"format": FORMAT, **asdict(manifest), "sha256": manifest.digest}
    write_whole_text(directory / MANIFEST, json.dumps(values, indent=1))


def _write_shard(
    directory: Path, name: str, rows: list[list[NDArray[np.uint16]]], row_tokens: int, pad_id: int
) -> ShardEntry:
    tokens = np.full((len(rows), row_tokens), pad_id, dtype="<u2")
    starts: list[int] = []
    for number, row in enumerate(rows):
        at = 0
        for document in row:
            starts.append(number * row_tokens + at)
            tokens[number, at : at + len(document)] = document
            at += len(document)
        if at < row_tokens:
            starts.append(number * row_tokens + at)
    token_bytes, start_bytes = tokens.tobytes(), np.asarray(starts, dtype="<u4").tobytes()
    write_whole(directory / f"{name}.tokens", lambda path: path.write_bytes(token_bytes))
    write_whole(directory / f"{name}.starts", lambda path: path.write_bytes(start_bytes))
    return ShardEntry(
        name=name,
        rows=len(rows),
        tokens_sha256=hashlib.sha256(token_bytes).hexdigest(),
        starts_sha256=hashlib.sha256(start_bytes).hexdigest(),
    )


def read_manifest(directory: Path) -> Manifest | None:
    """The manifest of a finished split, ``None`` where there is none; raise ShardCorruptError."""
    path = directory / MANIFEST
    try:
        values = json.loads(path.read_text())
        if values.pop("format") != FORMAT:
            raise ShardCorruptError(path, "written in a format that this version does not know")
        digest = values.pop("sha256")
        shards = tuple(ShardEntry(**entry) for entry in values.pop("shards"))
        manifest = Manifest(**values, shards=shards)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ShardCorruptError(path, f"not a manifest ({error})") from error
    if digest != manifest.digest:
        raise ShardCorruptError(path, "its own checksum is another")
    return manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows ready for a model; every array has shape (rows, row_tokens)."""

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    """Counted from 0 in each document."""
    documents: NDArray[np.int64]
    """Number of the document within its row."""
    targets: NDArray[np.int64]
    """The next token of the same document; ``IGNORED`` at its end and in padding."""


IGNORED = -100


class PackedRows:
    """A split opened for reading: rows by number, in any order."""

    def __init__(self, directory: Path, *, tokenizer: str) -> None:
        """Map the files and verify their checksums.

        Raises :class:`ShardCorruptError`, and :class:`TokenizerError` if another tokenizer made the ids.
        """
        manifest = read_manifest(directory)
        if manifest is None:
            raise ShardCorruptError(directory / MANIFEST, "there is no such file")
        if not manifest.shards:
            raise ShardCorruptError(directory / MANIFEST, "it lists no rows")
        if manifest.tokenizer != tokenizer:
            raise TokenizerError(
                directory,
                "these shards were made with another tokenizer",
                remedy="delete the folder to make them anew, or put the tokenizer back",
            )
        self.manifest = manifest
        shards = [_open_shard(directory, entry, manifest.row_tokens) for entry in manifest.shards]
        self._tokens = [tokens for tokens, _ in shards]
        self._starts = [starts for _, starts in shards]
        self._first_rows = np.cumsum([0, *(entry.rows for entry in manifest.shards)])

    def __len__(self) -> int:
        return self.manifest.rows

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """Gather rows by number."""
        read = [self._read(int(row)) for row in rows]
        ids = np.stack([tokens for tokens, _ in read]).astype(np.int64)
        opens = np.stack([opened for _, opened in read])
        documents = opens.cumsum(axis=1) - 1
        columns = np.arange(ids.shape[1])
        positions = columns - np.maximum.accumulate(np.where(opens, columns, 0), axis=1)
        targets = np.full_like(ids, IGNORED)
        targets[:, :-1] = np.where(opens[:, 1:] | (ids[:, :-1] == self.manifest.pad_id), IGNORED, ids[:, 1:])
        return Batch(ids=ids, positions=positions, documents=documents, targets=targets)

    def shards(self) -> Iterator[tuple[NDArray[np.uint16], NDArray[np.uint32]]]:
        """Tokens of each shard in their order, memory-mapped, and where its documents start."""
        for tokens, starts in zip(self._tokens, self._starts, strict=True):
            yield tokens.reshape(-1), starts

    def _read(self, row: int) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
        """Tokens of a row, and which of them open a document."""
        shard = int(np.searchsorted(self._first_rows, row, side="right")) - 1
        width = self.manifest.row_tokens
        local = row - int(self._first_rows[shard])
        starts = self._starts[shard]
        first, last = np.searchsorted(starts, [local * width, (local + 1) * width])
        opens = np.zeros(width, dtype=np.bool_)
        opens[starts[first:last].astype(np.int64) - local * width] = True
        return self._tokens[shard][local], opens


def _open_shard(
    directory: Path, entry: ShardEntry, row_tokens: int
) -> tuple[NDArray[np.uint16], NDArray[np.uint32]]:
    tokens_path, starts_path = directory / f"{entry.name}.tokens", directory / f"{entry.name}.starts"
    for path, expected in ((tokens_path, entry.tokens_sha256), (starts_path, entry.starts_sha256)):
        try:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise ShardCorruptError(path, f"cannot be read ({error.strerror})") from error
        if found != expected:
            raise ShardCorruptError(path, "its checksum is not the one in the manifest")
    if entry.rows < 1 or tokens_path.stat().st_size != entry.rows * row_tokens * 2:
        raise ShardCorruptError(tokens_path, f"does not hold {entry.rows} rows of {row_tokens} tokens")
    tokens = np.memmap(tokens_path, dtype="<u2", mode="r", shape=(entry.rows, row_tokens))
    starts = np.fromfile(starts_path, dtype="<u4")
    _check_starts(starts_path, starts, entry.rows, row_tokens)
    return tokens, starts


def _check_starts(path: Path, starts: NDArray[np.uint32], rows: int, row_tokens: int) -> None:
    """Starts ascend, none lies beyond the rows, and each row begins with one."""
    firsts = np.arange(rows, dtype=np.int64) * row_tokens
    ascend = bool((np.diff(starts.astype(np.int64)) > 0).all())
    if not (ascend and np.isin(firsts, starts).all() and starts[-1] < rows * row_tokens):
        raise ShardCorruptError(path, f"does not say where documents start in {rows} rows")
