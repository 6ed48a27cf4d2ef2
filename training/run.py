"""One run from a recipe's name to its last checkpoint and plot, resuming where it stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from attribution.model import SourceFile
from training.allocator import keep_freed_memory
from training.data.consent import ensure_curation_obeyed, ensure_obeyed, ids_to_obey
from training.data.engine.layout import CurationLayout
from training.data.prepare import RunLayout, prepare
from training.data.sharded import (
    ShardedCorpus,
    curated_corpus,
    ensure_fits,
    ensure_unchanged,
    prepared_corpus,
    remember_source,
    remembered_source,
)
from training.data.shards import PackedRows
from training.distributed import joined_world
from training.errors import CheckpointMismatchError, CurationDamagedError, ShardCorruptError, TokenizerError
from training.execution import AS_USUAL, Execution
from training.loop import RunData, RunResult, train
from training.memory import memory_errors_explained
from training.metrics import plot_metrics, read_metrics
from training.model import make_model
from training.recipes.recipe import Recipe
from training.start import begin_with
from training.tokenizer import byte_lengths, fingerprint, load_tokenizer, padded_vocabulary

_log = logging.getLogger(__name__)


def run_recipe(
    recipe: Recipe,
    out: Path,
    *,
    files: Callable[[], Iterable[SourceFile]],
    curated: Path | None = None,
    opt_outs: frozenset[str] = frozenset(),
    start: Path | None = None,
    execution: Execution = AS_USUAL,
    threads: int | None = None,
    progress: bool = True,
) -> RunResult:
    """Prepare what is missing, train until the budget is spent, draw ``loss.png``.

    ``curated`` is a folder that ``sc-attrib train curate`` made; a run that was begun with one goes on with
    it. Without one the run prepares a corpus of its own, and ``files`` is called if it has none yet.
    ``opt_outs`` are ids of what must not be learned from; a corpus that holds any of it is refused. ``start``
    is a checkpoint, of another recipe perhaps, whose weights the run begins with instead of random ones.
    Under torchrun all processes call this together. Raises :class:`training.errors.TrainingError`.
    """
    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    source = remembered_source(out) if curated is None else None
    folder = curated or (source.layout.root if source else None)

    def open_corpus() -> RunData:
        if folder is not None:
            return _curated_data(recipe, CurationLayout(root=folder), out, opt_outs)
        return _prepared_data(recipe, RunLayout(root=out), files, opt_outs)

    with joined_world() as world:
        data = world.main_first(open_corpus)
        with memory_errors_explained():
            model = make_model(recipe.model, seed=recipe.seed)
            origin = begin_with(start, model, tokenizer=data.train.manifest.tokenizer) if start else ""
            result = train(
                model, recipe, data, out, world=world, execution=execution, start=origin, progress=progress
            )
        world.on_main(lambda: _draw(recipe, out))
    return result


def _draw(recipe: Recipe, out: Path) -> None:
    plot_metrics(read_metrics(out / "metrics.csv"), out / "loss.png", title=f"recipe {recipe.name}")


def _curated_data(recipe: Recipe, layout: CurationLayout, out: Path, opt_outs: frozenset[str]) -> RunData:
    """A curated corpus that may be used, fits the recipe, and is the one that the run was begun with."""
    try:
        corpus = curated_corpus(layout)
        ensure_fits(layout, recipe)
        ensure_curation_obeyed(layout, ids_to_obey(corpus.layout.index, opt_outs))
        data = open_data(recipe, corpus)
        ensure_unchanged(corpus, layout)
    except ShardCorruptError as error:
        raise CurationDamagedError(layout.root, error.damage) from error
    remember_source(out, layout, corpus)
    return data


def _prepared_data(
    recipe: Recipe,
    layout: RunLayout,
    files: Callable[[], Iterable[SourceFile]],
    opt_outs: frozenset[str],
) -> RunData:
    """The run's own corpus, made if it is not there yet."""
    if layout.is_prepared():
        ensure_obeyed(layout.opt_outs, layout.files, ids_to_obey(layout.index, opt_outs))
    else:
        _log.info("reading sources into %s", layout.root)
        prepare(recipe, layout, files(), opt_outs=opt_outs)
    return open_data(recipe, prepared_corpus(layout, recipe.data))


def open_data(recipe: Recipe, corpus: ShardedCorpus) -> RunData:
    """Open the shards of a corpus, and check that they belong together and to this recipe.

    Raises :class:`ShardCorruptError`, :class:`TokenizerError` and :class:`CheckpointMismatchError`.
    """
    tokenizer = load_tokenizer(corpus.layout.tokenizer)
    if padded_vocabulary(tokenizer) != recipe.model.vocabulary:
        raise TokenizerError(
            corpus.layout.tokenizer,
            f"it has {tokenizer.get_vocab_size()} ids and the recipe {recipe.model.vocabulary}",
            remedy="choose another folder, or delete this one's tokenizer and shards",
        )
    splits = [
        PackedRows(d, tokenizer=fingerprint(tokenizer)) for d in (corpus.layout.train, corpus.layout.held_out)
    ]
    for split, directory in zip(splits, (corpus.layout.train, corpus.layout.held_out), strict=True):
        if split.manifest.data != corpus.recipe:
            raise CheckpointMismatchError(directory, "its shards were made by another data recipe")
    return RunData(
        train=splits[0],
        held_out=splits[1],
        tokenizer=corpus.layout.tokenizer,
        byte_lengths=byte_lengths(tokenizer),
        identity=corpus.identity,
    )
