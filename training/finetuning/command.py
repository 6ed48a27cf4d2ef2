"""``sc-attrib train finetune``: a base and one's own code in, a model that the language server serves out."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.opt_outs import add_opt_outs, opt_outs_in
from attribution.errors import UsageError
from training.arguments import GGUF_TYPES, number, whole

if TYPE_CHECKING:
    from training.finetuning.base import Base
    from training.finetuning.layout import TuningLayout
    from training.finetuning.recipe import TuningRecipe
    from training.finetuning.repository import OwnRepository
    from training.finetuning.run import Material, Tuned

NEEDS = ("torch", "transformers", "tokenizers", "safetensors", "gguf", "llama_cpp", "matplotlib")
"""Modules without which nothing can be tuned; ``peft`` and ``bitsandbytes`` are asked for where needed."""
METHODS = ("lora", "qlora-4bit", "qlora-8bit", "full")
_HELD_OUT_SHARE = 0.1
_MOST_SEED = (1 << 32) - 1
_count = whole(1, 10_000_000)
_threads = whole(1, 1024)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is learned, on which base, how, and where the result goes."""
    _add_data(parser)
    _add_method(parser)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the run; the same one goes on with it",
    )
    parser.add_argument(
        "--type",
        choices=GGUF_TYPES,
        default="q8_0",
        help="how weights are stored in DIR/model.gguf (default: q8_0)",
    )
    parser.add_argument("--name", metavar="NAME", help="what the model calls itself (default: the folder)")
    parser.add_argument("--threads", type=_threads, metavar="N", help="processor threads (default: all)")


def _add_data(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--git",
        action="append",
        metavar="REPO[@REV]",
        help="your own repository, by path or URL, at a branch, tag or commit (default: HEAD); repeatable",
    )
    what.add_argument(
        "--curated",
        type=Path,
        metavar="DIR",
        help="one language (--language) of a folder that 'train curate' made",
    )
    what.add_argument(
        "--instructions",
        type=Path,
        action="append",
        metavar="FILE",
        help="JSON lines with 'instruction' and 'output', or with 'messages'; repeatable",
    )
    parser.add_argument("--language", metavar="NAME", help="with --curated: the language, such as Python")
    parser.add_argument(
        "--own-license",
        type=_expression,
        metavar="SPDX",
        help="with --git: the licence of your code (default: what the top folder states)",
    )
    parser.add_argument(
        "--keep-foreign",
        action="store_true",
        help="with --git: learn also from files under another licence than the repository's",
    )
    parser.add_argument(
        "--held-out",
        type=number(0, 0.9, above=True),
        metavar="SHARE",
        help="with --git and --instructions: share of the text to measure on (default: 0.1)",
    )
    parser.add_argument(
        "--clones", type=Path, metavar="DIR", help="keep clones of a --git URL here (default: kept nowhere)"
    )
    add_opt_outs(parser, "learn from nothing that this list names; repeatable")


def _add_method(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--base",
        type=Path,
        metavar="MODEL",
        help="the model to tune: a folder that transformers loads, or a GGUF file (default: the shipped one)",
    )
    parser.add_argument(
        "--method", choices=METHODS, help="what is trained (default: lora for --git, else full)"
    )
    parser.add_argument("--rank", type=_count, metavar="N", help="rank of the adapters (default: 8)")
    parser.add_argument(
        "--rate",
        type=number(0, 1, above=True),
        metavar="R",
        help="highest learning rate (default: as published, 2e-4 for --git)",
    )
    parser.add_argument(
        "--updates",
        type=_count,
        metavar="N",
        help="at most so many (default: as published, 1,000 for --git)",
    )
    parser.add_argument(
        "--epochs",
        type=_count,
        metavar="N",
        help="read the data at most so often (default: 8 for --git)",
    )
    parser.add_argument(
        "--batch-rows",
        type=_count,
        metavar="N",
        help="rows of an update (default: as published, 4 for --git)",
    )
    parser.add_argument(
        "--micro-batch-rows",
        type=_count,
        metavar="N",
        help="rows of an update that are in memory at a time (default: 4)",
    )
    parser.add_argument(
        "--recompute", action="store_true", help="compute activations twice instead of keeping them"
    )
    parser.add_argument(
        "--fim-rate",
        type=number(0, 1),
        metavar="SHARE",
        help="with --git and --curated: share of files rearranged for filling in (default: 0.5)",
    )
    parser.add_argument("--seed", type=whole(0, _MOST_SEED), metavar="N", help="of all that is drawn")


