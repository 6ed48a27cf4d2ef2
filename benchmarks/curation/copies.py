"""Deduplication beside the loop that The Stack's own script runs, over the same files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray

from attribution.fingerprint.minhash import sign
from attribution.model import SourceFile
from curation.sources import Source, batches, megabytes, timed, verdict
from training.data.dedup.exact import exact_duplicates
from training.data.dedup.near import NearDuplicates, near_duplicates

_GOAL = 5.0
_WORDS = re.compile(rb"\W+")


def print_copies(source: Source, sizes: Sequence[float], reference_size: float) -> None:
    """A row for each size in megabytes, ascending; the reference sees the files up to one of them."""
    print(
        "\n| deduplication of | ours, MB/s | equal, nearly equal | datasketch's loop | nearly equal | times |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    both, waiting = _SideBySide(reference_size=reference_size), list(sizes)
    for files in batches(source.first(waiting[-1])):
        both.add(files)
        while waiting and both.megabytes >= waiting[0]:
            waiting.pop(0)
            both.print_row()
    if waiting:
        both.print_row()


@dataclass(slots=True)
class _SideBySide:
    """Ours and datasketch's, file by file."""

    reference_size: float
    lsh: MinHashLSH = field(default_factory=lambda: MinHashLSH(threshold=0.7, num_perm=128))
    signatures: list[NDArray[np.uint32]] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    megabytes: float = 0.0
    our_seconds: float = 0.0
    reference_megabytes: float = 0.0
    reference_seconds: float = 0.0
    reference_dropped: int = 0

    def add(self, files: Sequence[SourceFile]) -> None:
        """Sign files, and let datasketch's loop see those that are not equal to one before."""
        digests = [file.swhid.digest for file in files]
        if self.megabytes < self.reference_size:
            seen = {*self.digests}
            distinct = {d: f for d, f in zip(digests, files, strict=True) if d not in seen}
            first = len(self.signatures)
            dropped, seconds = timed(partial(self._reference, list(enumerate(distinct.values(), first))))
            self.reference_seconds += seconds
            self.reference_dropped += dropped
            self.reference_megabytes += megabytes(files)
        signed, seconds = timed(lambda: [sign(file.content) for file in files])
        self.our_seconds += seconds
        self.signatures += signed
        self.digests += digests
        self.megabytes += megabytes(files)

    def _reference(self, files: Sequence[tuple[int, SourceFile]]) -> int:
        """5-grams of lowercase words, a query before each insertion; how many had a copy."""
        dropped = 0
        for number, file in files:
            words = [word for word in _WORDS.split(file.content.lower()) if word]
            grams = {b" ".join(words[at : at + 5]) for at in range(max(1, len(words) - 4))}
            minhash = MinHash(num_perm=128)
            minhash.update_batch(grams)
            dropped += bool(self.lsh.query(minhash))
            self.lsh.insert(number, minhash)
        return dropped

    def print_row(self) -> None:
        """What the files so far took; ours with its clusters."""
        (equal, near), seconds = timed(self._cluster)
        ours = self.megabytes / (self.our_seconds + seconds)
        reference = self.reference_megabytes / self.reference_seconds
        is_whole = self.reference_megabytes == self.megabytes
        found = f"{self.reference_dropped:,}" if is_whole else f"of {self.reference_megabytes:,.0f} MB"
        times = f"{ours / reference:.0f} {verdict(ours / reference >= _GOAL)}"
        told = f"{ours:.0f} | {equal:,}, {near:,} | {reference:.1f} | {found} | {times}"
        print(f"| {self.megabytes:,.0f} MB | {told} |", flush=True)

    def _cluster(self) -> tuple[int, int]:
        numbers = np.arange(len(self.signatures))
        digests = np.frombuffer(b"".join(self.digests), dtype="V20")
        distinct = np.flatnonzero(exact_duplicates(digests, numbers) == numbers)
        keepers = near_duplicates(np.stack(self.signatures), numbers, NearDuplicates(), among=distinct)
        return len(numbers) - len(distinct), int(np.count_nonzero(keepers != numbers))
