"""The settings form of the VS Code extension says what the server's settings say."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import fields
from pathlib import Path

import pytest

from lsp.schema import TABLES, settings_schema
from lsp.settings import ServerSettings, parse_server_settings

EXTENSION = Path(__file__).parents[2] / "vscode-ext"


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_settings", EXTENSION / "make_settings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_manifest_is_as_it_would_be_written(maker):
    """Mend it with ``python vscode-ext/make_settings.py``."""
    manifest = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
    assert manifest == maker.renewed(manifest)


def test_every_table_of_the_settings_is_in_the_schema():
    tables = {f.name: type(getattr(ServerSettings(), f.name)) for f in fields(ServerSettings)}
    assistant = {f.name for f in fields(tables.pop("assistant"))}
    assert set(TABLES) == assistant | set(tables)


def test_the_defaults_of_the_schema_are_settings_that_the_server_takes_without_a_word():
    values: dict = {}
    for name, schema in settings_schema().items():
        table, key = name.split(".")
        values.setdefault(table, {})[key] = schema["default"]
    settings, problems = parse_server_settings(values)
    assert problems == []
    assert settings == ServerSettings()


def test_a_value_beyond_the_limits_of_the_schema_is_one_that_the_server_refuses():
    for name, schema in settings_schema().items():
        table, key = name.split(".")
        for limit, step in (("minimum", -1), ("maximum", 1)):
            if limit in schema:
                _, problems = parse_server_settings({table: {key: schema[limit] + step}})
                assert len(problems) == 1, name
