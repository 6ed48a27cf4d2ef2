"""How fast code is curated, stage by stage and as a whole, beside datasketch's loop and datatrove.

    python benchmarks/curate.py [--megabytes N]… [--corpus DIR | --tree DIR] [--datatrove PYTHON]

Real files: an assembled corpus (docs/corpus.md) under its own licences, or the installed packages and the
standard library, or the code below ``--tree``. Figures are megabytes of source a second of processor time, so
a busy machine does not change them much; reading the sources is measured by ingest.py and not counted.

Every stage of the recipe ``starcoder2``, and what options add to it, sees the same documents. The reference
of *deduplication* is the loop that The Stack's own script runs (datasketch's ``MinHash``, a query of
``MinHashLSH`` at 0.7 before each insertion). Deduplication and the *whole pipeline*, which reads and writes
parquet between its halves and at its end, run at several sizes; the pipeline in a process of its own each
time. Tokens are a line of their own: nearly all of it is the tokenizer.

``--datatrove`` names the interpreter of an environment with ``datatrove[processing]`` and spaCy; its stages
run there (benchmarks/curation/datatrove_steps.py) on the first ``--peer-megabytes``. ``--only`` runs parts,
which several processes may do at once.
"""

from __future__ import annotations

import argparse
import sysconfig
from collections.abc import Callable
from pathlib import Path

from curation.copies import print_copies
from curation.peers import print_datatrove
from curation.sources import Source
from curation.stages import print_stages
from curation.whole import print_whole

from training.data.corpus.reading import held_out_origins
from training.data.decontamination.sets import EvaluationSet
from training.recipes.curation.starcoder2 import RECIPE


def main() -> None:
    """Measure and print."""
    args = _arguments()
    roots = args.tree or [Path(sysconfig.get_paths()[name]) for name in ("stdlib", "purelib")]
    source = Source(corpus=args.corpus, trees=tuple(roots))
    sets = tuple(map(EvaluationSet.of, args.evaluation_set))
    recipe = RECIPE.with_evaluation_sets(sets)
    if args.corpus:
        recipe = recipe.with_held_out(held_out_origins(args.corpus))
    sizes = sorted(args.megabytes or (30, 60, 120))
    parts: dict[str, Callable[[], None]] = {
        "stages": lambda: print_stages(source, sizes[-1], recipe),
        "copies": lambda: print_copies(source, sizes, args.reference_megabytes),
        "whole": lambda: print_whole(source, sizes, recipe),
        "datatrove": lambda: print_datatrove(args.datatrove, source, args.peer_megabytes, sets),
    }
    for name in args.only or parts:
        if name != "datatrove" or args.datatrove:
            parts[name]()


def _arguments() -> argparse.Namespace:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument(
        "--megabytes",
        type=int,
        action="append",
        metavar="N",
        help="a size; repeatable (default: 30, 60, 120)",
    )
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="an assembled corpus to read")
    parser.add_argument("--tree", type=Path, action="append", metavar="DIR", help="code to read; repeatable")
    parser.add_argument(
        "--evaluation-set", type=Path, action="append", default=[], metavar="FILE", help="to decontaminate by"
    )
    parser.add_argument("--datatrove", type=Path, metavar="PYTHON", help="an interpreter that has datatrove")
    parser.add_argument(
        "--peer-megabytes", type=int, default=60, metavar="N", help="for datatrove (default: 60)"
    )
    parser.add_argument(
        "--reference-megabytes", type=int, default=300, metavar="N", help="for datasketch (default: 300)"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=("stages", "copies", "whole", "datatrove"),
        help="parts; repeatable",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
