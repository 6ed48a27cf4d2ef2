"""The server's settings: the assistant's, and those of the editor's side."""

from __future__ import annotations

from dataclasses import dataclass, field

from assistant.config import Settings, about, as_table, parse_settings, parse_table
from attribution.model import Verdict

SECTION = "sc-attrib"
"""Name of the section in an editor's configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticsSettings:
    """What is marked in open files."""

    enabled: bool = field(default=True, metadata=about("Mark code that is like known code."))
    debounce_ms: int = field(
        default=250, metadata=about("Time without a further event before a file is checked.", minimum=0)
    )
    minimum_verdict: Verdict = field(
        default=Verdict.ATTRIBUTE, metadata=about("The mildest verdict that is marked.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """All settings of the language server."""

    assistant: Settings = field(default_factory=Settings)
    diagnostics: DiagnosticsSettings = field(default_factory=DiagnosticsSettings)


def parse_server_settings(values: object) -> tuple[ServerSettings, list[str]]:
    """Read what an editor sends; answer the settings and one message for each key that is unusable."""
    assistant, problems = parse_settings(values)
    table = as_table(values, SECTION, [])
    diagnostics = parse_table(DiagnosticsSettings, table.get("diagnostics"), "diagnostics", problems)
    return ServerSettings(assistant=assistant, diagnostics=diagnostics), problems
