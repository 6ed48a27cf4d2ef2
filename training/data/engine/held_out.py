"""What was held out, for measuring: its text, and rows of tokens in which nothing is rearranged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.data.engine.cleaning import restored
from training.data.engine.layout import CurationLayout
from training.data.engine.whole_files import write_whole
from training.data.marked import marked_rows
from training.data.pieces import DocumentMaker
from training.data.select import package_of
from training.data.shards import read_manifest, write_shards
from training.data.stage import ControlToken, Document, DropReason, Mark
from training.errors import CurationDamagedError
from training.recipes.curation.recipe import TokenRecipe
from training.recipes.recipe import DataRecipe
from training.tokenizer import control_ids, fingerprint, load_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_STREAM = 1 << 32
"""A random stream that no repository has."""


def write_held_out_text(layout: CurationLayout, filtered: Sequence[Path]) -> None:
    """Write what ``sc-attrib train evaluate`` measures on, unless that is done or nothing is held out."""
    if layout.held_out_text.is_file():
        return
    lines = map(_line, _held_out(filtered))
    for first in lines:
        write_whole(layout.held_out_text, partial(_write, lines=chain([first], lines)))


def _write(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(lines)


def write_held_out_rows(layout: CurationLayout, text: Path, recipe: TokenRecipe, *, data: str) -> None:
    """Write the rows of a held-out text that ``sc-attrib train pretrain`` measures on, unless that is done.

    Nothing is written where there is no such text.
    """
    if not text.is_file() or read_manifest(layout.held_out) is not None:
        return
    tokenizer = load_tokenizer(layout.tokenizer)
    write_shards(
        layout.held_out,
        _pieces(tokenizer, text, recipe),
        row_tokens=recipe.row_tokens,
        pad_id=control_ids(tokenizer).fim_pad,
        tokenizer=fingerprint(tokenizer),
        data=data,
    )


def _held_out(filtered: Sequence[Path]) -> Iterator[Document]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    is_held_out = pc.field("drop_reason") == str(DropReason.HELD_OUT)
    for path in filtered:
        for row in pq.read_table(path, filters=is_held_out).to_pylist():
            yield restored(row)


def _line(document: Document) -> str:
    file = document.file
    entry: dict[str, Any] = {
        "swhid": str(file.swhid),
        "package": package_of(file.origin),
        "path": file.origin.path,
        "text": document.text,
    }
    if document.marks:
        entry["marks"] = [(mark.position, mark.token) for mark in document.marks]
    return json.dumps(entry) + "\n"


def _pieces(tokenizer: Tokenizer, text: Path, recipe: TokenRecipe) -> Iterator[list[int]]:
    settings = DataRecipe(row_tokens=recipe.row_tokens, line_rate=recipe.line_rate, seed=recipe.seed)
    maker = DocumentMaker(tokenizer, control_ids(tokenizer), settings, fim_rate=0.0, stream=_STREAM)
    for entry in _entries(text):
        if marks := tuple(Mark(position=at, token=ControlToken(name)) for at, name in entry.get("marks", ())):
            yield from marked_rows(
                tokenizer,
                entry["text"],
                marks,
                row_tokens=recipe.row_tokens,
                end_of_text=control_ids(tokenizer).end_of_text,
            )
        else:
            yield from maker.documents(entry["text"])


def _entries(text: Path) -> Iterator[dict[str, Any]]:
    try:
        with text.open(encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                yield {**entry, "text": str(entry["text"])}
    except (ValueError, KeyError, TypeError) as error:
        raise CurationDamagedError(text.parent, f"{text.name}: {error}") from error
