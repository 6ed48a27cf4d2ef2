"""``sc-attrib train evaluate``: a GGUF model in, figures out, as JSON and as tables for people."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from attribution.errors import UnreadableInputError, UsageError
from training.arguments import number, whole

NEEDS = ("llama_cpp", "tokenizers", "matplotlib")
"""Modules without which nothing can be evaluated."""
_OWN = "own"
_MOST_SAMPLES = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model, what it is measured with, and where tables go."""
    parser.add_argument("model", type=Path, metavar="GGUF", help="the model to measure")
    parser.add_argument("--held-out", type=Path, metavar="FILE", help="held_out.jsonl of a run")
    parser.add_argument(
        "--run",
        type=Path,
        metavar="DIR",
        help="folder of the run that made it, or of its curated corpus: held-out files, shards for the "
        "n-gram model, index",
    )
    parser.add_argument(
        "--index",
        type=Path,
        metavar="INDEX",
        help="index of its training files, to find what it repeats (default: the run's)",
    )
    parser.add_argument(
        "--problems",
        action="append",
        default=[],
        metavar="FILE",
        help=f"programming problems to solve in a sandbox, '{_OWN}' for the set that ships; repeatable",
    )
    parser.add_argument(
        "--samples",
        type=whole(1, _MOST_SAMPLES),
        default=20,
        metavar="N",
        help="programs a problem (default: 20)",
    )
    parser.add_argument(
        "--temperature", type=number(0, 5), default=0.2, metavar="T", help="for programs (default: 0.2)"
    )
    parser.add_argument(
        "--tasks",
        type=whole(1, 1_000_000),
        default=400,
        metavar="N",
        help="gaps to fill of each kind (default: 400)",
    )
    parser.add_argument(
        "--examples",
        type=whole(0, 1_000_000),
        default=0,
        metavar="N",
        help="show the first N lines on stderr",
    )
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write tables too, and a plot beside them (.png)"
    )


def run(args: argparse.Namespace) -> int:
    """Measure, print the figures, then write the tables."""
    from training.data.sharded import corpus_of
    from training.evaluation.evaluation import Plan, evaluate, show_examples
    from training.evaluation.problems import OWN

    corpus = None if args.run is None else corpus_of(args.run)
    held_out = args.held_out or (corpus.held_out_text if corpus else None)
    if held_out is None:
        raise UsageError("evaluate needs held-out files: name them with --held-out, or a run with --run")
    index = args.index
    if index is None and corpus is not None and corpus.index.is_dir():
        index = corpus.index
    plan = Plan(
        held_out=held_out,
        tasks=args.tasks,
        corpus=corpus,
        index=index,
        problems=tuple(OWN if name == _OWN else Path(name) for name in args.problems),
        samples=args.samples,
        temperature=args.temperature,
    )
    evaluation, answers = evaluate(args.model, plan)
    print(json.dumps(evaluation, indent=1), flush=True)  # noqa: T201 - stdout is data
    show_examples(answers[: args.examples], sys.stderr)
    if args.markdown is not None:
        from training.evaluation.report import write_report

        try:
            write_report(evaluation, args.markdown)
        except OSError as error:
            raise UnreadableInputError(
                args.markdown,
                f"cannot be written ({error.strerror or error})",
                remedy="the figures are on stdout; name another file",
            ) from error
    return 0
