"""How surely copied functions are traced, and how rarely unrelated code is accused.

    python benchmarks/accuracy.py [--functions N] [--held-out NAME …]

Indexes the Python files of every installed package but the held-out ones. Then asks for functions of 8–40
lines out of the indexed files (as they are, re-indented and re-wrapped, with 20% of their lines edited or
dropped), and for functions of the held-out packages, which nothing indexed may be accused of. A hit is a
first match whose file really holds the function. The peer is MinHash LSH over whole files (datasketch), at
the Jaccard threshold at which it answers at all.
"""

from __future__ import annotations

import argparse
import ast
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from datasketch import MinHash, MinHashLSH

from attribution.fingerprint.minhash import PERMUTATIONS, shingle_hashes, signature
from attribution.index.builder import build_index
from attribution.model import Kind, SourceFile
from attribution.sources.packages import read_packages
from attribution.span import Span
from attribution.trace import Tracer

HELD_OUT = ("networkx", "hypothesis", "fsspec", "cattrs", "pydantic", "sympy")
_LSH_THRESHOLD = 0.1
_LINE_TOLERANCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function taken out of a real file."""

    file: SourceFile
    first: int
    last: int
    code: bytes


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--functions", type=int, default=400)
    parser.add_argument("--held-out", nargs="*", default=HELD_OUT)
    args = parser.parse_args()
    indexed, held_out = _corpus(set(args.held_out))
    known = _draw(indexed, args.functions, seed=1)
    foreign = _draw(held_out, args.functions, seed=2)
    with tempfile.TemporaryDirectory() as folder:
        summary = build_index(Path(folder), indexed)
        print(f"{summary.documents:,} files indexed, {summary.source_bytes / 1e6:.0f} MB; ", end="")
        print(f"{len(known)} known and {len(foreign)} foreign functions\n")
        tracer, lsh = Tracer.open([Path(folder)]), _build_lsh(indexed)
        print(f"{'':34}{'sc-attrib':>10}{'LSH':>8}   (recall@1)")
        for name, change in CHANGES.items():
            _print_recall(name, [(f, change(f.code)) for f in known], indexed, tracer, lsh)
        _print_accusations(foreign, tracer)


def _corpus(held_out: set[str]) -> tuple[list[SourceFile], list[SourceFile]]:
    """Distinct Python files: those to index, and those of the held-out packages."""
    files = {f.swhid: f for f in read_packages(skipped=Counter()) if f.origin.path.endswith(".py")}
    inside = [f for f in files.values() if f.origin.path.split("/")[0] not in held_out]
    outside = [f for f in files.values() if f.origin.path.split("/")[0] in held_out]
    return inside, outside


def _draw(files: list[SourceFile], count: int, *, seed: int) -> list[Function]:
    """One function of 8 to 40 lines from each of ``count`` random files."""
    chance, drawn = random.Random(seed), []
    for file in chance.sample(files, len(files)):
        functions = [n for n in _functions(file) if 8 <= (n.end_lineno or 0) - n.lineno + 1 <= 40]
        if functions and len(drawn) < count:
            node = chance.choice(functions)
            last = node.end_lineno or node.lineno
            code = b"\n".join(file.content.split(b"\n")[node.lineno - 1 : last]) + b"\n"
            drawn.append(Function(file=file, first=node.lineno, last=last, code=code))
    return drawn


def _functions(file: SourceFile) -> list[ast.FunctionDef]:
    try:
        return [node for node in ast.walk(ast.parse(file.content)) if isinstance(node, ast.FunctionDef)]
    except (SyntaxError, ValueError):
        return []


def _reformat(code: bytes) -> bytes:
    """Other indentation, spaces inside brackets, long lines wrapped after commas."""
    lines = [
        line.replace(b"(", b"( ").replace(b", ", b",\n\t\t", len(line) // 60) for line in code.split(b"\n")
    ]
    return b"\n".join(b"\t" + line for line in lines)


def _edit(code: bytes) -> bytes:
    """Drop a tenth of the lines, and change a word in another tenth."""
    chance, edited = random.Random(code), []
    for line in code.split(b"\n"):
        fate = chance.random()
        words = line.split(b" ")
        if fate < 0.1:
            continue
        if fate < 0.2:
            words[chance.randrange(len(words))] = b"changed_%d" % chance.randrange(99)
        edited.append(b" ".join(words))
    return b"\n".join(edited)


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "verbatim": lambda code: code,
    "reformatted": _reformat,
    "20% of lines edited or dropped": _edit,
}


def _build_lsh(files: list[SourceFile]) -> MinHashLSH:
    lsh = MinHashLSH(threshold=_LSH_THRESHOLD, num_perm=PERMUTATIONS)
    for number, file in enumerate(files):
        lsh.insert(number, _minhash(file.content))
    return lsh


def _minhash(content: bytes) -> MinHash:
    return MinHash(hashvalues=signature(shingle_hashes(content)), scheme="affine32")


def _print_recall(
    name: str, queries: list[tuple[Function, bytes]], files: list[SourceFile], tracer: Tracer, lsh: MinHashLSH
) -> None:
    contents = {str(file.swhid): file.content for file in files}
    hits = near = peer = 0
    times = []
    for function, text in queries:
        started = time.perf_counter()
        matches = tracer.trace(text, path="query").matches
        times.append((time.perf_counter() - started) * 1e3)
        if matches and function.code.strip() in contents[str(matches[0].source.core)]:
            hits += 1
            near += _lines_agree(function, matches[0].source.lines, contents[str(matches[0].source.core)])
        peer += any(
            function.code.strip() in files[number].content for number in lsh.query(_minhash(text))[:1]
        )
    count, p99 = len(queries), statistics.quantiles(times, n=100)[98]
    print(
        f"{name:34}{hits / count:10.3f}{peer / count:8.3f}   lines within ±{_LINE_TOLERANCE}: "
        f"{near / hits:.1%}, p50 {statistics.median(times):.1f} ms, p99 {p99:.1f} ms"
    )


def _lines_agree(function: Function, lines: Span | None, content: bytes) -> bool:
    """Whether a source range is within the tolerance of a place at which the file holds the function."""
    assert lines is not None
    at = content.find(function.code.strip())
    while at >= 0:
        start = content.count(b"\n", 0, at) + 1
        if (
            max(abs(lines.first - start), abs(lines.last - start - (function.last - function.first)))
            <= _LINE_TOLERANCE
        ):
            return True
        at = content.find(function.code.strip(), at + 1)
    return False


def _print_accusations(foreign: list[Function], tracer: Tracer) -> None:
    matches = [tracer.trace(function.code, path="query").matches for function in foreign]
    accused = sum(any(match.kind is not Kind.COMMON for match in found) for found in matches)
    print(f"\nforeign functions accused: {accused / len(foreign):.1%} ({accused} of {len(foreign)})")


if __name__ == "__main__":
    main()
