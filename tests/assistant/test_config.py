"""Settings: a bad one takes its default and is told."""

from __future__ import annotations

from dataclasses import fields

import pytest

from assistant.config import (
    CompletionSettings,
    Lines,
    ModelSettings,
    OnDeny,
    Settings,
    TraceSettings,
    camel_case,
    parse_settings,
)
from assistant.fim import FimOrder


def test_no_settings_are_the_defaults():
    assert parse_settings(None) == (Settings(), [])


def test_good_settings_are_taken():
    settings, problems = parse_settings(
        {
            "model": {"path": "m.gguf", "temperature": 1, "threads": 2.0},
            "completion": {"lines": "single", "order": "psm", "enabled": False},
            "trace": {"indexes": ["a", "b"], "onDeny": "annotate"},
        }
    )
    assert problems == []
    assert settings.model == ModelSettings(path="m.gguf", temperature=1.0, threads=2)
    assert settings.completion == CompletionSettings(lines=Lines.SINGLE, order=FimOrder.PSM, enabled=False)
    assert settings.trace == TraceSettings(indexes=("a", "b"), on_deny=OnDeny.ANNOTATE)


@pytest.mark.parametrize(
    ("table", "key", "value", "sentence"),
    [
        ("model", "path", 3, "a text is expected"),
        ("model", "threads", -1, "at least 0"),
        ("model", "threads", 1.5, "a whole number"),
        ("model", "temperature", "hot", "a number is expected"),
        ("model", "temperature", float("nan"), "a number is expected"),
        ("model", "contextTokens", float("inf"), "a number is expected"),
        ("model", "temperature", 3, "at most 2"),
        ("completion", "enabled", 1, "true or false"),
        ("completion", "maxTokens", True, "a number is expected"),
        ("completion", "lines", "some", "one of auto, single, multiple"),
        ("completion", "order", [], "one of psm, spm"),
        ("trace", "indexes", "path", "a list of texts"),
        ("trace", "indexes", [1], "a list of texts"),
    ],
)
def test_a_bad_value_takes_its_default_with_one_message(table, key, value, sentence):
    settings, problems = parse_settings({table: {key: value}})
    assert settings == Settings()
    [problem] = problems
    assert problem.startswith(f"setting {table}.{key}: ")
    assert sentence in problem
    assert "default" in problem


def test_each_bad_key_has_its_own_message_and_good_ones_beside_it_count():
    settings, problems = parse_settings({"completion": {"maxTokens": "a", "maxLines": 0, "timeoutMs": 100}})
    assert len(problems) == 2
    assert settings.completion.timeout_ms == 100


@pytest.mark.parametrize("values", [3, "text", [], {"model": "gpt"}])
def test_what_is_no_table_is_told(values):
    settings, problems = parse_settings(values)
    assert settings == Settings()
    assert len(problems) == 1


def test_unknown_keys_and_nulls_are_left_alone():
    assert parse_settings({"editor": {}, "model": {"colour": 1, "path": None}}) == (Settings(), [])


def test_every_setting_describes_itself():
    """Editors' settings forms are made from these."""
    for table in (ModelSettings, CompletionSettings, TraceSettings):
        for entry in fields(table):
            assert entry.metadata["text"].endswith("."), entry.name
            assert camel_case(entry.name).isidentifier()
