"""How fast files are fingerprinted on one core, beside hashing them and beside datasketch.

    python benchmarks/fingerprint.py [--megabytes N]

The corpus is this interpreter's standard library. Goals: the literal print (tokens, seeds, winnowing, line
sketches) at 150 MB/s or more, with the structural one 80, MinHash 60.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from datasketch import MinHash

from attribution.fingerprint.fingerprint import fingerprint
from attribution.fingerprint.minhash import PERMUTATIONS, sign
from attribution.fingerprint.query import query_print
from attribution.fingerprint.structure import structural_seeds, structure
from attribution.languages import language_named
from attribution.sources.tree import read_tree

PYTHON = language_named("Python")
LITERAL, STRUCTURAL, MINHASH = (
    "literal print",
    "literal and structural print",
    "MinHash, 128 permutations, ours",
)
PEER = "MinHash, 128 permutations, datasketch"
GOALS_MB_PER_S = {LITERAL: 150.0, STRUCTURAL: 80.0, MINHASH: 60.0}
_ROUNDS = 3
_SNIPPET_LINES = 40
_SLOW_SHARE = 20
"""datasketch is measured on every 20th file: its rate does not depend on how many there are."""
_WORD = re.compile(rb"\w+")


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=float, default=20.0, help="size of the corpus (default: 20)")
    corpus = _corpus(parser.parse_args().megabytes)
    size = sum(map(len, corpus)) / 1e6
    print(
        f"{len(corpus):,} files, {size:.1f} MB, Python {sys.version.split()[0]}, "
        f"processor time, best of {_ROUNDS}\n"
    )
    rates = {
        "git SHA-1 (hashlib)": _rate(corpus, lambda c: hashlib.sha1(c).digest()),
        LITERAL: _rate(corpus, lambda c: _print(c, with_structure=False)),
        "structural stream and its dense seeds": _rate(
            corpus, lambda c: structural_seeds(structure(c, PYTHON))
        ),
        STRUCTURAL: _rate(corpus, lambda c: _print(c, with_structure=True)),
        MINHASH: _rate(corpus, sign),
        PEER: _rate(corpus[::_SLOW_SHARE], _datasketch),
    }
    print(f"{'':44}{'MB/s':>9}{'× datasketch':>15}")
    for name, rate in rates.items():
        print(f"{name:44}{rate:9.1f}{rate / rates[PEER]:15.1f}")
    print()
    for name, goal in GOALS_MB_PER_S.items():
        print(f"goal: {name} at {goal:g} MB/s: {'reached' if rates[name] >= goal else 'missed'}")
    print(f"\na query of {_SNIPPET_LINES} lines: {_query_microseconds(corpus):.0f} µs on average")


def _corpus(megabytes: float) -> list[bytes]:
    contents, size = [], 0
    for file in read_tree(Path(sysconfig.get_paths()["stdlib"]), skipped=Counter()):
        contents.append(file.content)
        size += len(file.content)
        if size >= megabytes * 1e6:
            break
    return contents


def _rate(corpus: list[bytes], work: Callable[[bytes], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.process_time()
        for content in corpus:
            work(content)
        best = min(best, time.process_time() - started)
    return sum(map(len, corpus)) / 1e6 / best


def _print(content: bytes, *, with_structure: bool) -> object:
    return fingerprint(
        content, language=PYTHON, window_tokens=16, with_structure=with_structure, with_signature=False
    )


def _query_microseconds(corpus: list[bytes]) -> float:
    """Mean time to prepare a snippet for looking up."""
    snippets = [b"\n".join(content.split(b"\n")[:_SNIPPET_LINES]) for content in corpus]
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.process_time()
        for snippet in snippets:
            query_print(snippet, language=PYTHON)
        best = min(best, time.process_time() - started)
    return best / len(snippets) * 1e6


def _datasketch(content: bytes) -> object:
    words = _WORD.findall(content.lower())
    minhash = MinHash(num_perm=PERMUTATIONS)
    minhash.update_batch([b" ".join(words[at : at + 5]) for at in range(max(1, len(words) - 4))])
    return minhash


if __name__ == "__main__":
    main()
