"""The parts of the server that need no editor."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from lsprotocol import types

from assistant.config import Backend, ModelSettings, Precision
from assistant.fim import Family
from attribution import cli
from attribution.errors import UsageError
from attribution.model import Kind, Lane, License, Match, Origin, Verdict
from attribution.span import Span
from attribution.swhid import Swhid
from lsp.command import _leave_workspace_off_the_path, parse_address
from lsp.diagnostics import diagnostic_of
from lsp.documents import Document
from lsp.engine import _load_options
from lsp.findings import Findings
from lsp.provenance import match_as_markdown
from lsp.settings import ServerSettings, parse_server_settings


def match(first: int, last: int, *, verdict: Verdict = Verdict.ATTRIBUTE, path: str = "a.py") -> Match:
    origin = Origin(
        url="https://example.org/p", path=path, license=License(expression="MIT", evidence=("a_b",))
    )
    return Match(
        kind=Kind.LITERAL,
        query=Span(first, last),
        source=origin.qualify(Swhid.of_content(b"x"), lines=Span(3, 9)),
        origin=origin,
        similarity=0.92,
        containment=1.0,
        tokens=50,
        found_by=(Lane.SEEDS,),
        verdict=verdict,
    )


def edit(
    first: int, last: int, text: str, *, end_character: int = 0
) -> types.TextDocumentContentChangePartial:
    """Replace from the start of line ``first`` to ``end_character`` of line ``last``, counted from 1."""
    return types.TextDocumentContentChangePartial(
        range=types.Range(
            start=types.Position(line=first - 1, character=0),
            end=types.Position(line=last - 1, character=end_character),
        ),
        text=text,
    )


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (edit(2, 2, "new\nlines\n"), 12),
        (edit(2, 4, ""), 8),
        (edit(10, 10, "before\n"), 11),
        (edit(30, 30, "below\n"), 10),
        (edit(12, 12, "inside"), None),
        (edit(9, 10, "into it", end_character=3), None),
        (types.TextDocumentContentChangeWholeDocument(text="all new"), None),
    ],
)
def test_a_match_moves_with_its_code_and_ends_when_its_code_is_edited(change, line):
    findings = Findings()
    findings.put("u", [match(10, 20)])
    findings.edit("u", change)
    found = {n: findings.at_line("u", n) for n in range(1, 60)}
    first = next((n for n, matches in found.items() if matches), None)
    assert first == line


def test_a_forgotten_document_has_no_matches():
    findings = Findings()
    findings.put("u", [match(1, 2)])
    findings.drop("u")
    assert findings.at_line("u", 1) == []


@pytest.mark.parametrize(
    ("verdict", "severity"),
    [
        (Verdict.DENY, types.DiagnosticSeverity.Error),
        (Verdict.REVIEW, types.DiagnosticSeverity.Warning),
        (Verdict.ATTRIBUTE, types.DiagnosticSeverity.Information),
        (Verdict.COMMON, types.DiagnosticSeverity.Hint),
    ],
)
def test_the_verdict_decides_how_grave_a_mark_is(verdict, severity):
    document = Document("file:///a.py", source="a\nbc\nd\n")
    diagnostic = diagnostic_of(match(1, 2, verdict=verdict), document)
    assert diagnostic.severity is severity
    assert diagnostic.range.end == types.Position(line=1, character=2)
    identifier = f"{Swhid.of_content(b'x')};origin=https://example.org/p;path=/a.py;lines=3-9"
    assert diagnostic.code_description.href == f"https://archive.softwareheritage.org/{identifier}"
    assert diagnostic.code == identifier[:22]


def test_a_hover_is_not_broken_by_the_names_in_it():
    text = match_as_markdown(match(1, 2, path="a*b_[c](d).py"))
    assert r"a\*b\_\[c\](d).py" in text
    assert r"a\_b" in text
    assert "[swh:1:cnt:" in text


def test_settings_of_server_and_assistant_come_from_one_section():
    settings, problems = parse_server_settings(
        {"diagnostics": {"debounceMs": 5, "minimumVerdict": "deny"}, "completion": {"maxTokens": 7}}
    )
    assert problems == []
    assert settings.diagnostics.debounce_ms == 5
    assert settings.diagnostics.minimum_verdict is Verdict.DENY
    assert settings.assistant.completion.max_tokens == 7


@pytest.mark.parametrize("values", [None, {}, [], "text", {"diagnostics": 3, "completion": None}])
def test_settings_that_are_none_are_the_defaults(values):
    assert parse_server_settings(values)[0] == ServerSettings()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9257", ("127.0.0.1", 9257)),
        (":9257", ("127.0.0.1", 9257)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_an_address_is_of_this_machine_unless_it_says_otherwise(text, address, capsys):
    assert parse_address(text) == address
    assert capsys.readouterr().err == ""


def test_an_address_that_others_can_reach_is_warned_of(capsys):
    assert parse_address("0.0.0.0:80") == ("0.0.0.0", 80)
    assert "other machines" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "host", "host:", "host:-1", "host:65536", "host:²"])
def test_what_is_not_an_address_is_refused(text):
    with pytest.raises(UsageError, match="HOST:PORT"):
        parse_address(text)


def test_the_folder_we_are_started_in_is_taken_off_the_import_path(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), "/elsewhere"])
    _leave_workspace_off_the_path()
    assert sys.path == ["/elsewhere"]


def test_a_model_is_loaded_anew_for_every_setting_but_those_of_drawing_tokens():
    plain = ModelSettings()
    assert _load_options(replace(plain, temperature=0.5, seed=9)) == _load_options(plain)
    others = {
        "backend": Backend.TRANSFORMERS,
        "path": "m.gguf",
        "context_tokens": 64,
        "threads": 3,
        "precision": Precision.NF4,
        "gpu_layers": 0,
        "lookup_tokens": 9,
        "url": "http://127.0.0.1:1/v1",
        "name": "m",
        "api_key_environment": "KEY",
        "tokenizer": "tokenizer.json",
        "family": Family.SANTACODER,
    }
    assert {field.name for field in fields(plain)} == {*others, "temperature", "seed"}
    for name, value in others.items():
        assert _load_options(replace(plain, **{name: value})) != _load_options(plain)


def test_the_folder_of_the_plugin_for_neovim_is_printed(capsys):
    assert cli.main(["lsp", "--plugin", "nvim"]) == 0
    assert Path(capsys.readouterr().out.strip(), "plugin", "sc_attrib.lua").is_file()
