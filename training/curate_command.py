"""``sc-attrib train curate``: sources in, training shards out, and a data card that says what was dropped."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.commands.choice import choice_of
from attribution.commands.opt_outs import add_opt_outs, opt_outs_in
from attribution.commands.sources import add_sources, names_a_source, read_sources
from training.arguments import whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attribution.model import SourceFile
    from training.recipes.curation.recipe import CurationRecipe

NEEDS = ("pyarrow", "tokenizers")
"""Modules without which nothing can be curated."""
_DEFAULT_RECIPE = "starcoder2"
_MOST_PROCESSES = 256
_VOCABULARY_MULTIPLE = 128
_LEAST_VOCABULARY = 384
_MOST_IDS = 1 << 16
"""Tokens are stored in 16 bits."""
_LEAST_ROW = 128
"""Names and paths take up to a quarter of a row, and a file is begun only where 64 tokens of it fit."""
_TELL_SECONDS = 2.0
_SOURCE_OPTIONS = (
    "packages",
    "tree",
    "git",
    "archive",
    "stack_v2",
    "stack_v3",
    "origin",
    "leave_out",
    "history",
    "documentation",
    "issues",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is read, by which rules, and where the result goes."""
    _add_sources(parser)
    _add_rules(parser)
    _add_tokens(parser)
    parser.add_argument(
        "--processes",
        type=whole(1, _MOST_PROCESSES),
        default=os.cpu_count() or 1,
        metavar="N",
        help="work on so many shards at once (default: one a core); the result is the same",
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="work on the machines of this Ray cluster, which must share DIR under one path: HOST:PORT, "
        "auto, or local for one that ends with the run; the result is the same",
    )


def _add_sources(parser: argparse.ArgumentParser) -> None:
    add_sources(parser)
    parser.add_argument(
        "--corpus",
        type=Path,
        metavar="DIR",
        help="what 'sc-attrib train corpus' assembled; its projects for evaluation are held out",
    )
    parser.add_argument(
        "--documentation",
        action="store_true",
        help="read what documents projects beside their code: readmes, Markdown, folders of documentation",
    )
    parser.add_argument(
        "--issues",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="issues and pull requests: events of GH Archive, pages of GitHub's REST API, or exports of gh, "
        "as JSON, gzipped or not; repeatable",
    )
    parser.add_argument(
        "--unlicensed-issues",
        action="store_true",
        help="keep issues though nobody licensed them; without it only those that --opt-in covers",
    )
    add_opt_outs(parser, "keep nothing that this list names; repeatable")
    parser.add_argument(
        "--opt-in",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="keep what this list names whatever its licence, as its owners said; repeatable",
    )


def _add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--recipe",
        default=_DEFAULT_RECIPE,
        metavar="NAME",
        help=f"rules to follow (default: {_DEFAULT_RECIPE})",
    )
    parser.add_argument("--recipes", action=_ListRecipes, help="list the recipes and exit")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the run; the same one goes on with it",
    )
    parser.add_argument(
        "--evaluation-set",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="drop what holds items of it: HumanEval, MBPP, DS-1000, GSM8K, APPS, MultiPL-E; repeatable",
    )
    parser.add_argument(
        "--evaluation-field",
        action="append",
        default=[],
        metavar="NAME",
        help="a field with text, for sets of any other format; repeatable",
    )
    parser.add_argument(
        "--clamd",
        metavar="ADDRESS",
        help="look for malware here, or stop: a path or tcp://HOST:PORT (default: where Debian has it)",
    )
    parser.add_argument(
        "--held-out",
        action="append",
        default=[],
        metavar="NAME",
        help="measure on this package or URL, and learn from nothing that is like it; repeatable",
    )


def _add_tokens(parser: argparse.ArgumentParser) -> None:
    tokenizer = parser.add_mutually_exclusive_group()
    tokenizer.add_argument(
        "--tokenizer",
        type=Path,
        metavar="FILE",
        help="a tokenizer.json to use (default: one is trained on what is kept)",
    )
    tokenizer.add_argument(
        "--vocabulary",
        type=whole(_LEAST_VOCABULARY, _MOST_IDS, multiple_of=_VOCABULARY_MULTIPLE),
        metavar="N",
        help="ids of the tokenizer that is trained, a multiple of 128 (default: the recipe's)",
    )
    parser.add_argument(
        "--row-tokens",
        type=whole(_LEAST_ROW, _MOST_IDS),
        metavar="N",
        help="length of a row, at most the context of the model (default: the recipe's)",
    )


