"""Learn the markers by which languages are told apart, or measure how well they do.

    python docs/make_language_markers.py learn FOLDER > attribution/languages/markers.tsv
    python docs/make_language_markers.py test FOLDER

FOLDER holds one folder a language (named as in the extension table), with source files at any depth. A
snippet is 10 to 60 lines from a random place of a file. Use other projects for testing than for learning.
"""

from __future__ import annotations

import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

SNIPPETS_A_FILE = 6
MARKERS_A_LANGUAGE = 80
MIN_SHARE = 0.03


def snippets(folder: Path, lines: tuple[int, int], *, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Pairs of language and snippet, the same on every run."""
    chosen = random.Random(seed)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        text = path.read_bytes().splitlines(keepends=True)
        for _ in range(SNIPPETS_A_FILE):
            size = chosen.randint(*lines)
            start = chosen.randrange(max(1, len(text) - size + 1))
            snippet = b"".join(text[start : start + size])
            if len(snippet.split()) >= size:
                yield path.relative_to(folder).parts[0], snippet


def learn(folder: Path) -> None:
    """Print a table: marker, then the share of each language's snippets that hold it, in percent."""
    from attribution.fingerprint.tokens import tokenize

    totals: Counter[str] = Counter()
    holding: dict[str, Counter[str]] = defaultdict(Counter)
    for language, snippet in snippets(folder, (10, 60)):
        totals[language] += 1
        starts = tokenize(snippet).starts.tolist()
        tokens = [snippet[a:b].split()[0] for a, b in zip(starts, [*starts[1:], None], strict=True)]
        words = [token.decode("ascii", "ignore") for token in tokens]
        pairs = {f"{a} {b}" for a, b in pairwise(words) if a and b}
        for marker in {word for word in words if word} | pairs:
            holding[marker][language] += 1
    languages = sorted(totals)
    print("marker\t" + "\t".join(languages))
    for marker in sorted(_best(holding, totals)):
        shares = (round(100 * holding[marker][language] / totals[language]) for language in languages)
        print(marker + "\t" + "\t".join(map(str, shares)))


def _best(holding: dict[str, Counter[str]], totals: Counter[str]) -> set[str]:
    """For each language the markers whose share differs most from their share in the others."""
    best: set[str] = set()
    for language in totals:
        rated = []
        for marker, counts in holding.items():
            share = counts[language] / totals[language]
            if share >= MIN_SHARE:
                others = sorted((counts[o] / totals[o] for o in totals if o != language), reverse=True)
                rated.append((share - others[0] + 0.5 * (share - others[1]), marker))
        best.update(marker for _, marker in sorted(rated, reverse=True)[:MARKERS_A_LANGUAGE])
    return best


def test(folder: Path) -> None:
    """Print the share of snippets whose language is guessed, by length, and the usual mistakes."""
    from attribution.languages.guess import guess_language

    for lines in ((5, 5), (10, 10), (20, 20), (40, 40)):
        right: Counter[str] = Counter()
        totals: Counter[str] = Counter()
        mistakes: Counter[tuple[str, str]] = Counter()
        for language, snippet in snippets(folder, lines, seed=1):
            guessed = guess_language(snippet).name
            totals[language] += 1
            right[language] += guessed == language
            mistakes[language, guessed] += guessed != language
        mean = sum(right[name] / totals[name] for name in totals) / len(totals)
        each = "  ".join(f"{name} {right[name] / totals[name]:.2f}" for name in sorted(totals))
        print(f"{lines[0]} lines: {mean:.3f} of {sum(totals.values())} snippets\n  {each}")
        print("  " + ", ".join(f"{a} as {b}: {n}" for (a, b), n in mistakes.most_common(6)))


if __name__ == "__main__":
    {"learn": learn, "test": test}[sys.argv[1]](Path(sys.argv[2]))
