"""The model card of a finished run, made from what the run left behind and nothing else."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from attribution.errors import UnreadableInputError
from training.checkpoint import list_checkpoints, read_state
from training.data.prepare import RunLayout
from training.data.sharded import CuratedSource, remembered_source
from training.data.shards import read_manifest
from training.evaluation.results import Evaluation, OrderResult
from training.metrics import MetricsRow, read_metrics
from training.model import count_parameters, make_model
from training.recipes.recipe import Budget, DataRecipe, Recipe

_MATRICES = {"muon": "Muon", "adamw": "AdamW"}


class _Key(NamedTuple):
    split: str
    package: str
    license: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRow:
    """What one package gave."""

    split: str
    package: str
    license: str
    url: str
    files: int
    bytes: int


def write_card(recipe: Recipe, run: Path, *, gguf: Path, evaluation: Path) -> str:
    """Write the card of a run's last checkpoint as Markdown.

    ``evaluation`` is the JSON of ``sc-attrib train evaluate``. Raises
    :class:`attribution.errors.UnreadableInputError` where the run is not finished.
    """
    source = remembered_source(run)
    layout = RunLayout(root=run)
    try:
        data = _data(layout) if source is None else _curated_data(source)
        metrics = read_metrics(run / "metrics.csv")
        if not metrics:
            raise ValueError("its metrics.csv has no line")
        measured: Evaluation = json.loads(evaluation.read_text())
        model_bytes = gguf.stat().st_size
        checkpoint = list_checkpoints(run)[-1]
    except (OSError, ValueError, IndexError) as error:
        raise UnreadableInputError(
            run, f"is not a finished run ({error})", remedy="run pretrain, export and evaluate first"
        ) from error
    sections = [
        _heading(recipe, model_bytes, metrics, source),
        _measured(measured, metrics),
        _training(recipe, source, run, checkpoint, metrics),
        data,
        _limits(recipe, source),
    ]
    return "\n\n".join(sections)


def read_packages_table(path: Path) -> list[PackageRow]:
    """Sum ``files.csv`` up by package."""
    files: Counter[_Key] = Counter()
    sizes: Counter[_Key] = Counter()
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            key = _Key(row["split"], row["package"], row["license"], row["url"])
            files[key] += 1
            sizes[key] += int(row["bytes"])
    keys = sorted(files, key=lambda key: (key.split, key.package.lower(), key.license))
    return [PackageRow(**key._asdict(), files=files[key], bytes=sizes[key]) for key in keys]


def _heading(
    recipe: Recipe, model_bytes: int, metrics: list[MetricsRow], source: CuratedSource | None
) -> str:
    shape = recipe.model
    parameters = count_parameters(make_model(shape, seed=0)) / 1e6
    bits = metrics[-1].held_out_bits_per_byte
    looked_at = recipe.budget.validation_rows * recipe.data.row_tokens
    title = "The bundled model" if source is None else f"A model of the recipe {recipe.name}"
    purpose = " for Python" if source is None else ""
    index = "`index/` beside it" if source is None else "the index of its curated corpus"
    return f"""# {title}

A StarCoder2-architecture model of {parameters:.1f} million parameters{purpose}, {model_bytes / 1e6:.1f} MB
as GGUF. It was trained from nothing by the recipe `{recipe.name}` of this repository. Every file that it
learned from is in {index}: fingerprints, origins and licences, no source text.

| | |
| --- | --- |
| layers, hidden, feed-forward | {shape.layers}, {shape.hidden}, {shape.feed_forward} |
| query heads, key-value heads | {shape.heads}, {shape.kv_heads} |
| vocabulary | {shape.vocabulary}, byte-level BPE, StarCoder2's control tokens at StarCoder2's ids |
| context | {shape.context_tokens} tokens; it has seen nothing longer |
| held-out bits per byte | {bits:.3f}, over {looked_at:,} tokens |"""


def _measured(measured: Evaluation, metrics: list[MetricsRow]) -> str:
    rows = "\n".join(_order_row(order, result) for order, result in measured["orders"].items())
    last = metrics[-50:]
    loss = sum(row.loss for row in last) / len(last)
    return f"""## Measured

Single-line infill on the held-out packages: the rest of a random line, cut at a token boundary after at
least three characters, greedy, given what precedes and follows it; n = {measured["tasks"]}, the GGUF file
itself through llama.cpp. The interval is the 95% bootstrap interval.

| prompt order | exact match | interval | time per task |
| --- | --- | --- | --- |
{rows}

Training loss at the end: {loss:.3f} nats a token (mean of the last {len(last)} updates; half of the text
is rearranged for filling in the middle)."""


def _order_row(order: str, result: OrderResult) -> str:
    low, high = result["interval"]
    time = result["seconds_per_task"]
    return f"| {order.upper()} | {result['exact_match']:.1%} | {low:.1%} to {high:.1%} | {time:.2f} s |"


def _training(
    recipe: Recipe, source: CuratedSource | None, run: Path, checkpoint: Path, metrics: list[MetricsRow]
) -> str:
    shards = (RunLayout(root=run) if source is None else source.layout).train
    state, manifest = read_state(checkpoint), read_manifest(shards)
    if manifest is None:
        raise UnreadableInputError(shards, "holds no shards", remedy="run pretrain again")
    curated = "" if source is None else "--curated DATA "
    finished = datetime.fromtimestamp((checkpoint / "state.json").stat().st_mtime, tz=UTC)
    budget, rates, data = recipe.budget, recipe.optimizer, recipe.data
    speeds = sorted(row.tokens_per_second for row in metrics)
    epochs = state.tokens / (manifest.rows * manifest.row_tokens)
    return f"""## Training

    sc-attrib train pretrain {curated}--recipe {recipe.name} --out RUN --tokens {budget.tokens}
    sc-attrib train export RUN/{checkpoint.name} --gguf model.gguf --type q8_0

