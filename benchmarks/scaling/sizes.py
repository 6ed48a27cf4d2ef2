"""What an index of ours spends its bytes on, by group of arrays."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

_GROUPS = (
    ("literal seeds", ("literal_", "seed_", "common_seeds")),
    ("structural seeds", ("structural_",)),
    ("line sketches", ("sketches", "structure_sketches", "line_base")),
    ("MinHash", ("signatures", "band_")),
    ("words", ("words_", "word_")),
)
DOCUMENTS, CHECKSUMS = "documents", "checksums and headers"
SEED_LANES = ("literal seeds", "structural seeds", "line sketches", DOCUMENTS, CHECKSUMS)


def group_of(array: str) -> str:
    """The group that an array counts to, by its name."""
    return next((group for group, starts in _GROUPS if array.startswith(starts)), DOCUMENTS)


def group_sizes(directory: Path) -> Counter[str]:
    """Bytes of each group over all segments of an index."""
    from attribution.index.arrays import ArrayFile

    sizes: Counter[str] = Counter()
    for path in sorted(directory.glob("segments/*/arrays.bin")):
        arrays = _read_arrays(ArrayFile(path))
        sizes.update(arrays)
        sizes[CHECKSUMS] += path.stat().st_size - sum(arrays.values())
    return sizes


def _read_arrays(file: object) -> Counter[str]:
    """Bytes by group from the header of one file: {name: [dtype, count, offset]}."""
    import numpy as np

    header = getattr(file, "_header")  # noqa: B009 - there is no public way to ask
    sizes: Counter[str] = Counter()
    for name, (dtype, count, _) in header["arrays"].items():
        sizes[group_of(name)] += np.dtype(dtype).itemsize * count
    return sizes
