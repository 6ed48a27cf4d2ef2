"""Between the halves: all shards together are freed of copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.minhash import PERMUTATIONS
from training.data.dedup.exact import exact_duplicates
from training.data.dedup.near import near_duplicates
from training.data.engine.layout import CurationLayout
from training.data.engine.rows import SIGNATURE_BYTES
from training.data.engine.whole_files import write_whole
from training.data.stage import DropReason
from training.recipes.curation.recipe import Deduplication

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "deduplication"
"""What the data card calls this step."""
_NEVER = "9999"
_REFUSED = frozenset({DropReason.LICENSE, DropReason.NO_LICENSE, DropReason.OPTED_OUT})
_COLUMNS = "content_id license_type star_events_count fork_events_count date origin path drop_reason".split()


class Decision(IntEnum):
    """What becomes of a document, as a byte on disk."""

    AS_IT_WAS = 0
    EXACT_DUPLICATE = 1
    NEAR_DUPLICATE = 2
    NEAR_HELD_OUT = 3
    LICENSE_OF_COPY = 4

    @property
    def reason(self) -> DropReason:
        """The reason to drop; of all but :attr:`AS_IT_WAS`."""
        return DropReason[self.name]


DECISION = np.dtype([("decision", "u1"), ("kept", "V20")])
"""A decision, and the git SHA-1 of the content that stays instead."""


class _Facts(NamedTuple):
    """Of all documents, in their order."""

    digests: NDArray[np.void]
    ranks: NDArray[np.int64]
    is_compared: NDArray[np.bool_]
    """Kept so far, or held out."""
    is_held_out: NDArray[np.bool_]
    is_refused: NDArray[np.bool_]


def deduplicate(
    layout: CurationLayout, shards: Sequence[str], config: Deduplication, *, tell: Callable[[str], None]
) -> NDArray[np.void]:
    """Decide about every document of all shards: shape (n,), of :data:`DECISION`; once, then read from disk.

    Of equal or nearly equal documents held-out ones stay first, then permissive ones, then those of
    repositories with more stars, then forks, then the earliest, then by origin and path: the order in which
    sources were read does not matter. About 200 bytes a document are in memory.
    """
    if not layout.duplicates.is_file():
        facts = _read_facts([layout.filtered / name for name in shards])
        tell(f"comparing {np.count_nonzero(facts.is_compared):,} documents")
        decisions = _decide(layout, shards, facts, config)
        write_whole(layout.duplicates, lambda path: _save(path, decisions))
        layout.signatures.unlink(missing_ok=True)
    decided: NDArray[np.void] = np.load(layout.duplicates)
    return decided


def _save(path: Path, decisions: NDArray[np.void]) -> None:
    with path.open("wb") as stream:
        np.save(stream, decisions)


def _decide(
    layout: CurationLayout, shards: Sequence[str], facts: _Facts, config: Deduplication
) -> NDArray[np.void]:
    numbers = np.arange(len(facts.ranks))
    decisions = np.zeros(len(numbers), dtype=DECISION)
    among = np.flatnonzero(facts.is_compared)
    keepers = numbers.copy()
    keepers[among] = among[exact_duplicates(facts.digests[among], facts.ranks[among])]
    decisions["decision"][keepers != numbers] = Decision.EXACT_DUPLICATE
    if config.near is not None and len(among):
        distinct = among[keepers[among] == among]
        with_signatures = _map_signatures(layout, shards, len(numbers))
        nearest = near_duplicates(with_signatures, facts.ranks, config.near, among=distinct)
        decisions["decision"][nearest != numbers] = Decision.NEAR_DUPLICATE
        keepers = nearest[keepers]
    like_held_out = facts.is_held_out[keepers] & ~facts.is_held_out
    decisions["decision"][like_held_out & facts.is_compared] = Decision.NEAR_HELD_OUT
    decisions["kept"] = facts.digests[keepers]
    if config.copies_must_agree:
        refused = np.isin(facts.digests, np.unique(facts.digests[facts.is_refused]))
        decisions["decision"][refused & facts.is_compared] = Decision.LICENSE_OF_COPY
    decisions["decision"][facts.is_held_out] = Decision.AS_IT_WAS
    return decisions


def _read_facts(paths: Sequence[Path]) -> _Facts:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    digests, facts = bytearray(), []
    for path in paths:
        table = pq.read_table(path, columns=_COLUMNS)
        digests += bytes.fromhex("".join(table["content_id"].to_pylist()))
        reasons = table["drop_reason"]
        held_out = pc.fill_null(pc.equal(reasons, str(DropReason.HELD_OUT)), False)
        refused = pc.is_in(reasons, value_set=pa.array(sorted(map(str, _REFUSED))))
        table = table.drop_columns(["content_id", "drop_reason"])
        for name, column in (("held_out", held_out), ("kept", pc.is_null(reasons)), ("refused", refused)):
            table = table.append_column(name, column)
        facts.append(table)
    table = pa.concat_tables(facts)
    is_held_out = table["held_out"].to_numpy()
    return _Facts(
        digests=np.frombuffer(digests, dtype="V20"),
        ranks=_ranks(table, is_held_out),
        is_compared=is_held_out | table["kept"].to_numpy(),
        is_held_out=is_held_out,
        is_refused=table["refused"].to_numpy(),
    )


def _ranks(table: pa.Table, is_held_out: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Position of each document in the order in which documents are preferred."""
    import pyarrow as pa
    import pyarrow.compute as pc

    order = pc.sort_indices(
        pa.table(
            {
                "held_out": pc.invert(pa.array(is_held_out)).cast(pa.int8()),
                "license": pc.not_equal(table["license_type"], "permissive").cast(pa.int8()),
                "stars": pc.negate(pc.fill_null(table["star_events_count"], -1)),
                "forks": pc.negate(pc.fill_null(table["fork_events_count"], -1)),
                "date": pc.fill_null(table["date"], _NEVER),
                "origin": table["origin"],
                "path": table["path"],
                "number": pa.array(np.arange(len(table))),
            }
        ),
        sort_keys=[
            (name, "ascending")
            for name in ("held_out", "license", "stars", "forks", "date", "origin", "path", "number")
        ],
    ).to_numpy()
    ranks = np.empty(len(table), dtype=np.int64)
    ranks[order] = np.arange(len(table))
    return ranks


def _map_signatures(layout: CurationLayout, shards: Sequence[str], count: int) -> NDArray[np.uint32]:
    """Signatures of all shards in one file, mapped; zeros where a document has none."""
    import pyarrow.parquet as pq

    nothing = bytes(SIGNATURE_BYTES)
    with layout.signatures.open("wb") as stream:
        for name in shards:
            column = pq.read_table(layout.filtered / name, columns=["signature"])["signature"]
            stream.writelines(value or nothing for value in column.to_pylist())
    return np.memmap(layout.signatures, dtype="<u4", mode="r", shape=(count, PERMUTATIONS))
