"""From kept documents to rows of tokens on disk, part by part."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from attribution.cluster.pool import Pool
from training.data.engine.layout import CurationLayout
from training.data.engine.parts import SortTask, plan_parts, read_part, row_groups, sort_shard
from training.data.engine.rows import marks_in
from training.data.engine.whole_files import write_whole
from training.data.marked import marked_rows, script_of
from training.data.pieces import DocumentMaker
from training.data.repositories import RepositoryPacker, RepositoryText
from training.data.shards import read_manifest, write_shards
from training.data.stage import ControlToken
from training.recipes.curation.recipe import Packing, TokenRecipe
from training.recipes.recipe import DataRecipe
from training.tokenizer import (
    control_ids,
    fingerprint,
    load_tokenizer,
    save_tokenizer,
    train_tokenizer,
)

if TYPE_CHECKING:
    import pyarrow.compute as pc
    from tokenizers import Tokenizer

_COUNTS = b"sc-attrib.tokens"
_SEPARATOR = "\t"
_ROW_GROUP = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTask:
    """One part, and where its tokens go."""

    path: Path
    rows: tuple[tuple[Path, int], ...]
    """Sorted shards, and the row group of each."""
    tokenizer: Path
    recipe: TokenRecipe


TokenCounts = Counter[tuple[str, str]]
"""Tokens of the texts, without their paths, by language and licence."""


def ensure_tokenizer(layout: CurationLayout, curated: Sequence[Path], recipe: TokenRecipe) -> Tokenizer:
    """The tokenizer of the run; trained on an even sample of what is kept where there is none yet."""
    if not layout.tokenizer.is_file():
        texts = _sample(curated, recipe)
        trained = train_tokenizer(texts, vocabulary=recipe.vocabulary)
        write_whole(layout.tokenizer, lambda path: save_tokenizer(trained, path))
    return load_tokenizer(layout.tokenizer)


def _sample(curated: Sequence[Path], recipe: TokenRecipe) -> Iterator[str]:
    """Texts whose ids are low enough that all of them have about the bytes that are asked for."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    total = sum(
        pc.sum(pq.read_table(path, columns=["length_bytes"], filters=_kept())["length_bytes"]).as_py() or 0
        for path in curated
    )
    limit = f"{int(min(1.0, recipe.tokenizer_bytes / max(1, total)) * 0xFFFFFFFF):08x}"
    for path in curated:
        table = pq.read_table(path, columns=["content_id", "content"], filters=_kept())
        for name, text in zip(table["content_id"].to_pylist(), table["content"].to_pylist(), strict=True):
            if name[:8] <= limit:
                yield text


def tokenize(
    layout: CurationLayout,
    curated: Sequence[Path],
    recipe: TokenRecipe,
    *,
    data: str,
    pool: Pool,
    tell: Callable[[str], None],
) -> TokenCounts:
    """Pack everything that is kept into shards, unless that is done; count the tokens of the texts."""
    tell("makes a tokenizer, unless there is one")
    tokenizer = ensure_tokenizer(layout, curated, recipe)
    layout.tokens.mkdir(parents=True, exist_ok=True)
    plan = plan_parts(curated, seed=recipe.seed)
    sorted_paths = [layout.tokens / f"sorted-{path.name}" for path in curated]
    sorts = (
        SortTask(curated=path, sorted=target, parts=parts, groups=groups)
        for path, target, parts, groups in zip(curated, sorted_paths, plan.parts, plan.groups, strict=True)
    )
    for _ in pool.map_in_order(sort_shard, sorts):
        pass
    parts = [layout.tokens / f"part-{part:05d}.parquet" for part in range(plan.count)]
    tasks = (
        TokenTask(
            path=path,
            rows=tuple((sorted_paths[shard], group) for shard, group in groups),
            tokenizer=layout.tokenizer,
            recipe=recipe,
        )
        for path, groups in zip(parts, row_groups(plan), strict=True)
    )
    counts: TokenCounts = Counter()
    for done, found in enumerate(pool.map_in_order(tokenize_part, tasks), start=1):
        counts += found
        tell(f"tokenised {done:,} of {plan.count:,} parts, {counts.total():,} tokens")
    if read_manifest(layout.train) is None:
        ids = control_ids(tokenizer)
        write_shards(
            layout.train,
            _documents(parts),
            row_tokens=recipe.row_tokens,
            pad_id=ids.fim_pad,
            tokenizer=fingerprint(tokenizer),
            data=data,
        )
    return counts


