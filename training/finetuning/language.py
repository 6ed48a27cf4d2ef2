"""One language of a curated corpus: StarCoder's own next step, from the base to Python."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from training.data.engine.layout import CurationLayout
from training.data.languages import language_of_document
from training.data.pieces import DocumentMaker
from training.data.repositories import RepositoryPacker, RepositoryText
from training.data.shards import write_shards
from training.errors import CurationError, EmptyCorpusError
from training.evaluation.held_out import read_held_out
from training.finetuning.layout import TuningLayout
from training.finetuning.recipe import TuningRecipe
from training.recipes.curation.recipe import TokenRecipe
from training.tokenizer import control_ids, fingerprint

_COLUMNS = ["origin", "path", "content", "language", "drop_reason"]
_HELD_OUT_STREAM = 1 << 32


def ensure_curated(layout: CurationLayout) -> None:
    """Raise :class:`CurationError` unless a folder is a finished curation that holds something out."""
    if not layout.card.is_file() or not list(layout.root.glob("curated-*.parquet")):
        raise CurationError(
            f"{layout.root}: it is no finished curation; name a folder that 'sc-attrib train curate' made"
        )
    if not layout.held_out_text.is_file():
        raise CurationError(
            f"{layout.root}: nothing is held out there to measure a model on; "
            "curate into another folder with --held-out NAME"
        )


def write_data(
    curated: CurationLayout,
    language: str,
    layout: TuningLayout,
    tokenizer: Tokenizer,
    recipe: TuningRecipe,
    *,
    data: str,
) -> None:
    """Write the rows of one language, in the base's own tokens; raises :class:`EmptyCorpusError`."""
    ids, name = control_ids(tokenizer), fingerprint(tokenizer)
    for split, folder, documents in (
        ("training", layout.train, _learned(curated, language, tokenizer, recipe)),
        ("held-out", layout.held_out, _held_out(curated, language, tokenizer, recipe)),
    ):
        first = next(documents, None)
        if first is None:
            raise EmptyCorpusError(split, {f"of a language other than {language}": _rows(curated)})
        write_shards(
            folder,
            _chained(first, documents),
            row_tokens=recipe.row_tokens,
            pad_id=ids.fim_pad,
            tokenizer=name,
            data=data,
        )
    layout.held_out_text.write_text(_held_out_lines(curated, language), "utf-8")


def _chained(first: list[int], rest: Iterator[list[int]]) -> Iterator[list[int]]:
    yield first
    yield from rest


def _parquet(curated: CurationLayout) -> list[Path]:
    return sorted(curated.root.glob("curated-*.parquet"))


def _rows(curated: CurationLayout) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in _parquet(curated))


def _learned(
    curated: CurationLayout, language: str, tokenizer: Tokenizer, recipe: TuningRecipe
) -> Iterator[list[int]]:
    """Rows of each repository, as pretraining packs them; one that lies in two shards is packed twice."""
    ids = control_ids(tokenizer)
    settings = TokenRecipe(
        row_tokens=recipe.row_tokens,
        fim_rate=recipe.fim_rate,
        psm_rate=recipe.psm_rate,
        line_rate=recipe.line_rate,
        seed=recipe.seed,
    )
    for number, (origin, files) in enumerate(_repositories(curated, language)):
        texts = [RepositoryText(path=f["path"][1:], text=f["content"]) for f in files]
        if ids.repo_name is None:
            yield from _pieces(texts, tokenizer, recipe, fim_rate=recipe.fim_rate / 2, stream=number)
        else:
            shown = origin.partition("://")[2].partition("/")[2].strip("/") or origin
            yield from RepositoryPacker(tokenizer, ids, settings, name=shown, key=number).rows(texts)


def _repositories(curated: CurationLayout, language: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    wanted = pc.field("drop_reason").is_null() & (pc.field("language") == language)
    for path in _parquet(curated):
        rows = pq.read_table(path, columns=_COLUMNS, filters=wanted).to_pylist()
        rows.sort(key=lambda row: (row["origin"], row["path"]))
        for origin, files in groupby(rows, key=lambda row: str(row["origin"])):
            yield origin, list(files)


def _held_out(
    curated: CurationLayout, language: str, tokenizer: Tokenizer, recipe: TuningRecipe
) -> Iterator[list[int]]:
    texts = [
        RepositoryText(path=file.path, text=file.text.decode("utf-8"))
        for file in read_held_out(curated.held_out_text)
        if language_of_document(file.path, file.text) == language
    ]
    return _pieces(texts, tokenizer, recipe, fim_rate=0.0, stream=_HELD_OUT_STREAM)


def _held_out_lines(curated: CurationLayout, language: str) -> str:
    """The lines of the curation's list that are of the language."""
    files = read_held_out(curated.held_out_text)
    lines = [line for line in curated.held_out_text.read_text("utf-8").split("\n") if line.strip()]
    pairs = zip(files, lines, strict=True)
    return "".join(
        f"{line}\n" for file, line in pairs if language_of_document(file.path, file.text) == language
    )


def _pieces(
    texts: list[RepositoryText], tokenizer: Tokenizer, recipe: TuningRecipe, *, fim_rate: float, stream: int
) -> Iterator[list[int]]:
    ids = control_ids(tokenizer)
    maker = DocumentMaker(tokenizer, ids, recipe.file_rows, fim_rate=fim_rate, stream=stream)
    for text in texts:
        yield from maker.documents(text.text)
