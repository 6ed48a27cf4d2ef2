"""How surely copied code is traced to its source, and how rarely unrelated code is accused.

    python benchmarks/accuracy.py [--quick] [--functions N] [--by-language] [--report FILE] [--peers NAME …]

Real code of five languages (``tracing/corpora.py``: fetched and cached, new versions indexed) is asked for as
people copy it (``tracing/questions.py``, ``tracing/changes.py``): functions of 8–40 lines and at least 20
tokens as they are, re-indented and re-wrapped, with 20% of their lines edited or dropped, with a third or all
of their names changed (every word that is no keyword, also ``self``, attributes and types), with all names
changed and 20% of the lines edited or the statements of the body in another order, with all comments
translated, pasted between two functions of a strange file; five lines in a row of a function (12 tokens or
more, at most one line without a letter); the old version of a file whose successor is indexed (same path, at
least half of the lines shared). Functions and whole files of packages that are not indexed must not be
flagged; where one really stands in the file that is named, white space apart, it does not count.

A hit is a first match whose file holds the function, white space apart (for whole files: is the successor),
also where it is judged common code; how often that is has a table of its own. Where names were changed, a
range that is the function but for a consistent renaming is a hit as well: nobody can tell the two apart.
Lines are right within ±2 of a place where the function stands; for pasted code on both sides. ``flagged`` is
any match but ``common``. Peers answer the same questions; what is slow answers the first of each kind.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from tracing.corpora import DEFAULT_CORPUS, read_corpus
from tracing.corpus_packages import CorpusError
from tracing.finders import Finder, sc_attrib_columns
from tracing.peers import Bm25, Lsh, Winnowing
from tracing.questions import Question, Truth, first_of_each, read_questions
from tracing.results import measure, print_tables, write_report
from tracing.slow_peers import CopyDetect, InfiniGram

_FUNCTIONS = 400
_QUICK_FUNCTIONS = 60


def main() -> None:
    """Measure, and print the tables."""
    args = _arguments()
    started = time.perf_counter()
    try:
        corpus = read_corpus(args.corpus, quick=args.quick)
    except CorpusError as error:
        sys.exit(f"accuracy: {error}")
    print(corpus.describe())
    folder = args.corpus / "indexes" / corpus.key
    count = args.functions or (_QUICK_FUNCTIONS if args.quick else _FUNCTIONS)
    questions = read_questions(corpus, count, folder)
    print(f"{len(questions):,} questions; cache in {args.corpus}\n")
    truth = Truth(corpus.indexed)
    columns = [
        measure(finder, questions, corpus.indexed, truth, folder) for finder in _finders(args, questions)
    ]
    source_bytes = sum(len(file.content) for file in corpus.indexed)
    print_tables(columns, source_bytes, by_language=args.by_language)
    if args.report:
        write_report(args.report, columns)
        print(f"\nevery miss and every accusation: {args.report}")
    print(f"\n{time.perf_counter() - started:.0f} s in all")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="few packages, functions and peers: about a minute"
    )
    parser.add_argument("--functions", type=int, help=f"functions a language ({_FUNCTIONS})")
    parser.add_argument("--by-language", action="store_true", help="each row for every language too")
    parser.add_argument("--report", type=Path, help="write every miss and every accusation into this file")
    parser.add_argument("--corpus", type=Path, default=DEFAULT_CORPUS, help="cache folder")
    parser.add_argument("--peers", nargs="*", help="only these peers; none without a name (default: all)")
    parser.add_argument(
        "--lanes", nargs="*", help="only these lanes alone; none without a name (default: all)"
    )
    parser.add_argument("--vectors", action="store_true", help="with the lane of vectors")
    parser.add_argument("--rebuild", action="store_true", help="build sc-attrib's index anew")
    return parser.parse_args()


def _finders(args: argparse.Namespace, questions: list[Question]) -> list[Finder]:
    """The columns, in their order."""
    own = [
        column
        for column in sc_attrib_columns(rebuild=args.rebuild, with_vectors=args.vectors)
        if column.lanes is None or args.lanes is None or column.name in args.lanes
    ]
    peers = _peers(questions)
    if args.peers is None:
        slow = (InfiniGram, CopyDetect) if args.quick else ()
        return [*own, *(peer for peer in peers if not isinstance(peer, slow))]
    return [*own, *(peer for peer in peers if peer.name.startswith(tuple(args.peers)))]


def _peers(questions: list[Question]) -> list[Finder]:
    """Every peer that is installed; copydetect is given the files that its questions come from."""
    wanted = frozenset(question.source for question in first_of_each(questions, CopyDetect.most))
    peers = (Bm25(), Winnowing(), Lsh(0.1), Lsh(0.5), InfiniGram(), CopyDetect(wanted))
    missing = dict.fromkeys(peer.needs for peer in peers if find_spec(peer.needs) is None)
    if missing:
        names = " ".join(missing).replace("_", "-")
        print(f"peers left out, as they are not installed: pip install {names}", file=sys.stderr)
    return [peer for peer in peers if peer.needs not in missing]


if __name__ == "__main__":
    main()