Finished {finished:%Y-%m-%d} after {state.tokens:,} positions in {state.update:,} updates and
{state.seconds / 60:.0f} minutes{_machine(source)}
(median {speeds[len(speeds) // 2]:,.0f} tokens/s). The corpus has {manifest.tokens:,} tokens in
{manifest.rows:,} rows; a row was seen {epochs:.2f} times on average.

- {_MATRICES[rates.matrices]} {rates.matrix_rate} on matrices, AdamW {rates.other_rate} on the rest,
  clipped at {rates.clip_norm}; {budget.batch_rows} rows of {data.row_tokens} tokens an update; warm-up {budget.warmup_share:.0%},
  {_decay(budget)}.
{_rearranging(recipe.data, source)}
- No attention across documents.

![training loss and held-out bits per byte](loss.png)"""


def _machine(source: CuratedSource | None) -> str:
    """Where the bundled model was trained; a run does not note what it ran on."""
    return " on two processor cores that were not idle otherwise, in float32" if source is None else ""


def _decay(budget: Budget) -> str:
    if budget.schedule == "cosine":
        return f"then a cosine down to {budget.final_share:.0%}"
    return f"linear decay over the last {budget.decay_share:.0%}"


def _rearranging(data: DataRecipe, source: CuratedSource | None) -> str:
    """How the text was rearranged for filling in the middle."""
    if source is not None:
        return "- How text is rearranged for filling in the middle is in the configuration of the curation."
    return f"""\
- {data.fim_rate:.0%} of the pieces are rearranged for filling in the middle, half prefix-suffix-middle and
  half suffix-prefix-middle; the middle is the rest of a line in {data.line_rate:.0%} of them, a random span
  in the others."""


def _curated_data(source: CuratedSource) -> str:
    """Name the data card; all that is to be said about the corpus is there."""
    card = source.layout.card
    try:
        digest = hashlib.sha256(card.read_bytes()).hexdigest()
        curated_by: str = json.loads(source.layout.configuration.read_text("utf-8"))["recipe"]["name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableInputError(
            card, f"the data card cannot be read ({error})", remedy="run pretrain with --curated DIR again"
        ) from error
    return f"""## Data

Curated by `sc-attrib train curate --recipe {curated_by}`. What was read, kept, dropped and why, languages,
licences and samples are in the data card of that curation, `card.md` in its folder (SHA-256 `{digest}`);
the index of exactly these files is `index/` there. The rows are those of the digest `{source.identity}`, and
what is measured on was held out by the curation."""


def _data(layout: RunLayout) -> str:
    packages = read_packages_table(layout.files)
    dropped: dict[str, int] = json.loads(layout.dropped.read_text())
    learned = [p for p in packages if p.split == "train"]
    held_out = [p for p in packages if p.split != "train"]
    reasons = "\n".join(f"| {reason} | {count:,} |" for reason, count in sorted(dropped.items()))
    return f"""## Data

Python files of the interpreter's standard library and of installed packages, under permissive licences
only, as their own metadata and file headers state them. Learned from: {_total(learned)}.

{_table(learned)}

Held out, never learned from: {_total(held_out)}.

{_table(held_out)}

Left out of what the interpreter has installed:

| reason | files |
| --- | --- |
{reasons}"""


def _total(rows: list[PackageRow]) -> str:
    return f"{sum(r.files for r in rows):,} files, {sum(r.bytes for r in rows) / 1e6:.1f} MB"


def _table(rows: Iterable[PackageRow]) -> str:
    lines = [f"| {_linked(r)} | {r.license} | {r.files:,} | {r.bytes:,} |" for r in rows]
    return "\n".join(["| package | licence | files | bytes |", "| --- | --- | --- | --- |", *lines])


def _linked(row: PackageRow) -> str:
    return f"[{row.package}]({row.url})" if row.url.startswith("https://") else row.package


def _limits(recipe: Recipe, source: CuratedSource | None) -> str:
    knows = "It knows no other language." if source is None else "It knows the languages of its data card."
    read = "It has read a few megabytes of Python, once or less. " if source is None else ""
    return f"""## Limits

- {read}It finishes short, predictable code (names that stand nearby, closing brackets, common idioms) and is
  often wrong beyond a few tokens. {knows}
- It sees {recipe.model.context_tokens} tokens: a part of one file.
- It may repeat what it has read. The index beside it is there to find such text, with its licence.
- The licences of its training files ask for attribution where their code is copied.
- It follows no instructions and holds no knowledge worth asking for.

Licence of the weights: Apache-2.0, as this repository."""
