"""What tuning to a repository brings: single-line infill on its held-out files, base against tuned.

Both models are GGUF files of one type and fill the same gaps through llama.cpp, in the order in which the
language server prompts. The difference is that of pairs, with percentile bootstrap intervals over lines, and
over files, since lines of one file are alike.

    python benchmarks/finetune.py --git REPO --out RUN -- --rank 16 --rate 2e-3 --updates 150

What stands behind ``--`` goes to ``sc-attrib train finetune``. A finished run, and a model that was measured
before, are not made or measured again; delete ``answers-*.jsonl`` where the held-out files have changed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from assistant.fim import FimOrder
from training.evaluation.bootstrap import interval
from training.evaluation.held_out import read_held_out
from training.evaluation.infill import InfillTask, draw_tasks, fill
from training.finetuning.command import shipped_model
from training.served import LlamaModel

_SAMPLES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What one model made of all tasks, in their order."""

    exact: list[bool]
    similarity: list[float]
    valid: list[bool | None]


def main() -> int:
    """Tune, measure both, print a table."""
    args = _parse()
    tuned, base = args.out / "model.gguf", args.base or shipped_model()
    if not tuned.is_file():
        _tune(args)
    tasks = _tasks(args.out / "held_out.jsonl", base, args.tasks)
    answers = {
        name: _measured(path, tasks, args.out / f"answers-{name}.jsonl", args.threads)
        for name, path in (("base", base), ("tuned", tuned))
    }
    _print(tasks, answers["base"], answers["tuned"])
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--git", required=True, help="the repository")
    parser.add_argument("--base", type=Path, help="GGUF file to tune (default: the shipped model)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tuning run")
    parser.add_argument("--tasks", type=int, default=600)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("options", nargs="*", help="for sc-attrib train finetune, behind --")
    return parser.parse_args()


def _tune(args: argparse.Namespace) -> None:
    command = [str(Path(sys.executable).with_name("sc-attrib")), "train", "finetune", "--git", args.git]
    base = ["--base", str(args.base)] if args.base else []
    subprocess.run([*command, *base, "--out", str(args.out), *args.options], check=True)


def _tasks(held_out: Path, base: Path, count: int) -> list[InfillTask]:
    """Different lines, drawn by files' lengths; cut where the base's tokens end."""
    model = LlamaModel(base)
    drawn = draw_tasks(read_held_out(held_out), model, count=4 * count)
    model.close()
    by_line = {(task.path, task.prefix.count(b"\n")): task for task in reversed(drawn)}
    return list(reversed(by_line.values()))[:count]


def _measured(path: Path, tasks: list[InfillTask], record: Path, threads: int) -> Answers:
    """Fill every gap, a line of the record each; go on where an earlier measurement stopped."""
    done = record.read_text().splitlines() if record.is_file() else []
    if len(done) < len(tasks):
        model = LlamaModel(path, threads=threads)
        with record.open("a") as stream:
            for task in tqdm(tasks[len(done) :], desc=record.stem, initial=len(done), total=len(tasks)):
                answer = fill(task, model, order=FimOrder.SPM)
                done.append(json.dumps([answer.is_exact, answer.similarity, answer.is_valid]))
                stream.write(done[-1] + "\n")
                stream.flush()
        model.close()
    exact, similarity, valid = zip(*map(json.loads, done[: len(tasks)]), strict=True)
    return Answers(exact=list(exact), similarity=list(similarity), valid=list(valid))


def _print(tasks: list[InfillTask], base: Answers, tuned: Answers) -> None:
    print(f"{len(tasks)} lines of {len({task.path for task in tasks})} held-out files\n")
    print("| | base | tuned | difference | 95%, lines | 95%, files |")
    print("| --- | --- | --- | --- | --- | --- |")
    paths = [task.path for task in tasks]
    for name, before, after in (
        ("exact match", base.exact, tuned.exact),
        ("edit similarity", base.similarity, tuned.similarity),
    ):
        gains = [float(b) - float(a) for a, b in zip(before, after, strict=True)]
        low, high = interval(gains)
        file_low, file_high = _interval_over_files(gains, paths)
        print(
            f"| {name} | {np.mean(before):.1%} | {np.mean(after):.1%} | {np.mean(gains):+.1%} | "
            f"{low:+.1%} to {high:+.1%} | {file_low:+.1%} to {file_high:+.1%} |"
        )
    for name, answers in (("base", base), ("tuned", tuned)):
        valid = [is_valid for is_valid in answers.valid if is_valid is not None]
        print(f"\n{name}: valid syntax after insertion {np.mean(valid):.1%}", end="")
    print()


def _interval_over_files(gains: list[float], paths: list[str]) -> tuple[float, float]:
    """95% interval of the mean where whole files are drawn again."""
    by_file: defaultdict[str, list[float]] = defaultdict(list)
    for gain, path in zip(gains, paths, strict=True):
        by_file[path].append(gain)
    sums = np.array([(sum(group), len(group)) for group in by_file.values()])
    random = np.random.default_rng(0)
    drawn = sums[random.integers(0, len(sums), size=(_SAMPLES, len(sums)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (0.025, 0.975))
    return float(low), float(high)


if __name__ == "__main__":
    sys.exit(main())
