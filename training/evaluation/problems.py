"""Programming problems from files as they are published: HumanEval, its infilling forms, MBPP, MultiPL-E.

A file is JSON lines, plain or gzipped; each line tells its form by its fields. Sources: Chen et al. 2021
(HumanEval), Bavarian et al. 2022 (HumanEval-infilling: single-line, multi-line and random-span share one
form), Austin et al. 2021 (MBPP), Cassano et al. 2023 (MultiPL-E; its Python problems).
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attribution.errors import UnreadableInputError

OWN = Path(__file__).parent / "tasks" / "python.jsonl"
"""Problems of our own, easy enough for small models."""
_HUMANEVAL_STOPS = ("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint(", "\n@", "\nassert ")
_MBPP_STOPS = ("\nclass ", "\nassert", '\n"""', "\nprint(", "\nif ", "\n<")
_REMEDY = "name JSON lines of HumanEval, HumanEval-infilling, MBPP or MultiPL-E (Python)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A text to go on with, and a program that tells whether it was done right.

    White space at the end of a prompt is left to the completion, as the BigCode harness does, where it is not
    before a gap.
    """

    name: str
    prompt: str
    suffix: str
    """What follows the gap; empty where the model goes on to the end."""
    is_infill: bool
    stops: tuple[str, ...]
    """A completion ends before the first of these."""
    before_program: str
    """Stands before completion and suffix in the program: the prompt where that is code."""
    test: str
    """Runs after it, and raises where it is wrong."""
    solution: str
    """The author's completion; empty where the file has none."""

    def program(self, completion: str) -> str:
        """The whole program for a completion."""
        return f"{self.before_program}{completion}{self.suffix}\n\n{self.test}\n"


def read_problems(path: Path) -> list[Problem]:
    """Read a file of problems; raise :class:`UnreadableInputError` with the line that is none."""
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UnreadableInputError(path, f"cannot be read as text ({error})", remedy=_REMEDY) from error
    lines = ((n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip())
    problems = [_problem(path, number, line) for number, line in lines]
    if not problems:
        raise UnreadableInputError(path, "holds no problem", remedy=_REMEDY)
    return problems


def _problem(path: Path, number: int, line: str) -> Problem:
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise TypeError("it is no object")
        return _of_row(row)
    except KeyError as error:
        reason = f"line {number} has no field {error}"
    except (ValueError, TypeError, RecursionError) as error:
        reason = f"line {number} is no problem ({error})"
    raise UnreadableInputError(path, reason, remedy=_REMEDY)


def _of_row(row: Mapping[str, Any]) -> Problem:
    if "test_list" in row:
        return _mbpp(row)
    if "language" in row and "tests" in row:
        return _multipl_e(row)
    return _humaneval(row)


def _humaneval(row: Mapping[str, Any]) -> Problem:
    is_infill = "suffix" in row
    prompt, blank = (_text(row, "prompt"), "") if is_infill else _without_end(_text(row, "prompt"))
    return Problem(
        name=_text(row, "task_id"),
        prompt=prompt,
        suffix=_text(row, "suffix") if is_infill else "",
        is_infill=is_infill,
        stops=() if is_infill else _HUMANEVAL_STOPS,
        before_program=prompt,
        test=f"{_text(row, 'test')}\ncheck({_text(row, 'entry_point')})",
        solution=blank + _text(row, "canonical_solution") if "canonical_solution" in row else "",
    )


def _mbpp(row: Mapping[str, Any]) -> Problem:
    """The prompt of Fried et al. 2022 (InCoder): description and first test in a docstring."""
    tests = row["test_list"]
    if not isinstance(tests, list) or not tests or not all(isinstance(test, str) for test in tests):
        raise TypeError("its test_list is no list of texts")
    description = _text(row, "text" if "text" in row else "prompt")
    imports = row.get("test_setup_code") or "\n".join(row.get("test_imports") or ())
    return Problem(
        name=f"MBPP/{row['task_id']}",
        prompt=f'"""\n{description}\n{tests[0]}\n"""',
        suffix="",
        is_infill=False,
        stops=_MBPP_STOPS,
        before_program="",
        test="\n".join([str(imports), *tests]),
        solution="\n" + _text(row, "code") if "code" in row else "",
    )


def _multipl_e(row: Mapping[str, Any]) -> Problem:
    if row["language"] not in ("py", "python"):
        raise ValueError(f"the sandbox runs Python and not {row['language']!r}")
    stops = row.get("stop_tokens") or _HUMANEVAL_STOPS
    prompt, _ = _without_end(_text(row, "prompt"))
    return Problem(
        name=_text(row, "name"),
        prompt=prompt,
        suffix="",
        is_infill=False,
        stops=tuple(map(str, stops)),
        before_program=prompt,
        test=_text(row, "tests"),
        solution="",
    )


def _without_end(prompt: str) -> tuple[str, str]:
    """A prompt without the white space at its end, and that: tokenizers join it with what follows."""
    kept = prompt.rstrip()
    return kept, prompt[len(kept) :]


def _text(row: Mapping[str, Any], field: str) -> str:
    value = row[field]
    if not isinstance(value, str):
        raise TypeError(f"its {field} is no text")
    return value