def run(args: argparse.Namespace) -> int:
    """Curate; print the path of the data card."""
    from training.data.engine.curate import curate
    from training.data.engine.curation import Curation
    from training.data.engine.layout import CurationLayout
    from training.tokenizer import control_ids, load_tokenizer

    if args.tokenizer is not None:
        control_ids(load_tokenizer(args.tokenizer))  # complains now, not when everything else is done
    recipe = _recipe(args)
    if args.corpus is None and (names_a_source(args) or not args.issues):
        read_sources(args, skipped=Counter())  # complains at once where nothing is named

    def sources(skipped: Counter[str]) -> Iterator[SourceFile]:
        return _read(args, skipped)

    card = curate(
        Curation(
            layout=CurationLayout(root=args.out),
            recipe=recipe,
            sources=sources,
            source_names=_source_names(args),
            tokenizer=args.tokenizer,
            processes=args.processes,
            ray=args.ray,
            tell=_Progress(),
        )
    )
    print(card)  # noqa: T201 - stdout is data
    return 0


def _read(args: argparse.Namespace, skipped: Counter[str]) -> Iterator[SourceFile]:
    """The corpus, then the other sources, then issues."""
    from attribution.index.opt_outs import OptOuts
    from training.data.conversations.source import read_conversations
    from training.data.corpus.reading import read_corpus
    from training.data.engine.layout import CurationLayout

    if args.corpus is not None:
        yield from read_corpus(args.corpus, skipped=skipped, choice=choice_of(args))
    if names_a_source(args):
        yield from read_sources(args, skipped=skipped)
    if args.issues:
        yield from read_conversations(
            args.issues,
            skipped=skipped,
            opt_outs=OptOuts.of(opt_outs_in(args.opt_out)),
            scratch=CurationLayout(root=args.out).work,
        )


def _held_out(args: argparse.Namespace) -> tuple[str, ...]:
    """What is named here, and the corpus's projects for evaluation."""
    from training.data.corpus.reading import held_out_origins

    return (*args.held_out, *(held_out_origins(args.corpus) if args.corpus is not None else ()))


def _recipe(args: argparse.Namespace) -> CurationRecipe:
    """The named recipe with what the options add to it."""
    from training.data.decontamination.sets import EvaluationSet
    from training.recipes.curation.fertility import measured_with
    from training.recipes.curation.registry import load

    fields = tuple(args.evaluation_field)
    sets = tuple(EvaluationSet.of(path.absolute(), fields=fields) for path in args.evaluation_set)
    recipe = measured_with(load(args.recipe), args.tokenizer)
    recipe = recipe.with_held_out(_held_out(args)).with_evaluation_sets(sets)
    recipe = recipe.with_opt_outs(opt_outs_in(args.opt_out))
    recipe = recipe.with_opt_ins(opt_outs_in(args.opt_in), issues=args.unlicensed_issues)
    recipe = recipe.with_rows(vocabulary=args.vocabulary, row_tokens=args.row_tokens)
    return recipe if args.clamd is None else recipe.with_clamd(args.clamd)


def _source_names(args: argparse.Namespace) -> tuple[str, ...]:
    """What is read, for the configuration; paths as absolute ones."""
    from training.data.corpus.reading import name_of

    names = [] if args.corpus is None else [name_of(args.corpus)]
    for option in _SOURCE_OPTIONS:
        value = getattr(args, option, None)
        values = sorted(map(str, value)) if isinstance(value, frozenset) else value
        for item in values if isinstance(values, list) else [values]:
            if item is not None:
                shown = item.resolve().as_posix() if isinstance(item, Path) else item
                names.append(f"{option} {shown}".strip())
    return tuple(names)


class _ListRecipes(argparse.Action):
    """Print a line a recipe, and end."""

    def __init__(self, option_strings: list[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Write them to standard output; exit code 0."""
        from training.recipes.curation.registry import summaries

        sys.stdout.write("".join(f"{line}\n" for line in summaries()))
        parser.exit()


class _Progress:
    """Says on standard error how far it is, now and then, and at once when another step begins."""

    def __init__(self) -> None:
        self._told = 0.0
        self._step = ""

    def __call__(self, line: str) -> None:
        now, step = time.monotonic(), line.partition(" ")[0]
        if step != self._step or now - self._told >= _TELL_SECONDS:
            self._told, self._step = now, step
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
