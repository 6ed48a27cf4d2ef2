"""Each stage by itself: all of them see the same documents."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tokenizers import Tokenizer

from curation.sources import Source, batches, megabytes, timed
from training.data.documents import open_documents
from training.data.filters.comments import ByComments
from training.data.repositories import RepositoryPacker, RepositoryText
from training.data.stage import Document, Stage
from training.recipes.curation.recipe import CurationRecipe, TokenRecipe
from training.tokenizer import control_ids, train_tokenizer

READING = "reading: decoding, language, notebooks"
TOKENS = "tokens, by repository"
_TOKEN_CHARACTERS = 4_000_000
_VOCABULARY = 4_096


def print_stages(source: Source, size: float, recipe: CurationRecipe) -> None:
    """A row a stage."""
    stages: tuple[Stage, ...] = (*recipe.filters, ByComments(), *recipe.cleaning)
    seconds = dict.fromkeys((READING, *(stage.name for stage in stages)), 0.0)
    sample: list[Document] = []
    read, count = 0.0, 0
    for files in batches(source.first(size)):
        read, count = read + megabytes(files), count + len(files)
        opened, took = timed(partial(open_documents, files))
        seconds[READING] += took
        for stage in stages:
            _, took = timed(partial(stage, opened.kept))
            seconds[stage.name] += took
        if sum(len(document.text) for document in sample) < _TOKEN_CHARACTERS:
            sample += opened.kept
    speeds = {name: read / took for name, took in seconds.items()}
    speeds[TOKENS], alone = token_speeds(sample)
    print(f"{read:,.0f} MB in {count:,} files\n\n| stage | MB/s a core |\n| --- | ---: |")
    for name, speed in speeds.items():
        told = f" (the tokenizer alone: {alone:.1f})" if name == TOKENS else ""
        print(f"| {name}{told} | {speed:,.{0 if speed >= 10 else 1}f} |", flush=True)


def make_tokenizer(texts: Sequence[str]) -> Tokenizer:
    """A small one: its speed hardly depends on its size."""
    return train_tokenizer(texts, vocabulary=_VOCABULARY)


def token_speeds(documents: Sequence[Document]) -> tuple[float, float]:
    """Megabytes a second of the rows of one repository, and of the tokenizer on the same texts."""
    tokenizer = make_tokenizer([document.text for document in documents])
    packer = RepositoryPacker(tokenizer, control_ids(tokenizer), TokenRecipe(), name="a/b", key=0)
    files = [RepositoryText(path=d.path, text=d.text) for d in documents]
    size = sum(len(d.text) for d in documents) / 1e6
    _, alone = timed(lambda: [tokenizer.encode(d.text) for d in documents])
    _, seconds = timed(lambda: list(packer.rows(files)))
    return size / seconds, size / alone
