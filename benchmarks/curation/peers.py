"""datatrove's stages beside ours, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.minhash import sign
from attribution.model import SourceFile
from curation.sources import Source, megabytes, timed
from curation.stages import make_tokenizer, token_speeds
from training.data.decontamination.sets import EvaluationSet, read_texts
from training.data.decontamination.stage import DropContaminated
from training.data.dedup.exact import exact_duplicates
from training.data.dedup.near import NearDuplicates, near_duplicates
from training.data.documents import open_documents
from training.data.pii.stage import RedactPersonalData
from training.data.stage import Document

_STEPS = Path(__file__).with_name("datatrove_steps.py")
_NAMES = {
    "near": "MinHash deduplication",
    "personal data": "PIIFormatter: e-mail and IPv4 addresses only",
    "decontamination": "n-grams of the evaluation sets",
    "tokens": "tokens",
    "exact": "exact deduplication",
    "quality": "quality of prose (Gopher)",
    "reading": "reading JSON lines",
    "writing": "writing parquet",
}


def print_datatrove(python: Path, source: Source, size: float, sets: tuple[EvaluationSet, ...]) -> None:
    """A row for each of its stages, and what ours of the same purpose take for the same files."""
    files = list(source.first(size))
    texts = [file.content.decode("utf-8", "replace") for file in files]
    measured = _run(python, texts, [text.text for one in sets for text in read_texts(one)])
    if measured is None:
        return
    ours, size = _ours(files, sets), megabytes(files)
    print(f"\n| datatrove on {size:,.0f} MB | MB/s a core | dropped | ours, MB/s | times |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for step, name in _NAMES.items():
        theirs = size / measured[step]["seconds"]
        told = f"{size / ours[step]:,.1f} | {size / ours[step] / theirs:,.1f}" if step in ours else "|"
        print(f"| {name} | {theirs:,.1f} | {measured[step]['dropped']:,.0f} | {told} |", flush=True)


def _ours(files: Sequence[SourceFile], sets: tuple[EvaluationSet, ...]) -> dict[str, float]:
    """Seconds of processor time."""
    documents = open_documents(files).kept
    digests = np.frombuffer(b"".join(file.swhid.digest for file in files), dtype="V20")
    numbers = np.arange(len(files))
    seconds = {
        "near": timed(lambda: near_duplicates(_signatures(files), numbers, NearDuplicates()))[1],
        "exact": timed(lambda: exact_duplicates(digests, numbers))[1],
        "personal data": timed(lambda: RedactPersonalData()(documents))[1],
        "tokens": megabytes(files) / token_speeds(documents)[0],
    }
    return seconds | ({"decontamination": _decontamination(documents, sets)} if sets else {})


def _signatures(files: Sequence[SourceFile]) -> NDArray[np.uint32]:
    return np.stack([sign(file.content) for file in files])


def _decontamination(documents: Sequence[Document], sets: tuple[EvaluationSet, ...]) -> float:
    stage = DropContaminated(sets=sets)
    stage(documents[:1])  # makes its tables
    return timed(lambda: stage(documents))[1]


def _run(python: Path, texts: list[str], set_texts: list[str]) -> dict[str, dict[str, float]] | None:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "in").mkdir()
        with (folder / "in" / "files.jsonl").open("w") as stream:
            for number, content in enumerate(texts):
                stream.write(json.dumps({"id": str(number), "text": content}) + "\n")
        (folder / "sets.json").write_text(json.dumps(set_texts))
        make_tokenizer(texts[: 1 + len(texts) // 8]).save(str(folder / "tokenizer.json"))
        command = [python.absolute(), _STEPS.absolute(), folder]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"datatrove did not run: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    answer: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return answer
