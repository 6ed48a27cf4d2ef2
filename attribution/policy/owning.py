"""Entering an origin into a policy as one's own, with everything else in the file left as it is."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from attribution.policy.mistakes import PolicyError

_HEADER = re.compile(r"^\[(?P<name>[^\[\]\n]+)\][ \t]*(?:#[^\n]*)?\r?\n?", re.MULTILINE)
_NEXT_HEADER = re.compile(r"^\[", re.MULTILINE)
_OWN = re.compile(r"^[ \t]*own[ \t]*=[ \t]*\[", re.MULTILINE)


def with_own(text: str, origin: str, *, table: str, name: str) -> str:
    """The text of a policy file in which ``table`` lists ``origin`` among ``own``.

    Raises :class:`PolicyError` where the file is no TOML, or is written so that this cannot be done safely.
    """
    before = _parsed(text, name)
    if origin in _own(before, table):
        return text
    written = _entered(text, json.dumps(origin), table)
    after = _parsed(written, name)
    is_entered = _own(after, table) == [origin, *_own(before, table)]
    if not is_entered or _without_own(after, table) != _without_own(before, table):
        raise PolicyError([f'{name}: "{origin}" cannot be entered; write it into own of [{table}] yourself'])
    return written


def _entered(text: str, value: str, table: str) -> str:
    header = next((h for h in _HEADER.finditer(text) if h["name"].strip() == table), None)
    if header is None:
        gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
        return f"{text}{gap}[{table}]\nown = [{value}]\n"
    following = _NEXT_HEADER.search(text, header.end())
    own = _OWN.search(text, header.end(), following.start() if following else len(text))
    if own is None:
        gap = "" if header[0].endswith("\n") else "\n"
        return f"{text[: header.end()]}{gap}own = [{value}]\n{text[header.end() :]}"
    is_empty = text[own.end() :].lstrip().startswith("]")
    return f"{text[: own.end()]}{value}{'' if is_empty else ', '}{text[own.end() :]}"


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([f"{name}: it is not TOML ({error}); mend it first"]) from error


def _table(document: dict[str, Any], table: str) -> dict[str, Any]:
    found: Any = document
    for part in table.split("."):
        found = found.get(part, {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}


def _own(document: dict[str, Any], table: str) -> list[Any]:
    own = _table(document, table).get("own", [])
    return own if isinstance(own, list) else []


def _without_own(document: dict[str, Any], table: str) -> dict[str, Any]:
    """The document with the list emptied, and an empty table that only held it left out."""
    first, _, rest = table.partition(".")
    below = document.get(first, {})
    if rest:
        kept = _without_own(below if isinstance(below, dict) else {}, rest)
    else:
        kept = {key: value for key, value in below.items() if key != "own"} if isinstance(below, dict) else {}
    others = {key: value for key, value in document.items() if key != first}
    return {**others, first: kept} if kept else others
