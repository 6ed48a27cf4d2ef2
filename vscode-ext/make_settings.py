"""Writes the settings of the language server, and who may set them, into the extension's ``package.json``.

Run it after a setting was added or changed: ``python vscode-ext/make_settings.py``; a test compares.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lsp.schema import TABLES, settings_schema

MANIFEST = Path(__file__).parent / "package.json"
PREFIX = "sc-attrib."

MACHINE = ("model.backend", "model.path", "model.url", "model.tokenizer", "model.apiKeyEnvironment")
"""What reads files or sends code somewhere is the machine's matter, never a workspace's."""
QUIETING = ("completion.enabled",)
"""What a workspace may set though it is not trusted: it can only have less done."""
TITLES = {
    "model": "Model",
    "completion": "Suggestions",
    "trace": "Tracing",
    "ledger": "Ledger",
    "diagnostics": "Diagnostics",
}
OWN: dict[str, Any] = {
    "interpreter": {
        "type": "string",
        "default": "",
        "scope": "machine",
        "description": "Python interpreter that has sc-attrib installed; empty for the environment that this "
        "extension made, or the one of the sc-attrib command on the PATH.",
    },
    "logLevel": {
        "type": "string",
        "enum": ["error", "warning", "info", "debug"],
        "default": "warning",
        "scope": "machine",
        "description": "What the server writes into its log; at debug this includes your code.",
    },
    "provenance.inline": {
        "type": "boolean",
        "default": True,
        "description": "Show where a suggestion comes from beside its ghost text.",
    },
}


def configuration() -> list[dict[str, Any]]:
    """The groups of the settings form."""
    groups = [{"title": "Editor", "properties": {PREFIX + name: about for name, about in OWN.items()}}]
    for table in TABLES:
        found = {n: s for n, s in settings_schema().items() if n.split(".")[0] == table}
        properties = {PREFIX + name: {**schema, "scope": _scope(name)} for name, schema in found.items()}
        groups.append({"title": TITLES[table], "properties": properties})
    for number, group in enumerate(groups):
        group["order"] = number
    return groups


def restricted() -> list[str]:
    """The settings that an untrusted workspace cannot set."""
    return [PREFIX + name for name in (*settings_schema(), *OWN) if name not in QUIETING]


def _scope(name: str) -> str:
    return "machine" if name in MACHINE else "window"


def renewed(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with the settings as they are now."""
    contributes = {**manifest["contributes"], "configuration": configuration()}
    trust = {**manifest["capabilities"]["untrustedWorkspaces"], "restrictedConfigurations": restricted()}
    capabilities = {**manifest["capabilities"], "untrustedWorkspaces": trust}
    return {**manifest, "capabilities": capabilities, "contributes": contributes}


if __name__ == "__main__":
    written = renewed(json.loads(MANIFEST.read_text(encoding="utf-8")))
    MANIFEST.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
