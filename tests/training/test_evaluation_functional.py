"""pass@k: the estimator, the files of problems, and programs that are run for real."""

from __future__ import annotations

import gzip
import json
import math
import shutil
from itertools import combinations
from pathlib import Path

import pytest

from assistant.fim import FimOrder
from assistant.models import DEFAULT_MODEL
from attribution.errors import UnreadableInputError
from training.evaluation.functional import Sampling, Solved, pass_at_k, pass_rates, passes, solve
from training.evaluation.problems import OWN, read_problems
from training.evaluation.sandbox import Limits, Sandbox
from training.served import LlamaModel

ROWS = [json.loads(line) for line in OWN.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    if shutil.which("bwrap") is None:
        pytest.skip("needs the Debian package bubblewrap")
    return Sandbox.open(Limits(wall_seconds=60))


@pytest.fixture(scope="module")
def model():
    served = LlamaModel(DEFAULT_MODEL, threads=1)
    yield served
    served.close()


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(("samples", "correct"), [(5, 0), (5, 1), (6, 3), (7, 6), (4, 4)])
def test_estimator_is_the_mean_over_all_choices_of_k_samples(samples, correct):
    drawn = [True] * correct + [False] * (samples - correct)
    for k in range(1, samples + 1):
        chosen = list(combinations(drawn, k))
        assert pass_at_k(samples, correct, k) == pytest.approx(sum(map(any, chosen)) / len(chosen))


def test_estimator_is_exact_where_factorials_overflow():
    exact = 1 - math.comb(9_000, 100) / math.comb(10_000, 100)
    assert pass_at_k(10_000, 1_000, 100) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("k", [0, 6])
def test_k_beyond_the_samples_is_refused(k):
    with pytest.raises(ValueError, match="between 1 and the 5 samples"):
        pass_at_k(5, 1, k)


def test_rates_are_means_over_problems_within_their_intervals():
    problem = read_problems(OWN)[0]
    solved = [Solved(problem=problem, completions=("x",) * 10, correct=c) for c in [0, 1, 5, 10] * 10]
    rates = pass_rates(solved, (1, 10, 100))
    assert list(rates) == ["pass@1", "pass@10"]
    rate, (low, high) = rates["pass@1"]
    assert rate == pytest.approx(0.4)
    assert 0.2 < low < rate < high < 0.6
    assert rates["pass@10"][0] == pytest.approx(0.75)


@pytest.mark.parametrize("row", ROWS, ids=[row["entry_point"] for row in ROWS])
def test_own_problem_accepts_its_solution_and_refuses_what_is_wrong(row, sandbox):
    problem = next(p for p in read_problems(OWN) if p.name == row["task_id"])
    assert passes(problem, problem.solution, sandbox)
    assert not passes(problem, "\n" + row["wrong_solution"], sandbox)
    assert not passes(
        problem, "\n        return None\n" if "class" in row["prompt"] else "\n    return None\n", sandbox
    )


def test_own_problems_are_twenty_and_named_once():
    assert len({problem.name for problem in read_problems(OWN)}) == len(ROWS) == 20


@pytest.mark.parametrize(
    "completion",
    [
        "\n    import sys; sys.exit(0)\n",
        "\n    import os; os._exit(0)\n",
        "\n    while True: pass\n",
        "\n    return (\n",
        "\n    pass\nimport os; os._exit(0)\n",
        "\n    print('x' * 10_000_000)\n    return a + b\n",
    ],
)
def test_program_that_does_not_reach_the_end_of_its_tests_is_wrong(completion, sandbox):
    quick = Sandbox(bwrap=sandbox.bwrap, limits=Limits(cpu_seconds=1))
    assert not passes(read_problems(OWN)[0], completion, quick)


def test_humaneval_infilling_form_is_solved_between_prompt_and_suffix(tmp_path, sandbox):
    row = {
        "task_id": "SingleLine/1",
        "entry_point": "twice",
        "prompt": "def twice(x):\n    y = x\n",
        "suffix": "    return y\n",
        "canonical_solution": "    y += x\n",
        "test": "def check(candidate):\n    assert candidate(4) == 8\n",
    }
    problem = read_problems(write(tmp_path / "one.jsonl", row))[0]
    assert problem.is_infill
    assert passes(problem, problem.solution, sandbox)
    assert not passes(problem, "", sandbox)


def test_mbpp_form_shows_the_first_test_and_runs_all(tmp_path, sandbox):
    row = {
        "task_id": 7,
        "text": "Write a function to double a number.",
        "code": "def double(x):\n    return 2 * x",
        "test_list": ["assert double(2) == 4", "assert double(3) == 6"],
        "test_setup_code": "",
    }
    problem = read_problems(write(tmp_path / "mbpp.jsonl", row))[0]
    assert "assert double(2) == 4" in problem.prompt
    assert "assert double(3)" not in problem.prompt
    assert passes(problem, problem.solution, sandbox)
    assert not passes(problem, "\ndef double(x):\n    return 4", sandbox)


def test_multipl_e_form_for_python_is_read_and_other_languages_are_refused(tmp_path, sandbox):
    row = {
        "name": "M_1",
        "language": "py",
        "prompt": "def one():\n",
        "tests": "def check(candidate):\n    assert candidate() == 1\ncheck(one)",
        "stop_tokens": ["\ndef"],
    }
    problem = read_problems(write(tmp_path / "m.jsonl", row))[0]
    assert passes(problem, "\n    return 1\n", sandbox)
    with pytest.raises(UnreadableInputError, match="the sandbox runs Python and not 'lua'"):
        read_problems(write(tmp_path / "lua.jsonl", row | {"language": "lua"}))


def test_gzipped_file_is_read_as_it_is_published(tmp_path):
    path = tmp_path / "own.jsonl.gz"
    path.write_bytes(gzip.compress(OWN.read_bytes()))
    assert read_problems(path) == read_problems(OWN)


def test_gzipped_file_that_was_damaged_is_one_clear_sentence(tmp_path):
    path = tmp_path / "own.jsonl.gz"
    content = bytearray(gzip.compress(OWN.read_bytes()))
    content[10] ^= 0xFF  # the first byte behind the head
    path.write_bytes(content)
    with pytest.raises(UnreadableInputError, match="cannot be read as text"):
        read_problems(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "holds no problem"),
        (b"\xff\xfe", "cannot be read as text"),
        (b"no json\n", "line 1 is no problem"),
        (b"[1]\n", "line 1 is no problem .it is no object"),
        (b'{"task_id": "a"}\n', "line 1 has no field 'prompt'"),
        (b'{"task_id": 5, "prompt": 5}\n', "line 1 is no problem .its prompt is no text"),
        (b'{"task_id": 5, "test_list": []}\n', "its test_list is no list of texts"),
        (b"[" * 100_000, "line 1 is no problem"),
    ],
)
def test_file_that_holds_no_problems_is_one_clear_sentence(tmp_path, content, complaint):
    path = tmp_path / "problems.jsonl"
    path.write_bytes(content)
    with pytest.raises(UnreadableInputError, match=f"{complaint}.*; name JSON lines"):
        read_problems(path)


def test_bundled_model_draws_the_same_programs_for_the_same_seed(model, sandbox):
    problems = read_problems(OWN)[:2]
    plan = Sampling(samples=3, temperature=0.8, seed=5, order=FimOrder.SPM)
    first, again = (solve(problems, model, sandbox, plan) for _ in range(2))
    assert first == again
    assert all(len(one.completions) == 3 for one in first)
    assert len({text for one in first for text in one.completions}) > 2
    assert all(stop not in text for one in first for text in one.completions for stop in one.problem.stops)


def test_greedy_programs_are_drawn_once_and_counted_as_often_as_asked(model, sandbox):
    solved = solve(read_problems(OWN)[:1], model, sandbox, Sampling(samples=4, temperature=0.0))
    assert len(solved[0].completions) == 4
    assert len(set(solved[0].completions)) == 1
    assert solved[0].correct in (0, 4)
