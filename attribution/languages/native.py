"""A language's tables in the form that the kernels read (attribution/native/language.hpp)."""

from __future__ import annotations

from ctypes import Structure, byref, c_int32, c_uint8, c_uint64, c_void_p
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.tokens import tokenize
from attribution.languages.language import Delimiter, Language

_KEYWORD, _IMPORT, _DECLARATOR, _MODIFIER = 1, 2, 4, 8
_PREFIX, _PREFIX_HASHES, _PREFIX_PARENS, _PREFIX_FORMAT = 16, 32, 64, 128
_DECLARED, _CALLED = 256, 512
_AFTER_IMPORTS, _AFTER_WORDS, _IMPORTS_ALIASES, _IMPORTS_BRACKETS, _HAS_PREFIXES = 1, 2, 4, 8, 16
_NESTED, _ESCAPES, _ONE_LINE, _DOUBLED, _AT_LINE_START, _AFTER_SPACE, _BEFORE_SPACE = (
    1 << n for n in range(7)
)
_MAX_RULES = 64
_NO_RULE = 0xFF
_RULE = np.dtype(
    [
        ("opener", "S8"),
        ("closer", "S8"),
        ("opener_size", "u1"),
        ("closer_size", "u1"),
        ("kind", "u1"),
        ("flags", "u1"),
        ("marker", "u1"),
        ("unless_next", "u1"),
        ("unused", "u1", 2),
    ]
)


class _Layout(Structure):
    """``struct Language``."""

    _fields_ = (
        ("words", c_void_p),
        ("word_mask", c_uint64),
        ("rules", c_void_p),
        ("rule_count", c_int32),
        ("ignores_case", c_uint8),
        ("import_bracket", c_uint8),
        ("flags", c_uint8),
        ("import_joint", c_uint8),
        ("first_rule", c_uint8 * 256),
    )


class NativeLanguage:
    """Owns the arrays that the kernels' structure points to."""

    def __init__(self, language: Language) -> None:
        self._words = _word_table(_roles(language))
        rules = sorted(language.delimiters, key=lambda rule: (rule.opener[0], -len(rule.opener)))
        if len(rules) > _MAX_RULES:
            raise ValueError(f"{language.name} has {len(rules)} delimiters; {_MAX_RULES} are possible")
        self._rules = np.array([_packed(rule) for rule in rules], dtype=_RULE)
        self._layout = _Layout(
            words=self._words.ctypes.data,
            word_mask=len(self._words) - 1,
            rules=self._rules.ctypes.data,
            rule_count=len(rules),
            ignores_case=language.ignores_case,
            import_bracket=_byte(language.import_bracket),
            flags=_flags(language),
            import_joint=_byte(_joint(language)),
            first_rule=_first_rules(rules),
        )
        self.reference: Any = byref(self._layout)
        """What to pass to a kernel; valid as long as this object lives."""


@lru_cache(maxsize=64)
def native(language: Language) -> NativeLanguage:
    """The kernels' form of a language, made once."""
    return NativeLanguage(language)


def _roles(language: Language) -> dict[int, int]:
    """Roles of each word by the hash of its token."""
    roles: dict[int, int] = {}
    for words, role in (
        (language.keywords, _KEYWORD),
        (language.imports, _IMPORT),
        (language.import_declarators, _DECLARATOR),
        (language.declared_imports, _DECLARED),
        (language.import_functions, _CALLED),
        (language.import_modifiers, _MODIFIER),
        (language.prefixes, _PREFIX),
        (language.format_prefixes, _PREFIX_FORMAT),
        (language.hash_prefixes, _PREFIX_HASHES),
        (language.paren_prefixes, _PREFIX_PARENS),
    ):
        text = words.lower() if language.ignores_case else words
        for key in tokenize(text.encode()).hashes.tolist():
            roles[key] = roles.get(key, 0) | role
    return roles


def _word_table(roles: dict[int, int]) -> NDArray[np.uint64]:
    """Pairs of hash and roles in an open-addressed table at most a quarter full; shape (2^n, 2)."""
    size = 1 << (4 * len(roles) + 4).bit_length()
    table = np.zeros((size, 2), dtype=np.uint64)
    for key, role in roles.items():
        at = key % size
        while table[at, 0]:
            at = (at + 1) % size
        table[at] = key, role
    return table


def _packed(rule: Delimiter) -> tuple[object, ...]:
    flags = (
        _NESTED * rule.nested
        | _ESCAPES * rule.escapes
        | _ONE_LINE * rule.one_line
        | _DOUBLED * rule.doubled
        | _AT_LINE_START * rule.at_line_start
        | _AFTER_SPACE * rule.after_space
        | _BEFORE_SPACE * rule.before_space
    )
    opener, closer = rule.opener.encode("ascii"), rule.closer.encode("ascii")
    if not (0 < len(opener) <= 8 and len(closer) <= 8 and (closer or rule.kind.value == 0)):
        raise ValueError(f"{rule.opener!r} … {rule.closer!r} are no delimiters")
    marker, unless = _byte(rule.marker), _byte(rule.unless_next)
    return (opener, closer, len(opener), len(closer), rule.kind.value, flags, marker, unless, (0, 0))


def _joint(language: Language) -> str:
    return "".join(part for part in language.import_bracket_follows.split() if len(part) == 1)


def _flags(language: Language) -> int:
    follows = language.import_bracket_follows.split()
    return (
        _AFTER_IMPORTS * ("imports" in follows)
        | _AFTER_WORDS * ("words" in follows)
        | _IMPORTS_ALIASES * language.imports_aliases
        | _IMPORTS_BRACKETS * language.imports_brackets
        | _HAS_PREFIXES * bool(language.prefixes)
    )


def _byte(character: str) -> int:
    return ord(character) if character else 0


def _first_rules(rules: list[Delimiter]) -> Any:
    first = (c_uint8 * 256)(*[_NO_RULE] * 256)
    for index in reversed(range(len(rules))):
        first[ord(rules[index].opener[0])] = index
    return first
