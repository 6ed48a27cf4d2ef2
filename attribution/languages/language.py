"""What the structural lexer must know of a language: its words, its comments, its strings.

The tables themselves are data in :mod:`attribution.languages.tables`. A language unknown there is lexed by
``GENERIC``, which takes only those comments and strings that mean the same nearly everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import PurePath


class Kind(Enum):
    """What stands between two delimiters; the values are those of ``RuleKind`` in language.hpp."""

    LINE_COMMENT = 0
    BLOCK_COMMENT = 1
    DOCUMENTATION = 2
    """A string of several lines: no structural token, and its lines count as comment."""
    STRING = 3
    CHARACTER = 4
    """One character or escape; any other quote is punctuation (Rust's lifetimes)."""


@dataclass(frozen=True, slots=True)
class Delimiter:
    """How one kind of comment or string starts and ends."""

    kind: Kind
    opener: str
    closer: str = ""
    """Empty for a line comment only."""
    nested: bool = False
    """Comments may hold comments."""
    escapes: bool = False
    """A backslash takes the next character with it."""
    one_line: bool = False
    doubled: bool = False
    """The closer twice is one of its characters."""
    at_line_start: bool = False
    """Nothing but white space before it."""
    after_space: bool = False
    """Only at the start of a line or after white space."""
    before_space: bool = False
    """Only before white space or at the end of a line."""
    marker: str = ""
    """A string with this character holds code: all such strings are one symbol."""
    unless_next: str = ""
    """Not before this character."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Language:
    """One language's tables; compared by identity, a cheap key. Words are separated by spaces."""

    name: str
    keywords: str
    delimiters: tuple[Delimiter, ...]
    imports: str = ""
    """Words that start an import statement."""
    import_declarators: str = ""
    """Words that start a statement which is an import where one of ``declared_imports`` follows in it."""
    declared_imports: str = ""
    import_functions: str = ""
    """Those of both that are functions: an argument follows, members and calls may (``require``)."""
    import_modifiers: str = ""
    """Words that may stand before those of ``imports``."""
    import_bracket: str = ""
    """What may hold the names of an import over several lines."""
    import_bracket_follows: str = ""
    """What stands before it: ``imports`` (their words), any ``words``, a character of punctuation."""
    imports_aliases: bool = False
    """An import may hold an equals sign."""
    imports_brackets: bool = False
    """An import may hold any brackets on its line, but not begin with them."""
    prefixes: str = ""
    """Words that belong to the string which follows at once."""
    format_prefixes: str = ""
    """Those of them after which braces in the string hold code."""
    hash_prefixes: str = ""
    """Those of Rust's raw strings."""
    paren_prefixes: str = ""
    """Those of C++'s raw strings."""
    ignores_case: bool = False


def language_named(name: str | None) -> Language:
    """The tables of a language by the name that the extension table has for it; generic ones otherwise."""
    from attribution.languages.tables import ALIASES, GENERIC, TABLES

    return TABLES.get(ALIASES.get(name or "", name or ""), GENERIC)


@lru_cache(maxsize=1024)
def _language_of_suffix(suffix: str) -> Language:
    from attribution.languages.extensions import LANGUAGES

    return language_named(LANGUAGES.get(suffix.lower().lstrip(".")))


def language_of_path(path: str | PurePath) -> Language:
    """The tables for a file by its name's extension; generic ones where that says nothing."""
    name = str(path)
    _, dot, suffix = name.rpartition(".")
    return _language_of_suffix(suffix if dot and len(suffix) <= 16 else "")
