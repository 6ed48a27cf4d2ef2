"""Prompts stay within their budgets, are cut at lines, and keep still while one types."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.backends.scripted import ScriptedBackend
from assistant.fim import FimOrder
from assistant.prompt import CUT_LINES, Budget, build_prompt, fit_prefix, fit_suffix

BACKEND = ScriptedBackend([])
CODE = "".join(f"line_{number:03} = {number}\n" for number in range(100))
texts = st.text(st.sampled_from("ab \n\té\N{DUCK}"), max_size=120)


def _text(ids: list[int]) -> str:
    return BACKEND.detokenize(ids).decode("utf-8", "ignore")


def test_what_fits_is_kept_whole():
    assert _text(fit_prefix(BACKEND, CODE, 10_000)) == CODE
    assert _text(fit_suffix(BACKEND, CODE, 10_000)) == CODE


def test_a_prefix_is_cut_at_the_start_of_a_block_of_lines():
    kept = _text(fit_prefix(BACKEND, CODE, 500))
    assert CODE.endswith(kept)
    assert kept.startswith("line_080"), f"the first line that fits and divides by {CUT_LINES}"


def test_typing_does_not_move_the_cut():
    """Otherwise nothing that the model has read could be reused."""
    starts = {_text(fit_prefix(BACKEND, CODE + "x" * typed, 500))[:8] for typed in range(100)}
    assert starts == {"line_080"}


def test_a_prefix_of_few_long_lines_is_cut_at_a_line():
    assert _text(fit_prefix(BACKEND, "a" * 50 + "\n" + "b" * 50, 60)) == "b" * 50


def test_a_line_longer_than_the_budget_is_cut_inside():
    assert _text(fit_prefix(BACKEND, "a" * 5000 + "b" * 30, 40)) == "a" * 10 + "b" * 30
    assert _text(fit_suffix(BACKEND, "a" * 5000, 40)) == "a" * 40


def test_a_suffix_is_cut_after_a_line():
    kept = _text(fit_suffix(BACKEND, CODE, 100))
    assert CODE.startswith(kept)
    assert kept.endswith("\n")


@given(texts, texts, st.integers(1, 40), st.integers(0, 40))
def test_budgets_hold_and_what_is_kept_touches_the_cursor(prefix, suffix, before, after):
    head, tail = fit_prefix(BACKEND, prefix, before), fit_suffix(BACKEND, suffix, after)
    assert len(head) <= before
    assert len(tail) <= after
    assert prefix.encode().endswith(BACKEND.detokenize(head))
    assert suffix.encode().startswith(BACKEND.detokenize(tail))


@given(st.integers(16, 20_000), st.integers(1, 5000), st.integers(16, 5000), st.integers(0, 5000))
def test_prompt_and_answer_fit_the_context(context, max_tokens, prefix, suffix):
    budget = Budget.within(context, max_tokens=max_tokens, prefix_tokens=prefix, suffix_tokens=suffix)
    assert budget.prefix_tokens >= 1
    assert budget.suffix_tokens >= 0
    used = budget.prefix_tokens + budget.suffix_tokens + 3
    assert used + min(max_tokens, context // 2) <= max(context, 8)


@pytest.mark.parametrize("order", FimOrder)
def test_both_orders_hold_both_parts(order):
    ids = BACKEND.fim_ids
    budget = Budget(prefix_tokens=100, suffix_tokens=100)
    prompt = build_prompt(BACKEND, "before", "after", budget=budget, order=order)
    assert {ids.fim_prefix, ids.fim_suffix, ids.fim_middle} <= set(prompt)
    assert b"before" in BACKEND.detokenize(prompt)
    assert b"after" in BACKEND.detokenize(prompt)