def tokenize_part(task: TokenTask) -> TokenCounts:
    """Tokenise a part and write its documents, unless that is done; answer the tokens of its texts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if task.path.is_file():
        written = json.loads(pq.read_schema(task.path).metadata[_COUNTS])
        return Counter({_key(name): count for name, count in written.items()})
    rows = read_part(task.rows)
    counts: TokenCounts = Counter()
    documents = [
        np.array(d, np.uint16) for d in _pack(load_tokenizer(task.tokenizer), rows, task.recipe, counts)
    ]
    named = {_SEPARATOR.join(key): counts[key] for key in sorted(counts)}
    ends = np.cumsum([0, *map(len, documents)], dtype=np.int64)
    flat = np.concatenate(documents) if documents else np.empty(0, np.uint16)
    column = pa.LargeListArray.from_arrays(pa.array(ends), pa.array(flat))
    metadata = {_COUNTS: json.dumps(named, sort_keys=True).encode()}
    table = pa.table({"tokens": column}).replace_schema_metadata(metadata)
    write_whole(
        task.path, lambda path: pq.write_table(table, path, compression="zstd", row_group_size=_ROW_GROUP)
    )
    return counts


def _key(name: str) -> tuple[str, str]:
    language, _, license = name.partition(_SEPARATOR)
    return language, license


def _pack(
    tokenizer: Tokenizer, rows: list[dict[str, Any]], recipe: TokenRecipe, counts: TokenCounts
) -> Iterator[list[int]]:
    """Documents of all groups, in their order; counts the tokens of their texts."""
    for group, members in groupby(rows, key=lambda row: row["group"]):
        pack = _pack_files if recipe.packing is Packing.FILE else _pack_repository
        files = list(members)
        plain = [file for file in files if not file.get("marks")]
        if plain:
            yield from pack(tokenizer, plain, recipe, group, counts)
        for file in files:
            if file.get("marks"):
                yield from _pack_marked(tokenizer, file, recipe, counts)


def _pack_marked(
    tokenizer: Tokenizer, file: dict[str, Any], recipe: TokenRecipe, counts: TokenCounts
) -> Iterator[list[int]]:
    """A document with control tokens of its own; of a notebook its script as well, where that is wanted."""
    written = file["content"], marks_in(file)
    forms = [written]
    if recipe.notebook_scripts and written[1][0].token is ControlToken.JUPYTER_START:
        forms.append(script_of(*written))
    key = file["language"], file["license_expression"]

    def count(tokens: int) -> None:
        counts[key] += tokens

    for text, marks in forms:
        yield from marked_rows(
            tokenizer,
            text,
            marks,
            row_tokens=recipe.row_tokens,
            end_of_text=control_ids(tokenizer).end_of_text,
            count=count,
        )


def _pack_repository(
    tokenizer: Tokenizer, files: list[dict[str, Any]], recipe: TokenRecipe, group: int, counts: TokenCounts
) -> Iterator[list[int]]:
    packer = RepositoryPacker(
        tokenizer,
        control_ids(tokenizer),
        recipe,
        name=_shown(files[0]["repo_name"]),
        key=_stream(files[0]["origin"], group),
    )
    yield from packer.rows([RepositoryText(path=f["path"][1:], text=f["content"]) for f in files])
    for file, tokens in zip(files, packer.tokens, strict=True):
        counts[file["language"], file["license_expression"]] += tokens


def _pack_files(
    tokenizer: Tokenizer, files: list[dict[str, Any]], recipe: TokenRecipe, group: int, counts: TokenCounts
) -> Iterator[list[int]]:
    settings = DataRecipe(
        row_tokens=recipe.row_tokens,
        line_rate=recipe.line_rate,
        psm_rate=recipe.psm_rate,
        seed=recipe.seed,
    )
    rate = recipe.fim_repository_rate * recipe.fim_rate
    maker = DocumentMaker(tokenizer, control_ids(tokenizer), settings, fim_rate=rate, stream=group)
    for file in files:
        for document in maker.documents(file["content"]):
            counts[file["language"], file["license_expression"]] += len(document)
            yield document


def _shown(name: str) -> str:
    """What a model sees as a repository's name: without scheme and host."""
    return name.partition("://")[2].partition("/")[2].strip("/") or name if "://" in name else name


def _stream(origin: str, group: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{origin} {group}".encode()).digest()[:8], "little")


def _documents(parts: Sequence[Path]) -> Iterator[NDArray[np.uint16]]:
    import pyarrow.parquet as pq

    for path in parts:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=256):
            yield from (tokens.values.to_numpy() for tokens in batch["tokens"])


def _kept() -> pc.Expression:
    import pyarrow.compute as pc

    return pc.field("drop_reason").is_null()
