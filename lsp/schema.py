"""The settings as JSON Schema, for the settings form of an editor."""

from __future__ import annotations

from dataclasses import Field, fields
from enum import StrEnum
from typing import Any

from assistant.config import CompletionSettings, LedgerSettings, ModelSettings, TraceSettings, camel_case
from lsp.settings import DiagnosticsSettings

TABLES = {
    "model": ModelSettings,
    "completion": CompletionSettings,
    "trace": TraceSettings,
    "ledger": LedgerSettings,
    "diagnostics": DiagnosticsSettings,
}
"""The tables of the section, in the order in which people meet them."""
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def settings_schema() -> dict[str, dict[str, Any]]:
    """Answer the schema of every setting by its dotted name, such as ``model.path``.

    >>> settings_schema()["completion.maxLines"]["default"]
    24
    """
    return {
        f"{name}.{camel_case(entry.name)}": _schema(entry)
        for name, table in TABLES.items()
        for entry in fields(table)
    }


def _schema(entry: Field[Any]) -> dict[str, Any]:
    about = entry.metadata
    limits = {name: about[name] for name in ("minimum", "maximum") if about[name] is not None}
    return {**_type_of(entry.default), **limits, "description": about["text"]}


def _type_of(default: object) -> dict[str, Any]:
    """Type and default; a choice lists its values."""
    if isinstance(default, StrEnum):
        return {
            "type": "string",
            "enum": [choice.value for choice in type(default)],
            "default": default.value,
        }
    if isinstance(default, tuple):
        return {"type": "array", "items": {"type": "string"}, "default": list(default)}
    return {"type": _TYPES[type(default)], "default": default}
