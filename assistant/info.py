"""What ``sc-attrib model info`` says of a model."""

from __future__ import annotations

from typing import Any

from assistant.facts import ModelFacts
from assistant.fim import FimIds
from assistant.fit import gib, needed, what_fits
from assistant.memory import available_bytes


def as_json(facts: ModelFacts, *, context_tokens: int) -> dict[str, Any]:
    """Everything, for programs."""
    need, available = needed(facts, context_tokens=context_tokens), available_bytes()
    return {
        "path": str(facts.path),
        "form": facts.form.value,
        "name": facts.name,
        "architecture": facts.architecture,
        "parameters": facts.parameters,
        "quantisation": facts.quantisation,
        "weight_bytes": facts.weight_bytes,
        "trained_context": facts.trained_context,
        "fim": None if facts.fim is None else {"format": facts.fim.format.name, **_ids(facts.fim)},
        "license": facts.license,
        "chat_template": facts.has_chat_template,
        "memory": {
            "context": context_tokens,
            "weights": need.weights,
            "cache": need.cache,
            "scratch": need.scratch,
            "total": need.total,
            "available": available,
            "fits": None if available is None else need.total <= available,
        },
    }


def render(facts: ModelFacts, *, context_tokens: int) -> str:
    """A few lines for people."""
    need, available = needed(facts, context_tokens=context_tokens), available_bytes()
    fim = "none: it cannot complete code" if facts.fim is None else _spelled(facts.fim)
    rows = [
        ("model", f"{facts.name}  ({facts.path})"),
        ("architecture", facts.architecture),
        ("parameters", f"{facts.parameters:,}"),
        ("weights", f"{facts.quantisation}, {gib(facts.weight_bytes)}"),
        ("context", f"trained with {facts.trained_context:,} tokens"),
        ("fill-in", fim),
        ("chat", "has a template" if facts.has_chat_template else "no template"),
        ("licence", facts.license),
        (
            "memory",
            f"{gib(need.total)} at a context of {context_tokens:,}: {gib(need.weights)} of weights, "
            f"{gib(need.cache)} of keys and values, {gib(need.scratch)} to compute",
        ),
    ]
    if available is not None:
        rows.append(("fits", _fit(facts, available, need.total, context_tokens)))
    return "".join(f"{name:<13} {value}\n" for name, value in rows)


def _fit(facts: ModelFacts, available: int, total: int, context_tokens: int) -> str:
    if total <= available:
        return f"yes, {gib(available)} is free"
    return f"no, {gib(available)} is free; " + what_fits(
        facts, available=available, context_tokens=context_tokens
    )


def _ids(ids: FimIds) -> dict[str, int | None]:
    return {
        "end_of_text": ids.end_of_text,
        "fim_prefix": ids.fim_prefix,
        "fim_middle": ids.fim_middle,
        "fim_suffix": ids.fim_suffix,
        "fim_pad": ids.fim_pad,
        "repo_name": ids.repo_name,
        "file_separator": ids.file_separator,
    }


def _spelled(ids: FimIds) -> str:
    tokens = ", ".join(f"{name} {number}" for name, number in _ids(ids).items() if number is not None)
    return f"{ids.format.name}: {tokens}"
