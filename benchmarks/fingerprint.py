"""How fast files are fingerprinted on one core, beside hashing them and beside datasketch.

    python benchmarks/fingerprint.py [--megabytes N]

The corpus is this interpreter's standard library. Goal: literal seeds at 25 MB/s or more.
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

from attribution.fingerprint.lines import line_sketches
from attribution.fingerprint.minhash import PERMUTATIONS, shingle_hashes, signature
from attribution.fingerprint.seeds import all_seeds, winnow
from attribution.fingerprint.tokens import tokenize
from attribution.sources.tree import read_tree

GOAL_MB_PER_S = 25.0
_ROUNDS = 3
_SLOW_SHARE = 20
"""datasketch is measured on every 20th file: its rate does not depend on how many there are."""
_WORD = re.compile(rb"\w+")


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=float, default=20.0, help="size of the corpus (default: 20)")
    corpus = _corpus(parser.parse_args().megabytes)
    size = sum(map(len, corpus)) / 1e6
    print(f"{len(corpus):,} files, {size:.1f} MB, Python {sys.version.split()[0]}, best of {_ROUNDS}\n")
    rates = {
        "git SHA-1 (hashlib)": _rate(corpus, lambda c: hashlib.sha1(c).digest()),
        "literal seeds: tokens, k-grams, winnowing": _rate(corpus, _literal_seeds),
        "line sketches, tokens included": _rate(corpus, lambda c: line_sketches(tokenize(c))),
        "MinHash, 128 permutations, ours": _rate(corpus, lambda c: signature(shingle_hashes(c))),
        "MinHash, 128 permutations, datasketch": _rate(corpus[::_SLOW_SHARE], _datasketch),
    }
    base = rates["MinHash, 128 permutations, datasketch"]
    print(f"{'':44}{'MB/s':>9}{'× datasketch':>15}")
    for name, rate in rates.items():
        print(f"{name:44}{rate:9.1f}{rate / base:15.1f}")
    seeds = rates["literal seeds: tokens, k-grams, winnowing"]
    print(f"\ngoal: seeds at {GOAL_MB_PER_S:g} MB/s: {'reached' if seeds >= GOAL_MB_PER_S else 'missed'}")


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
        started = time.perf_counter()
        for content in corpus:
            work(content)
        best = min(best, time.perf_counter() - started)
    return sum(map(len, corpus)) / 1e6 / best


def _literal_seeds(content: bytes) -> object:
    return winnow(all_seeds(tokenize(content)), window=16)


def _datasketch(content: bytes) -> object:
    words = _WORD.findall(content.lower())
    minhash = MinHash(num_perm=PERMUTATIONS)
    minhash.update_batch([b" ".join(words[at : at + 5]) for at in range(max(1, len(words) - 4))])
    return minhash


if __name__ == "__main__":
    main()
