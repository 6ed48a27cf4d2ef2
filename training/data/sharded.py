"""What a run learns from: where its shards and what belongs to them lie, and what they are known by.

A corpus lies in the run's own folder, where :mod:`training.data.prepare` made it, or in a folder that
``sc-attrib train curate`` made. A run of the latter kind copies nothing: its ``corpus.json`` says where.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from training.data.corpus_layout import CorpusLayout
from training.data.engine.layout import CurationLayout
from training.data.engine.whole_files import write_whole_text
from training.data.prepare import RunLayout
from training.data.shards import Manifest, read_manifest
from training.errors import CheckpointMismatchError, CheckpointWriteError, CorpusUnfitError, CurationError
from training.recipes.recipe import DataRecipe, Recipe, digest
from training.tokenizer import load_tokenizer, padded_vocabulary

RECORD = "corpus.json"
"""In a run's folder: which curated corpus it learns from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardedCorpus:
    """Where one corpus lies, and two digests."""

    layout: CorpusLayout
    recipe: str
    """What the manifests of both splits must say made them."""
    identity: str
    """By which a checkpoint recognises what it has learned from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CuratedSource:
    """What a run's folder remembers of a curated corpus."""

    layout: CurationLayout
    identity: str


def prepared_corpus(layout: RunLayout, recipe: DataRecipe) -> ShardedCorpus:
    """The corpus in a run's own folder; it is known by the recipe that selected it."""
    return ShardedCorpus(layout=layout, recipe=digest(recipe), identity=digest(recipe))


def curated_corpus(layout: CurationLayout) -> ShardedCorpus:
    """The corpus in a curated folder; it is known by its rows, checksums and all.

    Raises :class:`CurationError` where the curation is not finished or holds nothing out, and
    :class:`training.errors.ShardCorruptError`.
    """
    manifest = _finished_manifest(layout)
    return ShardedCorpus(layout=layout, recipe=manifest.data, identity=manifest.digest[:16])


def ensure_unchanged(corpus: ShardedCorpus, layout: CurationLayout) -> None:
    """Raise :class:`CurationError` unless a corpus is still there that was opened in between.

    Whoever makes other tokens takes the data card away first. So what was opened between two looks that see
    the card and the same rows is all of one making.
    """
    if curated_corpus(layout) != corpus:
        raise CurationError(f"{layout.root}: its rows were made anew meanwhile; run the same command again")


def _finished_manifest(layout: CurationLayout) -> Manifest:
    """That of the rows to learn from."""
    manifest = read_manifest(layout.train)
    if manifest is None or not layout.card.is_file():
        raise CurationError(
            f"{layout.root}: it is no finished curation; name a folder that 'sc-attrib train curate' made"
        )
    if read_manifest(layout.held_out) is None:
        raise CurationError(
            f"{layout.root}: nothing is held out there to measure a model on; "
            "curate into another folder with --held-out NAME"
        )
    return manifest


def ensure_fits(layout: CurationLayout, recipe: Recipe) -> None:
    """Raise :class:`CorpusUnfitError` where ids or rows of a finished curation are not those of a recipe."""
    vocabulary = padded_vocabulary(load_tokenizer(layout.tokenizer))
    if vocabulary != recipe.model.vocabulary:
        raise CorpusUnfitError(
            layout.root, "its tokenizer has {:,} ids", vocabulary, recipe.model.vocabulary, "--vocabulary"
        )
    row_tokens = _finished_manifest(layout).row_tokens
    if row_tokens != recipe.data.row_tokens:
        raise CorpusUnfitError(
            layout.root, "its rows have {:,} tokens", row_tokens, recipe.data.row_tokens, "--row-tokens"
        )


def remembered_source(run: Path) -> CuratedSource | None:
    """The curated corpus that a run learns from; ``None`` where it has its own.

    Raises :class:`CheckpointMismatchError` where the record cannot be read.
    """
    record = run / RECORD
    try:
        values = json.loads(record.read_text("utf-8"))
        layout = CurationLayout(root=Path(values["curated"]))
        return CuratedSource(layout=layout, identity=str(values["identity"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointMismatchError(record, f"it does not say what was learned from ({error})") from error


def corpus_of(folder: Path) -> CorpusLayout:
    """Where the corpus of a run lies: in its own folder, or in the curated one that it learned from.

    A curated folder is its own. Raises :class:`CheckpointMismatchError` where the record of a run cannot be
    read, and :class:`CurationError` where the curated folder has gone or holds other rows now.
    """
    source = remembered_source(folder)
    if source is None:
        return CorpusLayout(root=folder)
    root, manifest = source.layout.root, read_manifest(source.layout.train)
    if manifest is None or manifest.digest[:16] != source.identity:
        found = "holds none" if manifest is None else "holds another one"
        raise CurationError(
            f"{folder}: it learned from a corpus in {root}, which {found} now; name the folder of that corpus"
        )
    return source.layout


def remember_source(run: Path, layout: CurationLayout, corpus: ShardedCorpus) -> None:
    """Note in a run's folder where its corpus lies now.

    Raises :class:`CheckpointMismatchError` where the run has another corpus, and
    :class:`CheckpointWriteError`.
    """
    before = remembered_source(run)
    if RunLayout(root=run).files.is_file() or (before is not None and before.identity != corpus.identity):
        raise CheckpointMismatchError(run, "it learns from another corpus")
    values = {"schema": 1, "curated": layout.root.resolve().as_posix(), "identity": corpus.identity}
    try:
        run.mkdir(parents=True, exist_ok=True)
        write_whole_text(run / RECORD, json.dumps(values, indent=1))
    except OSError as error:
        raise CheckpointWriteError(run / RECORD, error.strerror or str(error)) from error
