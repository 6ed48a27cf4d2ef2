"""The n-gram model that a language model has to beat: the same corpus, tokens, tasks and view."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from training.data.corpus_layout import CorpusLayout
from training.data.shards import PackedRows
from training.errors import EvaluationError, TokenizerError
from training.evaluation.bootstrap import interval
from training.evaluation.counts import BYTES_A_TOKEN, Counts, Stretch, count_ngrams
from training.evaluation.infill import InfillAnswer, InfillTask, ServedModel, visible, write
from training.evaluation.likelihood import scored_bytes
from training.evaluation.ngrams import Cache, NgramModel
from training.evaluation.results import NgramGap, NgramResult
from training.tokenizer import fingerprint, load_tokenizer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What a run learned from, as the ids of its model."""

    stretches: tuple[Stretch, ...]
    """Its shards, memory-mapped."""
    tokens: int
    vocabulary: int


def read_corpus(layout: CorpusLayout, model: ServedModel, *, sample: bytes) -> Corpus:
    """Open the training shards of a corpus; ``sample`` is a text on which both tokenizers must agree.

    Raises :class:`training.errors.TokenizerError` and :class:`training.errors.ShardCorruptError`.
    """
    tokenizer = load_tokenizer(layout.tokenizer)
    text = sample.decode("utf-8", "ignore")
    if tokenizer.encode(text, add_special_tokens=False).ids != model.encode(text.encode()):
        raise TokenizerError(
            layout.tokenizer, "the model has another one", remedy="name the run that made the model"
        )
    rows = PackedRows(layout.train, tokenizer=fingerprint(tokenizer))
    stretches = tuple(Stretch(tokens=tokens, starts=starts) for tokens, starts in rows.shards())
    return Corpus(stretches=stretches, tokens=rows.manifest.tokens, vocabulary=tokenizer.get_vocab_size())


def measure_ngrams(
    corpus: Corpus,
    model: ServedModel,
    answers: Mapping[str, Sequence[InfillAnswer]],
    *,
    tuning: Sequence[Sequence[int]],
    scored: Sequence[Sequence[int]],
    seed: int,
) -> NgramResult:
    """Count a corpus, tune on stretches of held-out text, and do the tasks that the model has answered.

    Raises :class:`training.errors.EvaluationError` where the counts do not fit on the disk.
    """
    with _counted(corpus, sorted(model.fim.stops)) as counts:
        return _measure(counts, model, answers, tuning=tuning, scored=scored, seed=seed)


@contextmanager
def _counted(corpus: Corpus, breaks: Sequence[int]) -> Iterator[Counts]:
    """The counts of a corpus, in the system's folder for temporary files as long as they are needed."""
    _log.info("counting n-grams of %d tokens", corpus.tokens)
    with TemporaryDirectory(prefix="sc-attrib-counts-") as folder:
        try:
            counts = count_ngrams(corpus.stretches, Path(folder), breaks=breaks, vocabulary=corpus.vocabulary)
        except OSError as error:
            raise EvaluationError(
                f"{folder}: n-grams of {corpus.tokens:,} tokens cannot be counted there "
                f"({error.strerror or error}); they take about {BYTES_A_TOKEN} bytes a token: "
                "make room, or name another folder by TMPDIR"
            ) from error
        yield counts


def _measure(
    counts: Counts,
    model: ServedModel,
    answers: Mapping[str, Sequence[InfillAnswer]],
    *,
    tuning: Sequence[Sequence[int]],
    scored: Sequence[Sequence[int]],
    seed: int,
) -> NgramResult:
    ngrams = NgramModel(counts=counts).tuned(tuning)
    return NgramResult(
        tokens=counts.total,
        discount=ngrams.discount,
        cache_discount=ngrams.cache_discount,
        cache_share=ngrams.cache_share,
        bits_per_byte=ngrams.bits(scored) / max(1, scored_bytes(scored, model)),
        gaps={name: _compare(some, ngrams, model, seed) for name, some in answers.items()},
    )


def fill_by_counts(task: InfillTask, ngrams: NgramModel, model: ServedModel) -> InfillAnswer:
    """Go on after the prefix, the cache knowing the prefix and the suffix that the model is shown."""
    seen = visible(task, model)
    cache = Cache()
    for part in (seen.suffix, seen.prefix):
        cache.end()
        for token in part:
            cache.add(token)
    return InfillAnswer(task=task, completion=write(task, ngrams.greedy(seen.prefix, cache), model))


def _compare(answers: Sequence[InfillAnswer], ngrams: NgramModel, model: ServedModel, seed: int) -> NgramGap:
    ours = [fill_by_counts(answer.task, ngrams, model) for answer in answers]
    exact = [answer.is_exact for answer in ours]
    ahead = [float(a.is_exact) - float(b) for a, b in zip(answers, exact, strict=True)]
    return NgramGap(
        tasks=len(ours),
        exact_match=float(np.mean(exact)),
        interval=interval(exact, seed=seed),
        edit_similarity=float(np.mean([answer.similarity for answer in ours])),
        model_ahead=float(np.mean(ahead)),
        model_ahead_interval=interval(ahead, seed=seed),
    )