def _expression(text: str) -> str:
    from attribution.licenses.expressions import is_expression

    if not is_expression(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no SPDX expression, such as MIT or GPL-3.0-only")
    return text


def run(args: argparse.Namespace) -> int:
    """Tune; print the path of the GGUF file, and on standard error how to serve it."""
    from assistant.quantize import GgufType
    from training.distributed import leave
    from training.finetuning.layout import TuningLayout
    from training.finetuning.run import Options, tune

    _refuse_idle_options(args)
    layout = TuningLayout(root=args.out)
    recipe = _recipe(args)
    with ExitStack() as stack:
        tuned = tune(
            args.base or shipped_model(),
            layout,
            recipe,
            _material(args, layout, stack),
            Options(
                opt_outs=opt_outs_in(args.opt_out),
                gguf_type=GgufType(args.type),
                name=args.name,
                threads=args.threads,
                recompute=args.recompute,
            ),
        )
    _tell(tuned, _indexes(args, layout))
    print(layout.gguf)  # noqa: T201 - stdout is data
    return leave(0)


def shipped_model() -> Path:
    """The small model of this package."""
    import assistant

    return Path(assistant.__path__[0]) / "default" / "model.gguf"


def _refuse_idle_options(args: argparse.Namespace) -> None:
    """Raise :class:`UsageError` for an option that is about data of another kind."""
    about = (
        ("--language", args.language, "--curated", args.curated),
        ("--own-license", args.own_license, "--git", args.git),
        ("--keep-foreign", args.keep_foreign, "--git", args.git),
        ("--clones", args.clones, "--git", args.git),
        ("--fim-rate", args.fim_rate is not None, "--git or --curated", args.git or args.curated),
        ("--held-out", args.held_out, "--git or --instructions", args.git or args.instructions),
    )
    for option, value, owner, named in about:
        if value and not named:
            raise UsageError(f"{option} says something of {owner}, which is not there; leave it out")
    if args.curated and not args.language:
        raise UsageError("--curated needs a language to tune for; name one with --language, such as Python")


def _recipe(args: argparse.Namespace) -> TuningRecipe:
    """The published recipe of what is learned, with what the options change."""
    from training.finetuning.recipe import RECIPES, Method, Purpose

    purpose = Purpose.LANGUAGE if args.curated else Purpose.REPOSITORY
    recipe = RECIPES[Purpose.INSTRUCTIONS if args.instructions else purpose]
    method = Method(args.method) if args.method else recipe.method
    if args.rank and not method.has_adapter:
        raise UsageError("--rank says how large adapters are, and --method full has none; leave one out")
    return replace(
        recipe,
        method=method,
        adapter=replace(recipe.adapter, rank=args.rank or recipe.adapter.rank),
        rate=args.rate or recipe.rate,
        most_updates=args.updates or recipe.most_updates,
        most_epochs=args.epochs or recipe.most_epochs,
        batch_rows=args.batch_rows or recipe.batch_rows,
        micro_batch_rows=_micro_batch_rows(args, recipe),
        fim_rate=recipe.fim_rate if args.fim_rate is None else args.fim_rate,
        seed=recipe.seed if args.seed is None else args.seed,
    )


def _micro_batch_rows(args: argparse.Namespace, recipe: TuningRecipe) -> int:
    """As named, otherwise as many of the recipe's as divide the rows of an update."""
    batch = args.batch_rows or recipe.batch_rows
    if args.micro_batch_rows and batch % args.micro_batch_rows:
        raise UsageError(f"--micro-batch-rows must divide the {batch} rows of an update")
    return args.micro_batch_rows or math.gcd(batch, recipe.micro_batch_rows)


def _material(args: argparse.Namespace, layout: TuningLayout, stack: ExitStack) -> Material:
    if args.git:
        return _repository_material(args, layout, stack)
    return _language_material(args, layout) if args.curated else _instructions_material(args, layout)


def _repository_material(args: argparse.Namespace, layout: TuningLayout, stack: ExitStack) -> Material:
    from training.data.consent import ids_to_obey
    from training.finetuning.repository import Choice, choose, write_data
    from training.finetuning.run import Material

    choice = Choice(keeps_foreign=args.keep_foreign, held_out_share=args.held_out or _HELD_OUT_SHARE)

    def prepare(base: Base, recipe: TuningRecipe, data: str) -> None:
        opt_outs = ids_to_obey(layout.index, opt_outs_in(args.opt_out))
        clones = args.clones or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sc-attrib-")))
        chosen = choose([_read(text, args.own_license, clones) for text in args.git], choice, opt_outs)
        write_data(layout, chosen, base.tokenizer, recipe, data=data, opt_outs=opt_outs)
        _tell_choice(layout)

    sources = [f"git {_absolute(text)}" for text in sorted(args.git)]
    how = [
        f"own licence {args.own_license}",
        f"foreign {args.keep_foreign}",
        f"held out {choice.held_out_share}",
    ]
    return Material(names=(*sources, *how), prepare=prepare)


def _language_material(args: argparse.Namespace, layout: TuningLayout) -> Material:
    from training.data.consent import ensure_curation_obeyed, ids_to_obey
    from training.data.engine.layout import CurationLayout
    from training.finetuning.language import ensure_curated, write_data
    from training.finetuning.run import Material

    curated = CurationLayout(root=args.curated)
    ensure_curated(curated)
    ensure_curation_obeyed(curated, ids_to_obey(curated.index, opt_outs_in(args.opt_out)))

    def prepare(base: Base, recipe: TuningRecipe, data: str) -> None:
        write_data(curated, args.language, layout, base.tokenizer, recipe, data=data)

    return Material(names=(f"{args.language} of {args.curated.resolve()}",), prepare=prepare)


def _instructions_material(args: argparse.Namespace, layout: TuningLayout) -> Material:
    from training.data.config import sha256_of
    from training.data.consent import ids_to_obey
    from training.finetuning.instructions import AnsweredRows, choose_dialogues, read_dialogues, write_data
    from training.finetuning.run import Material

    dialogues = [dialogue for path in args.instructions for dialogue in read_dialogues(path)]
    share = args.held_out or _HELD_OUT_SHARE

    def prepare(base: Base, recipe: TuningRecipe, data: str) -> None:
        opt_outs = ids_to_obey(layout.index, opt_outs_in(args.opt_out))
        chosen = choose_dialogues(dialogues, base.tokenizer, recipe, held_out_share=share, opt_outs=opt_outs)
        write_data(layout, chosen, base.tokenizer, recipe, data=data, opt_outs=opt_outs)
        for reason, count in sorted(chosen.dropped.items()):
            sys.stderr.write(f"{count:,} dialogues left out: {reason}\n")

    return Material(
        names=(*(f"instructions {sha256_of(path)}" for path in args.instructions), f"held out {share}"),
        prepare=prepare,
        open_train=lambda path, name: AnsweredRows(path, layout.answers, tokenizer=name),
        open_held_out=lambda path, name: AnsweredRows(path, layout.held_out_answers, tokenizer=name),
    )


def _absolute(text: str) -> str:
    """A repository as it is named, a path made absolute."""
    from attribution.sources.git import GitPlace
    from attribution.sources.git_clone import is_remote
    from attribution.sources.remotes import without_credentials

    place = GitPlace.parse(text)
    if is_remote(place.repository):
        where = without_credentials(place.repository)
    else:
        where = str(Path(place.repository).resolve())
    return f"{where}@{place.revision or 'HEAD'}"


def _read(text: str, own_license: str | None, clones: Path) -> OwnRepository:
    from attribution.sources.git import GitPlace, license_at_top, read_git
    from training.finetuning.repository import OwnRepository

    place = GitPlace.parse(text)
    skipped: Counter[str] = Counter()
    files = tuple(read_git(place, skipped=skipped, cache=clones))
    for reason, count in sorted(skipped.items()):
        sys.stderr.write(f"{text}: {count} files skipped: {reason}\n")
    license = own_license or license_at_top(place, cache=clones).expression
    return OwnRepository(files=files, license=license)


def _tell_choice(layout: TuningLayout) -> None:
    """Say what was learned from and what was not, on standard error."""
    import json

    report = json.loads(layout.report.read_text("utf-8"))
    sys.stderr.write(f"learning from {report['learned']:,} files, measuring on {report['held_out']:,}\n")
    for reason, count in report["dropped"].items():
        sys.stderr.write(f"{count:,} files left out: {reason}\n")
    for license, count in report["foreign"].items():
        sys.stderr.write(f"{count:,} files are under {license}: {layout.foreign} names them\n")
    for kind, count in report["redacted"].items():
        sys.stderr.write(f"redacted: {kind}, {count:,} times\n")


def _indexes(args: argparse.Namespace, layout: TuningLayout) -> list[Path]:
    """What a suggestion of the tuned model is traced against: what it learned from now, and before."""
    own = args.curated / "index" if args.curated else layout.index
    before = [shipped_model().parent / "index"] if args.base is None else []
    return [own.resolve(), *before]


def _tell(tuned: Tuned, indexes: list[Path]) -> None:
    import json

    sys.stderr.write(
        f"{tuned.updates:,} updates, held-out bits per byte {tuned.base_bits_per_byte:.3f} of the base, "
        f"{tuned.bits_per_byte:.3f} now; settings of the language server that serve and trace it:\n"
        f'  "model.path": {json.dumps(str(tuned.layout.gguf.resolve()))}\n'
        f'  "trace.indexes": {json.dumps([str(path) for path in indexes])}\n'
    )


def add_merge_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare an adapter, its base, and where the sum of both goes."""
    parser.add_argument(
        "adapter", type=Path, metavar="ADAPTER", help="folder of a LoRA adapter as PEFT saves it"
    )
    parser.add_argument(
        "--base",
        type=Path,
        metavar="MODEL",
        help="the model that it was trained on: a folder, or a GGUF file (default: the shipped one)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the merged model; made anew"
    )


def run_merge(args: argparse.Namespace) -> int:
    """Merge; print the folder, which ``sc-attrib train export`` takes."""
    from training.finetuning.adapters import merge_adapter
    from training.finetuning.base import open_base

    with tempfile.TemporaryDirectory(prefix="sc-attrib-") as folder:
        base = open_base(args.base or shipped_model(), imported=Path(folder, "base"))
        merge_adapter(base, args.adapter, args.out)
    print(args.out)  # noqa: T201 - stdout is data
    return 0
