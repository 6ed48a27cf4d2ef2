"""``sc-attrib train``: from source files to a model that the language server serves.

Nothing heavy is imported until a subcommand runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.opt_outs import add_opt_outs, opt_outs_in
from attribution.errors import MissingExtraError, UsageError
from training.arguments import GGUF_TYPES, whole
from training.recipes.registry import NAMES, load

if TYPE_CHECKING:
    from attribution.model import SourceFile
    from training.recipes.recipe import Recipe

_EXTRA_MODULES = ("torch", "transformers", "tokenizers", "safetensors", "gguf", "llama_cpp", "matplotlib")
_count = whole(1, 10**15)
_threads = whole(1, 1024)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    commands = parser.add_subparsers(metavar="STEP", dest="step", required=True)
    _add_corpus(commands.add_parser("corpus", help="bring the projects of a table together in a folder"))
    _add_curate(commands.add_parser("curate", help="filter and deduplicate sources into training shards"))
    _add_tokenizer(commands.add_parser("tokenizer", help="train a byte-level BPE tokenizer on source code"))
    _add_pretrain(commands.add_parser("pretrain", help="train a model; again with the same DIR resumes"))
    _add_finetune(commands.add_parser("finetune", help="tune a model to your own repository, say"))
    _add_merge(commands.add_parser("merge", help="add an adapter to the weights of its base"))
    _add_export(commands.add_parser("export", help="write a checkpoint as a GGUF file"))
    _add_evaluate(
        commands.add_parser("evaluate", help="measure what a GGUF model can do, and what it gives away")
    )
    _add_index(commands.add_parser("index", help="make the index of the files that a run learned from anew"))
    _add_card(commands.add_parser("card", help="write the model card of a finished run"))


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--recipe", required=True, metavar="NAME", help=f"one of: {', '.join(NAMES)}")


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--packages",
        type=Path,
        metavar="PYTHON",
        help="learn from this interpreter's packages (default: this one)",
    )
    parser.add_argument(
        "--tree",
        type=Path,
        action="append",
        metavar="DIR",
        help="learn from this folder instead; may be repeated",
    )
    add_opt_outs(parser, "learn from nothing that this list names; repeatable")


def _add_corpus(parser: argparse.ArgumentParser) -> None:
    from training import corpus_command

    corpus_command.add_arguments(parser)
    parser.set_defaults(act=corpus_command.run, needs=())


def _add_curate(parser: argparse.ArgumentParser) -> None:
    from training import curate_command

    curate_command.add_arguments(parser)
    parser.set_defaults(act=curate_command.run, needs=curate_command.NEEDS)


def _add_tokenizer(parser: argparse.ArgumentParser) -> None:
    _add_recipe(parser)
    _add_sources(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where tokenizer.json goes")
    parser.set_defaults(act=_run_tokenizer)


def _add_pretrain(parser: argparse.ArgumentParser) -> None:
    _add_recipe(parser)
    _add_sources(parser)
    parser.add_argument(
        "--curated",
        type=Path,
        metavar="DIR",
        help="learn from this folder that 'train curate' made, instead of packages or folders",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--tokens", type=_count, metavar="N", help="another budget than the recipe's")
    parser.add_argument(
        "--from",
        dest="start",
        type=Path,
        metavar="CHECKPOINT",
        help="begin with the weights of this folder instead of random ones",
    )
    parser.add_argument("--threads", type=_threads, metavar="N", help="processor threads (default: all)")
    _add_execution(parser)
    parser.set_defaults(act=_run_pretrain)


def _add_execution(parser: argparse.ArgumentParser) -> None:
    """What changes speed and memory, and losses by rounding at most."""
    parser.add_argument(
        "--micro-batch-rows",
        type=_count,
        metavar="N",
        help="rows of an update that are in memory at a time (default: the recipe's)",
    )
    parser.add_argument(
        "--recompute", action="store_true", help="compute activations twice instead of keeping them"
    )
    parser.add_argument(
        "--compile",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="compile the layers with torch.compile (default: on a GPU)",
    )
    parser.add_argument(
        "--attention",
        choices=("documents", "sdpa", "flex"),
        help="how attention is computed; flex needs a GPU (default: documents on a CPU, sdpa on a GPU)",
    )


def _add_finetune(parser: argparse.ArgumentParser) -> None:
    from training.finetuning import command

    command.add_arguments(parser)
    parser.set_defaults(act=command.run, needs=command.NEEDS)


def _add_merge(parser: argparse.ArgumentParser) -> None:
    from training.finetuning import command

    command.add_merge_arguments(parser)
    parser.set_defaults(act=command.run_merge, needs=command.NEEDS)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "checkpoint",
        type=Path,
        metavar="FOLDER",
        help="a checkpoint-… folder of a run, or any folder that transformers loads, with its tokenizer.json",
    )
    parser.add_argument("--gguf", type=Path, required=True, metavar="FILE", help="the file to write")
    parser.add_argument(
        "--type", choices=GGUF_TYPES, default="q8_0", help="how weights are stored (default: q8_0)"
    )
    parser.add_argument(
        "--name", metavar="NAME", help="what the model calls itself (default: the recipe, else the folder)"
    )
    parser.add_argument(
        "--license",
        metavar="SPDX",
        help="licence of the weights, such as Apache-2.0 (default: none is stated)",
    )
    parser.set_defaults(act=_run_export)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    from training.evaluation import command

    command.add_arguments(parser)
    parser.set_defaults(act=command.run, needs=command.NEEDS)


def _add_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="DIR", help="folder of the run")
    _add_sources(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="INDEX", help="folder of the index")
    parser.set_defaults(act=_run_index)


def _add_card(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="DIR", help="folder of a finished run")
    _add_recipe(parser)
    parser.add_argument("--gguf", type=Path, required=True, metavar="FILE", help="the exported model")
    parser.add_argument(
        "--evaluation", type=Path, required=True, metavar="FILE", help="what evaluate printed"
    )
    parser.add_argument("--tokens", type=_count, metavar="N", help="the budget, if it was not the recipe's")
    parser.add_argument(
        "--machine",
        default="",
        metavar="WORDS",
        help="what it was trained on, such as 'on two cores of a laptop'; a run does not note it",
    )
    parser.set_defaults(act=_run_card)


def run(args: argparse.Namespace) -> int:
    """Run a subcommand; raise :class:`attribution.errors.ScAttribError` for what cannot be done."""
    for module in getattr(args, "needs", _EXTRA_MODULES):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError("training", "train")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when torch is first imported
    logging.getLogger("training").setLevel(logging.INFO)
    act: Callable[[argparse.Namespace], int] = args.act
    return act(args)


def _run_tokenizer(args: argparse.Namespace) -> int:
    from attribution.index.opt_outs import OptOuts
    from training.data.prepare import ensure_tokenizer
    from training.data.select import select_files

    recipe = _recipe(args)
    opt_outs = OptOuts.of(opt_outs_in(args.opt_out))
    selection = select_files(_read_sources(args), recipe.data, opt_outs=opt_outs)
    ensure_tokenizer(args.out, selection.train, vocabulary=recipe.model.vocabulary)
    return _say(args.out)


def _run_pretrain(args: argparse.Namespace) -> int:
    from training.distributed import is_main_process, leave
    from training.execution import Execution
    from training.run import run_recipe

    if args.curated is not None and (args.tree or args.packages):
        raise UsageError("--curated names all that is learned from; leave out --tree and --packages")
    recipe = _recipe(args)
    result = run_recipe(
        recipe,
        args.out,
        files=lambda: _read_sources(args),
        curated=args.curated,
        opt_outs=opt_outs_in(args.opt_out),
        start=args.start,
        execution=Execution(compiled=args.compile, attention=args.attention, recompute=args.recompute),
        threads=args.threads,
    )
    if not is_main_process():
        return leave(0)
    sys.stderr.write(
        f"{result.state.tokens:,} tokens in {result.state.seconds / 60:.1f} minutes, "
        f"{result.bits_per_byte:.3f} bits per held-out byte\n"
    )
    return leave(_say(result.checkpoint))


def _run_export(args: argparse.Namespace) -> int:
    from assistant.quantize import GgufType
    from training.export import export_gguf

    export_gguf(
        args.checkpoint, args.gguf, gguf_type=GgufType(args.type), name=args.name, license=args.license
    )
    return _say(args.gguf)


def _run_index(args: argparse.Namespace) -> int:
    from training.data.prepare import RunLayout, index_run
    from training.data.sharded import remembered_source

    source = remembered_source(args.run)
    if source is not None:
        index = source.layout.index
        raise UsageError(
            f"{args.run} learned from a curated corpus; the index that was made with it is {index}"
        )
    opt_outs = opt_outs_in(args.opt_out)
    index_run(RunLayout(root=args.run), args.out, _read_sources(args), opt_outs=opt_outs)
    return _say(args.out)


def _run_card(args: argparse.Namespace) -> int:
    from training.card import write_card

    files = {"gguf": args.gguf, "evaluation": args.evaluation}
    return _say(write_card(_recipe(args), args.run, machine=args.machine, **files))


def _recipe(args: argparse.Namespace) -> Recipe:
    recipe = load(args.recipe)
    if getattr(args, "tokens", None):
        recipe = replace(recipe, budget=replace(recipe.budget, tokens=args.tokens))
    rows = getattr(args, "micro_batch_rows", None)
    if rows and recipe.budget.batch_rows % rows:
        raise UsageError(
            f"--micro-batch-rows {rows} does not divide the {recipe.budget.batch_rows} rows of an update"
        )
    if rows:
        recipe = replace(recipe, budget=replace(recipe.budget, micro_batch_rows=rows))
    return recipe


def _read_sources(args: argparse.Namespace) -> Iterator[SourceFile]:
    """The source files that the command line names, packages where it names none."""
    from attribution.sources.packages import read_packages
    from attribution.sources.tree import read_tree

    skipped: Counter[str] = Counter()
    for folder in args.tree or ():
        yield from read_tree(folder, skipped=skipped)
    if not args.tree:
        yield from read_packages(args.packages, skipped=skipped)
    for reason, count in sorted(skipped.items()):
        logging.getLogger(__name__).info("%d files skipped: %s", count, reason)


def _say(result: object) -> int:
    print(result)  # noqa: T201 - stdout is data
    return 0
