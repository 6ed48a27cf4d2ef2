"""What the ledger costs, and whether a report finds accepted code again after its files were edited.

    python -m benchmarks.ledger [--files FOLDER] [--acceptances 500]

Takes ranges of one to ten lines of real files as accepted suggestions, in a copy of the folder; deletes,
renames and shifts whole files; then asks where each range is now.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from assistant.completion import Completion, Timing
from assistant.ledger.acceptance import Acceptance, Place, ToldBy, accept
from assistant.ledger.retrace import Retracer, Traced, Workspace
from assistant.ledger.store import Ledger, read_ledger
from assistant.tracing import Decision, Ruling
from attribution.model import Verdict

ROOT = Path(__file__).parents[1]
FATES = ("untouched", "shifted", "renamed", "deleted")
SIZES = (1, 1, 1, 2, 5, 10)
SHIFT = "# new\nimport os\n"
AROUND = 10
NO_TIME = Timing(prompt_ms=0, decode_ms=0, trace_ms=0, prompt_tokens=0, generated_tokens=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one row took."""

    milliseconds: float
    size_bytes: float


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--files", type=Path, default=ROOT / "attribution")
    parser.add_argument("--acceptances", type=int, default=500)
    args = parser.parse_args()
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder, "workspace")
        shutil.copytree(args.files, workspace, ignore=shutil.ignore_patterns("__pycache__", "default"))
        files = sorted(path for path in workspace.rglob("*.py") if path.read_text().count("\n") > 4 * AROUND)
        accepted = [_accept(chance, files, workspace, number) for number in range(args.acceptances)]
        ledger = Path(folder, "ledger.sqlite")
        cost = _write(ledger, accepted)
        fates = {path.relative_to(workspace).as_posix(): _edit(path, chance.choice(FATES)) for path in files}
        started = time.perf_counter()
        traced = Retracer(Workspace(root=workspace), None).trace_all(read_ledger(ledger))
        seconds = time.perf_counter() - started
    print(f"{len(files)} files, {len(accepted)} accepted ranges of 1 to 10 lines\n")
    print("| | |\n| --- | --- |")
    print(f"| writing one down, forced to disk | {cost.milliseconds:.1f} ms |")
    print(f"| its size | {cost.size_bytes:.0f} bytes |")
    print(f"| finding all of them again | {seconds:.2f} s |\n")
    _print_found(traced, fates)


def _accept(chance: random.Random, files: list[Path], workspace: Path, number: int) -> Acceptance:
    """A range of lines, as if a model had written it; never one without a word in it."""
    while True:
        path = chance.choice(files)
        lines = path.read_text().split("\n")
        size = chance.choice(SIZES)
        start = chance.randrange(AROUND, len(lines) - size - AROUND)
        text = "\n".join(lines[start : start + size])
        if any(character.isalnum() for character in text):
            break
    ruling = Ruling(decision=Decision.SHOW, verdict=Verdict.ALLOW)
    suggestion = Completion(
        id=str(number), text=text, path=str(path), ruling=ruling, timing=NO_TIME, model="none"
    )
    place = Place(
        path=path.relative_to(workspace).as_posix(),
        line=start + 1,
        before="\n".join(lines[start - AROUND : start]) + "\n",
        after="\n" + "\n".join(lines[start + size : start + size + AROUND]),
    )
    return accept(suggestion, place, characters=len(text), told_by=ToldBy.EDITOR)


def _write(path: Path, accepted: list[Acceptance]) -> Cost:
    """Write each as the language server does: the file is opened for it alone."""

    def tell(sentence: str) -> None:
        raise SystemExit(sentence)

    started = time.perf_counter()
    for one in accepted:
        ledger = Ledger.open(path, tell=tell)
        ledger.append(one)
        ledger.close()
    milliseconds = (time.perf_counter() - started) * 1e3 / len(accepted)
    return Cost(milliseconds=milliseconds, size_bytes=path.stat().st_size / len(accepted))


def _edit(path: Path, fate: str) -> str:
    if fate == "deleted":
        path.unlink()
    elif fate == "renamed":
        path.rename(path.with_name(f"renamed_{path.name}"))
    elif fate == "shifted":
        path.write_text(SHIFT + path.read_text())
    return fate


def _is_right(traced: Traced, fate: str) -> bool:
    """Whether the report names the very file and lines; of deleted code, that it is gone."""
    accepted = traced.acceptance
    if fate == "deleted" or traced.path is None:
        return fate == "deleted" and traced.path is None
    shift = SHIFT.count("\n") if fate == "shifted" else 0
    name = accepted.path.rpartition("/")[2]
    wanted = f"renamed_{name}" if fate == "renamed" else name
    return traced.path.rpartition("/")[2] == wanted and traced.lines == accepted.lines.shifted(shift)


def _print_found(traced: list[Traced], fates: dict[str, str]) -> None:
    counts: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for one in traced:
        fate = fates[one.acceptance.path]
        counts[fate] += 1
        right[fate] += _is_right(one, fate)
    print("| file | ranges | file and lines right |\n| --- | --- | --- |")
    for fate in FATES:
        print(f"| {fate} | {counts[fate]} | {right[fate]} |")


if __name__ == "__main__":
    main()
