"""``docs/lsp.md`` says what the code says."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from assistant.config import CompletionSettings, LedgerSettings, ModelSettings, TraceSettings, camel_case
from lsp.actions import PROPOSE
from lsp.completion import ACCEPTED, DID_PARTIALLY_ACCEPT, DID_SHOW, DID_WITHHOLD
from lsp.notices import DID_CHANGE_STATUS
from lsp.settings import DiagnosticsSettings
from lsp.sources import SOURCE

DOCS = Path(__file__).parents[2] / "docs" / "lsp.md"
TABLES = {
    "model": ModelSettings,
    "completion": CompletionSettings,
    "trace": TraceSettings,
    "ledger": LedgerSettings,
    "diagnostics": DiagnosticsSettings,
}


def setting_rows() -> list[str]:
    return [
        f"| `{table}.{camel_case(entry.name)}` | `{json.dumps(entry.default)}` | {entry.metadata['text']} |"
        for table, settings in TABLES.items()
        for entry in fields(settings)
    ]


def test_every_setting_is_described_with_its_default():
    text = DOCS.read_text()
    assert [row for row in setting_rows() if row not in text] == []


def test_every_name_on_the_wire_is_described():
    text = DOCS.read_text()
    for name in (ACCEPTED, PROPOSE, DID_SHOW, DID_PARTIALLY_ACCEPT, DID_WITHHOLD, DID_CHANGE_STATUS, SOURCE):
        assert f"`{name}`" in text
