"""datatrove's stages on JSON lines, each with its seconds of processor time; benchmarks/curate.py starts it.

    PYTHON datatrove_steps.py FOLDER

Needs ``datatrove[processing]`` and spaCy, and nothing of ours. ``FOLDER/in`` holds ``{"id", "text"}`` lines,
``FOLDER/sets.json`` texts of evaluation sets, ``FOLDER/tokenizer.json`` a tokenizer. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.decont import NGramsDecontFilter
from datatrove.pipeline.dedup import (
    ExactDedupConfig,
    ExactDedupFilter,
    ExactDedupSignature,
    ExactFindDedups,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import GopherQualityFilter
from datatrove.pipeline.formatters import PIIFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.tokens import DocumentTokenizer
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.hashing import HashConfig
from datatrove.utils.text import ngrams, simplify_text

Step = Callable[[], list[PipelineStep]]
_MINHASH = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=9, hash_config=HashConfig(precision=64))


def text_of(document: Document) -> str:
    """What exact deduplication compares."""
    return document.text


_EXACT = ExactDedupConfig(content_getter=text_of)


def main(folder: Path) -> None:
    """Run every stage once."""
    at = str(folder)
    reading, _ = _run([_reader(folder)])
    steps: dict[str, list[tuple[list[PipelineStep], int]]] = {
        "quality": [([_reader(folder), GopherQualityFilter()], 1)],
        "personal data": [([_reader(folder), PIIFormatter()], 1)],
        "decontamination": [([_reader(folder), _decontamination(folder)], 1)],
        "exact": [
            ([_reader(folder), ExactDedupSignature(f"{at}/e", config=_EXACT)], 1),
            ([ExactFindDedups(f"{at}/e", f"{at}/f", config=_EXACT)], 1),
            ([_reader(folder), ExactDedupFilter(f"{at}/f", config=_EXACT)], 1),
        ],
        "near": [
            ([_reader(folder), MinhashDedupSignature(f"{at}/s", config=_MINHASH)], 1),
            ([MinhashDedupBuckets(f"{at}/s", f"{at}/b", config=_MINHASH)], _MINHASH.num_buckets),
            ([MinhashDedupCluster(f"{at}/b", f"{at}/r", config=_MINHASH)], 1),
            ([_reader(folder), MinhashDedupFilter(f"{at}/r")], 1),
        ],
        "tokens": [
            (
                [
                    _reader(folder),
                    DocumentTokenizer(f"{at}/t", tokenizer_name_or_path=f"{at}/tokenizer.json"),
                ],
                1,
            )
        ],
        "writing": [([_reader(folder), ParquetWriter(f"{at}/p", compression="zstd")], 1)],
    }
    found = {"reading": {"seconds": reading, "dropped": 0}}
    for name, runs in steps.items():
        answers = [_run(run, tasks) for run, tasks in runs]
        seconds = sum(took for took, _ in answers) - reading * sum(_reads(run) for run, _ in runs)
        found[name] = {"seconds": max(seconds, 1e-9), "dropped": sum(dropped for _, dropped in answers)}
    print(json.dumps(found))


def _reader(folder: Path) -> PipelineStep:
    return JsonlReader(str(folder / "in"), compression=None)


def _reads(steps: list[PipelineStep]) -> bool:
    return isinstance(steps[0], JsonlReader)


def _run(steps: list[PipelineStep], tasks: int = 1) -> tuple[float, int]:
    """Seconds of processor time and documents dropped; one worker runs in this process."""
    start = time.process_time()
    stats = LocalPipelineExecutor(steps, tasks=tasks, workers=1, logging_dir=None).run()
    seconds = time.process_time() - start
    return seconds, sum(int(s.stats["dropped"].total) for s in stats.stats if "dropped" in s.stats)


def _decontamination(folder: Path) -> NGramsDecontFilter:
    """Its filter over the texts; its own indexer would want lighteval, which downloads the sets."""
    index = folder / "index"
    index.mkdir()
    step = NGramsDecontFilter(str(index))
    hashes = {
        step.hash_func(" ".join(gram))
        for text in json.loads((folder / "sets.json").read_text("utf-8"))
        for gram in ngrams(
            step.tokenizer.word_tokenize(simplify_text(text, step.config.norm_config)), step.config.n_grams
        )
    }
    np.array(sorted(hashes), dtype=step.config.hash_config.np_descr).tofile(index / "sets.index.hashes")
    return step


if __name__ == "__main__":
    main(Path(sys.argv[1]))
