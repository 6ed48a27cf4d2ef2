"""The model card of a finished run, made from what the run left behind and nothing else."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from assistant.quantize import GgufType
from attribution.errors import UnreadableInputError
from training.card_data import Learned, describe_data, learned_by_curation, learned_by_run
from training.checkpoint import TrainingState, list_checkpoints, read_state
from training.data.prepare import RunLayout
from training.data.sharded import CuratedSource, remembered_source
from training.data.shards import Manifest, read_manifest
from training.evaluation.report import tables
from training.evaluation.results import Evaluation
from training.metrics import MetricsRow, read_metrics
from training.model import count_parameters, make_model
from training.recipes.big_code import BigCodeShape
from training.recipes.recipe import Recipe, digest

_LOOKS = 10
_LAST_UPDATES = 50
_TYPES = {
    "0": GgufType.F32,
    "1": GgufType.F16,
    "7": GgufType.Q8_0,
    "12": GgufType.Q3_K_M,
    "15": GgufType.Q4_K_M,
    "17": GgufType.Q5_K_M,
    "18": GgufType.Q6_K,
}
"""By llama.cpp's ``llama_ftype``."""
_STATED = ("general.name", "general.license", "general.file_type")
_VERSIONS = ("torch", "transformers", "tokenizers", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Everything that a card is made from, read and found whole."""

    recipe: Recipe
    source: CuratedSource | None
    learned: Learned
    manifest: Manifest
    """Of the rows that were learned from."""
    metrics: list[MetricsRow]
    checkpoint: Path
    """The last one."""
    state: TrainingState
    model_bytes: int
    name: str
    license: str
    """What the GGUF file states; empty where it states none."""
    type: str
    """How its weights are stored."""
    evaluation: Evaluation
    machine: str


def write_card(recipe: Recipe, run: Path, *, gguf: Path, evaluation: Path, machine: str = "") -> str:
    """Write the card of a run's last checkpoint as Markdown.

    ``evaluation`` is the JSON of ``sc-attrib train evaluate``; ``machine`` says on what was trained, which a
    run does not note. Raises :class:`attribution.errors.UnreadableInputError` where the run is not finished,
    or where recipe, run, model and evaluation do not belong together.
    """
    try:
        read = _read(recipe, run, gguf, evaluation, machine)
        sections = [
            _heading(read),
            _measured(read),
            _training(read),
            describe_data(read.learned, read.source),
        ]
    except (OSError, ValueError, IndexError, KeyError, TypeError) as error:
        raise UnreadableInputError(
            run, f"is not a finished run ({error})", remedy="run pretrain, export and evaluate first"
        ) from error
    return "\n\n".join([*sections, _again(read), _limits(read)])


def _read(recipe: Recipe, run: Path, gguf: Path, evaluation: Path, machine: str) -> _Run:
    source, own = remembered_source(run), RunLayout(root=run)
    metrics = read_metrics(run / "metrics.csv")
    if not metrics:
        raise ValueError("its metrics.csv has no line")
    manifest = read_manifest((own if source is None else source.layout).train)
    if manifest is None:
        raise ValueError("there are no shards")
    checkpoint = list_checkpoints(run)[-1]
    state, stated = read_state(checkpoint), _stated(gguf)
    measured: Evaluation = json.loads(evaluation.read_text("utf-8"))
    _ensure_made_by(recipe, run, state)
    if measured["bytes"] != gguf.stat().st_size:
        raise UnreadableInputError(
            evaluation,
            f"is of another file than {gguf}",
            remedy="evaluate that file, and name what it printed",
        )
    return _Run(
        recipe=recipe,
        source=source,
        learned=learned_by_run(own) if source is None else learned_by_curation(source.layout),
        manifest=manifest,
        metrics=metrics,
        checkpoint=checkpoint,
        state=state,
        model_bytes=gguf.stat().st_size,
        name=stated.get("general.name") or recipe.name,
        license=stated.get("general.license", ""),
        type=_TYPES.get(stated.get("general.file_type", ""), ""),
        evaluation=measured,
        machine=machine,
    )


def _ensure_made_by(recipe: Recipe, run: Path, state: TrainingState) -> None:
    """Raise :class:`UnreadableInputError` where a card would tell another recipe than the run's."""
    if (state.model, state.update_rule) != (digest(recipe.model), digest(recipe.update_rule)):
        raise UnreadableInputError(
            run,
            f"was not made by the recipe {recipe.name}",
            remedy=f"name its own, {state.recipe}, by --recipe",
        )
    if state.update != recipe.updates:
        raise UnreadableInputError(
            run,
            f"has done {state.update:,} updates, and {recipe.budget.tokens:,} tokens are {recipe.updates:,}",
            remedy="name its budget by --tokens, or let it come to its end",
        )


def _stated(path: Path) -> dict[str, str]:
    """Texts that a GGUF file says of itself; raise ValueError."""
    import gguf

    try:
        fields = gguf.GGUFReader(path).fields
        return {key: str(fields[key].contents()) for key in _STATED if key in fields}
    except Exception as error:  # a cut or foreign file ends in whatever numpy makes of it
        raise ValueError(f"{path} is no GGUF file") from error


def _heading(read: _Run) -> str:
    shape, state = read.recipe.model, read.state
    parameters = count_parameters(make_model(shape, seed=0)) / 1e6
    kv_heads = 1 if isinstance(shape, BigCodeShape) else shape.kv_heads
    family = "GPTBigCode" if isinstance(shape, BigCodeShape) else "StarCoder2"
    begun = f"the weights `{state.start}`" if state.start else "nothing"
    return f"""# {read.name}

A {family}-architecture model of {parameters:.1f} million parameters for completing code,
{read.model_bytes / 1e6:.1f} MB as GGUF. It was trained from {begun} by the recipe `{read.recipe.name}`
of sc-attrib. Every file that it learned from is in the index `index/` that was made with its corpus:
fingerprints, origins and licences, no source text.

| | |
| --- | --- |
| layers, hidden, feed-forward | {shape.layers}, {shape.hidden}, {shape.feed_forward} |
| query heads, key-value heads | {shape.heads}, {kv_heads} |
| vocabulary | {shape.vocabulary}, byte-level BPE, StarCoder2's control tokens at StarCoder2's ids |
| context | {shape.context_tokens} tokens; it has seen nothing longer than {read.manifest.row_tokens} |
| licence of the weights | {read.license or "none is stated"} |"""


def _measured(read: _Run) -> str:
    looked_at = read.recipe.budget.validation_rows * read.manifest.row_tokens
    last = read.metrics[-_LAST_UPDATES:]
    loss = sum(row.loss for row in last) / len(last)
    bits = [row.held_out_bits_per_byte for row in _looks(read.metrics)]
    final = f"{bits[-1]:.3f} bits per byte of {looked_at:,} held-out tokens; " if bits else ""
    return "\n\n".join(
        [
            "## Measured",
            "What each figure is: docs/evaluation.md of sc-attrib. All of it is the GGUF file itself through "
            "llama.cpp, on files of projects that were held out.",
            *tables(read.evaluation, heading="###"),
            f"At the end of training: {final}loss {loss:.3f} nats a token (mean of the last {len(last)} "
            "updates, over text that is partly rearranged for filling in the middle).",
        ]
    )


def _training(read: _Run) -> str:
    state, budget, rates, manifest = read.state, read.recipe.budget, read.recipe.optimizer, read.manifest
    finished = datetime.fromtimestamp((read.checkpoint / "state.json").stat().st_mtime, tz=UTC)
    speeds = sorted(row.tokens_per_second for row in read.metrics)
    epochs = state.tokens / (manifest.rows * manifest.row_tokens)
    decay = f", weight decay {rates.weight_decay:g}"
    matrices = "Muon" if rates.matrices == "muon" else "AdamW"
    return f"""## Training

Finished {finished:%Y-%m-%d} after {state.tokens:,} positions in {state.update:,} updates and
{state.seconds / 60:.0f} minutes, {read.machine or "on a machine that the run did not note"}:
{speeds[len(speeds) // 2]:,.0f} tokens/s (median). Energy was not measured. The corpus has
{manifest.tokens:,} tokens in {manifest.documents:,} documents, packed into {manifest.rows:,} rows of
{manifest.row_tokens}; a row was seen {epochs:.2f} times on average.

| | |
| --- | --- |
| weight matrices | {matrices}, rate {rates.matrix_rate:g}, momentum {rates.momentum:g}{decay} |
| the rest | AdamW, rate {rates.other_rate:g}, betas {rates.betas[0]:g} and {rates.betas[1]:g} |
| gradients | clipped at a norm of {rates.clip_norm:g} |
| an update | {budget.batch_rows} rows, {budget.batch_rows * manifest.row_tokens:,} positions |
| schedule | {_schedule(read.recipe)} |
| filling in the middle | {_rearranging(read)} |
| attention | none across documents |
| seed | {read.recipe.seed} |

{_curve(read.metrics)}

![training loss and held-out bits per byte](loss.png)"""


def _schedule(recipe: Recipe) -> str:
    budget = recipe.budget
    rest = f"{budget.final_share:.0%} of the rate at the end"
    shape = f"linear decay over the last {budget.decay_share:.0%}" if budget.schedule == "wsd" else "cosine"
    return f"warm-up over {budget.warmup_share:.0%}, {shape}, {rest}"


def _rearranging(read: _Run) -> str:
    """How the text was rearranged: by the run's recipe, or by that of its curation."""
    if read.source is not None:
        values = json.loads(read.source.layout.configuration.read_text("utf-8"))["recipe"]["tokens"]
        rates = tuple(float(values[name]) for name in ("fim_rate", "psm_rate", "line_rate"))
        repositories = f", in {values['fim_repository_rate']:.0%} of the repositories"
    else:
        data, repositories = read.recipe.data, ""
        rates = (data.fim_rate, data.psm_rate, data.line_rate)
    fim, psm, line = rates
    return (
        f"{fim:.0%} of the pieces{repositories}; {psm:.0%} of these prefix-suffix-middle, the others "
        f"suffix-prefix-middle; the middle is the rest of a line in {line:.0%}, a random span in the others"
    )


def _looks(metrics: list[MetricsRow]) -> list[MetricsRow]:
    return [row for row in metrics if row.held_out_bits_per_byte == row.held_out_bits_per_byte]


def _curve(metrics: list[MetricsRow]) -> str:
    """Held-out bits at up to ten points, the last one always among them."""
    looks = _looks(metrics)
    step = max(1, -(-len(looks) // _LOOKS))
    shown = looks[::-1][::step][::-1]
    rows = [f"| {row.tokens:,} | {row.loss:.3f} | {row.held_out_bits_per_byte:.3f} |" for row in shown]
    return "\n".join(
        ["| positions | loss of that update | held-out bits per byte |", "| ---: | ---: | ---: |", *rows]
    )


def _again(read: _Run) -> str:
    """The commands, and how far they lead to the same file."""
    from importlib.metadata import version

    recipe, curated = read.recipe, ""
    tokens, tasks = recipe.budget.tokens, read.evaluation["tasks"]
    lines = []
    if read.source is not None:
        curation = json.loads(read.source.layout.configuration.read_text("utf-8"))["recipe"]["name"]
        lines.append(f"sc-attrib train curate --corpus CORPUS --recipe {curation} --out DATA")
        curated = " --curated DATA"
    stated = "".join(
        f" --{option} {shlex.quote(value)}"
        for option, value in (("type", read.type), ("name", read.name), ("license", read.license))
        if value
    )
    start = " --from CHECKPOINT" if read.state.start else ""
    lines += [
        f"sc-attrib train pretrain{curated} --recipe {recipe.name} --out RUN --tokens {tokens}{start}",
        f"sc-attrib train export RUN/{read.checkpoint.name} --gguf model.gguf{stated}",
        f"sc-attrib train evaluate model.gguf --run RUN --tasks {tasks} > evaluation.json",
        f"sc-attrib train card RUN --recipe {recipe.name} --tokens {tokens} --gguf model.gguf "
        "--evaluation evaluation.json",
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    commands = "\n".join(f"    {line}" for line in lines)
    return f"""## How to make it again

{commands}

The same files, versions and number of threads on the same kind of processor give the same weights, to the
bit. This card was written with sc-attrib {version("sc-attrib")}, {versions}."""


def _limits(read: _Run) -> str:
    return f"""## Limits

- It finishes short, predictable code (names that stand nearby, closing brackets, common idioms) and is often
  wrong beyond a few tokens. It knows no language that is not in its data.
- It sees {read.recipe.model.context_tokens} tokens: a part of one file.
- It may repeat what it has read. The index is there to find such text, with its licence.
- The licences of its training files ask for attribution where their code is copied.
- It follows no instructions and holds no knowledge worth asking for."""
