"""Licences: what a file or package says of its own, as SPDX expressions with their evidence.

Precedence, most specific first: the file's own ``SPDX-License-Identifier``; then for a package its
``License-Expression``, its licence classifiers, its ``License`` field and its licence files; for a folder
the nearest licence file above. All that was read is kept as evidence; what cannot be told is
``NOASSERTION``, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.languages.extensions import language_of
from attribution.model import NO_ASSERTION, License

if TYPE_CHECKING:
    from importlib.metadata import Distribution, PackageMetadata

_HEADER_BYTES = 4096
_LICENSE_TEXT_BYTES = 1 << 16
_COMMENT_SIGN = rb"(?:#|//|/\*|\*|<!--|--|;|%|\(\*|\"{3}|'{3}|\.\.|REM|dnl|\{-)"
_COMMENT_END = rb"(?:\*/|\*\)|-->|-\}|\]\]|[\"'#]|\r?$)"
_SPDX_TAG = re.compile(
    rb"^[ \t]*" + _COMMENT_SIGN + rb"?[*#/!; \t]*SPDX-License-Identifier:[ \t]*"
    rb"([A-Za-z0-9.+\-() ]+?)[ \t]*" + _COMMENT_END,
    re.MULTILINE,
)
"""At the start of a line, behind nothing but the signs of a comment."""
_LICENSE_FILE = re.compile(r"(licen[cs]e|copying|unlicense)([.\-_].*)?", re.IGNORECASE)
UNRECOGNISED = "LicenseRef-unrecognised"
"""Stands in an expression for a licence text that is there and could not be told."""
_SHORT_FIELD = 60
_IDENTIFIER = re.compile(r"[A-Za-z0-9.+\-]+")
_SYMBOL = re.compile(rf"{_IDENTIFIER.pattern}(?: WITH {_IDENTIFIER.pattern})?")


class LicenseCategory(StrEnum):
    """How far a licence reaches, mildest first."""

    PERMISSIVE = "permissive"
    WEAK_COPYLEFT = "weak-copyleft"
    STRONG_COPYLEFT = "strong-copyleft"
    UNKNOWN = "unknown"


_STRICTNESS = list(LicenseCategory)

_CATEGORIES = {
    LicenseCategory.PERMISSIVE: """
        0BSD AFL-2.1 AFL-3.0 Apache-1.1 Apache-2.0 BlueOak-1.0.0 BSD-1-Clause BSD-2-Clause
        BSD-2-Clause-Patent BSD-3-Clause BSD-3-Clause-Clear BSD-4-Clause BSL-1.0 bzip2-1.0.6 CC-BY-3.0
        CC-BY-4.0 CC0-1.0 CNRI-Python curl ECL-2.0 FTL HPND ICU ISC JSON Libpng libtiff MIT MIT-0 MIT-CMU
        MS-PL NCSA OFL-1.1 OpenSSL PHP-3.01 PostgreSQL PSF-2.0 Python-2.0 Python-2.0.1 Ruby Unicode-3.0
        Unicode-DFS-2016 Unlicense UPL-1.0 W3C WTFPL X11 ZPL-2.1 Zlib zlib-acknowledgement""",
    LicenseCategory.WEAK_COPYLEFT: """
        Artistic-1.0 Artistic-2.0 CDDL-1.0 CDDL-1.1 CPL-1.0 EPL-1.0 EPL-2.0 EUPL-1.1 EUPL-1.2
        LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later
        MPL-1.0 MPL-1.1 MPL-2.0 MS-RL OSL-3.0""",
    LicenseCategory.STRONG_COPYLEFT: """
        AGPL-3.0-only AGPL-3.0-or-later CC-BY-SA-3.0 CC-BY-SA-4.0 GPL-1.0-only GPL-1.0-or-later
        GPL-2.0-only GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later SSPL-1.0""",
}
_CATEGORY_OF = {
    identifier.lower(): category for category, ids in _CATEGORIES.items() for identifier in ids.split()
}
_DEPRECATED = re.compile(r"(?:a|l)?gpl-[123]\.[01]\+?", re.IGNORECASE)

_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Universal Permissive License (UPL)": "UPL-1.0",
    "zlib/libpng License": "Zlib",
    "Zope Public License": "ZPL-2.1",
}
_NAMES = {
    "apache": "Apache-2.0",
    "apache2": "Apache-2.0",
    "apache20": "Apache-2.0",
    "apache20license": "Apache-2.0",
    "apachelicense20": "Apache-2.0",
    "apachelicenseversion20": "Apache-2.0",
    "apachesoftwarelicense20": "Apache-2.0",
    "asl20": "Apache-2.0",
    "bsd2clause": "BSD-2-Clause",
    "bsd2clauselicense": "BSD-2-Clause",
    "simplifiedbsd": "BSD-2-Clause",
    "3clausebsd": "BSD-3-Clause",
    "bsd3clause": "BSD-3-Clause",
    "bsd3clauselicense": "BSD-3-Clause",
    "modifiedbsd": "BSD-3-Clause",
    "newbsd": "BSD-3-Clause",
    "gplv2": "GPL-2.0-only",
    "gplv3": "GPL-3.0-only",
    "isc": "ISC",
    "isclicense": "ISC",
    "mit": "MIT",
    "mitlicense": "MIT",
    "themitlicense": "MIT",
    "mozillapubliclicense20": "MPL-2.0",
    "mpl20": "MPL-2.0",
    "psf": "PSF-2.0",
    "psf20": "PSF-2.0",
    "publicdomain": "LicenseRef-Public-Domain",
    "unlicense": "Unlicense",
    "zlib": "Zlib",
}
_LOOKALIKES = (
    "business source license",
    "commons clause",
    "eclipse public license",
    "gnu library general public license",
    "server side public license",
    "shall be used for good, not evil",
    "all advertising materials mentioning features",
)
"""Phrases of licences that quote one of the next table, or differ from it by a clause."""
_LOOKALIKE_REACH = 1600
"""Characters behind the start of a licence in which such a phrase belongs to the same text."""
_PHRASES = (
    ("AGPL-3.0-only", ("gnu affero general public license", "version 3")),
    ("LGPL-3.0-only", ("gnu lesser general public license", "version 3")),
    ("LGPL-2.1-only", ("gnu lesser general public license", "version 2.1")),
    ("GPL-3.0-only", ("gnu general public license", "version 3")),
    ("GPL-2.0-only", ("gnu general public license", "version 2")),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("PSF-2.0", ("python software foundation license version 2",)),
    ("BSL-1.0", ("boost software license", "version 1.0")),
    ("Unlicense", ("free and unencumbered software released into the public domain",)),
    ("CC0-1.0", ("cc0 1.0 universal",)),
    (
        "BSD-3-Clause",
        ("redistribution and use in source and binary forms", "endorse or promote products derived"),
    ),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",)),
    (
        "MIT",
        (
            "permission is hereby granted, free of charge, to any person",
            "the above copyright notice and this",
        ),
    ),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software", "appear in all copies")),
    ("Zlib", ("this software is provided 'as-is'", "altered source versions must be plainly marked")),
)


def license_of_file(content: bytes, *, inherited: License) -> License:
    """Licence that a file's own SPDX headers state, all of them; the inherited one where it has none."""
    stated = [tag.decode("ascii").strip() for tag in _SPDX_TAG.findall(content[:_HEADER_BYTES])]
    stated = [expression for expression in dict.fromkeys(stated) if is_expression(expression)]
    if not stated:
        return inherited
    headers = tuple(f"file header: SPDX-License-Identifier: {expression}" for expression in stated)
    joined = stated[0] if len(stated) == 1 else " AND ".join(f"({e})" if " " in e else e for e in stated)
    return License(expression=joined, evidence=(*headers, *inherited.evidence))


def license_of_folder(folder: Path) -> License:
    """Licence by the licence files directly in a folder; without evidence where there are none."""
    try:
        paths = sorted(p for p in folder.iterdir() if _is_license_file(p.name) and p.is_file())
    except OSError:
        return License()
    return _combine((path.name, read_license_text(path)) for path in paths)


def license_of_distribution(distribution: Distribution) -> License:
    """Licence of an installed Python distribution, by the most authoritative of its statements."""
    metadata = distribution.metadata  # parsed anew on each access
    label = f"{metadata_field(metadata, 'Name')}-{metadata_field(metadata, 'Version')} METADATA"
    expression = metadata_field(metadata, "License-Expression")
    if expression and is_expression(expression):
        return License(expression=expression, evidence=(f"{label}: License-Expression: {expression}",))
    classifiers = [c for c in metadata.get_all("Classifier") or () if c.startswith("License ::")]
    names = [classifier.rpartition(" :: ")[2] for classifier in classifiers]
    known = dict.fromkeys(_CLASSIFIERS.get(name, "") for name in names if name != "OSI Approved")
    evidence = tuple(f"{label}: Classifier: {classifier}" for classifier in classifiers)
    if known and all(known):  # a classifier for a family, such as "BSD License", tells too little
        return License(expression=" AND ".join(known), evidence=evidence)
    stated = metadata_field(metadata, "License")
    named = _by_name(stated)
    if named:
        return License(expression=named, evidence=(f"{label}: License: {stated}", *evidence))
    by_text = _combine((name, _recognise(text)) for name, text in _license_files(distribution))
    return License(expression=by_text.expression, evidence=(*by_text.evidence, *evidence))


def metadata_field(metadata: PackageMetadata, name: str) -> str:
    """A field of a distribution's metadata, empty where it is missing."""
    values = metadata.get_all(name) or [""]
    return str(values[0]).strip()


def _license_files(distribution: Distribution) -> Iterable[tuple[str, str]]:
    for path in distribution.files or ():
        if ".dist-info" in str(path) and _is_license_file(path.name):
            try:
                yield str(path), _read_text(Path(str(path.locate())))
            except OSError:
                continue


def _by_name(stated: str) -> str | None:
    """SPDX expression for what a ``License`` field says in its own words."""
    if not stated or len(stated) > _SHORT_FIELD:
        return None
    named = _NAMES.get("".join(c for c in stated.lower() if c.isalnum()))
    return named or (stated if category(stated) is not LicenseCategory.UNKNOWN else None)


def read_license_text(path: Path) -> str:
    """Recognise the licence text in a file: an SPDX id, or ``NOASSERTION``."""
    try:
        return _recognise(_read_text(path))
    except OSError:
        return NO_ASSERTION


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LICENSE_TEXT_BYTES).decode("utf-8", "replace")


def _is_license_file(name: str) -> bool:
    """Whether a name is that of a licence text, not of a module such as ``license.py``."""
    return _LICENSE_FILE.fullmatch(name) is not None and language_of(name) is None


def _recognise(text: str) -> str:
    """Tell a licence by phrases that its text must hold; of several texts in one file the first counts."""
    plain = " ".join(text.lower().split())
    found = [
        (plain.index(phrases[0]), rank, identifier)
        for rank, (identifier, phrases) in enumerate(_PHRASES)
        if all(phrase in plain for phrase in phrases)
    ]
    if not found:
        return NO_ASSERTION
    start, _, identifier = min(found)
    same_text = plain[: start + _LOOKALIKE_REACH]
    return NO_ASSERTION if any(phrase in same_text for phrase in _LOOKALIKES) else identifier


def _combine(found: Iterable[tuple[str, str]]) -> License:
    """Join the licences of several files; one that is not recognised stays in as unrecognised."""
    pairs = list(found)
    identifiers = dict.fromkeys(identifier for _, identifier in pairs)
    evidence = tuple(f"{name}: {identifier}" for name, identifier in pairs)
    if set(identifiers) <= {NO_ASSERTION}:
        return License(evidence=evidence)
    named = [UNRECOGNISED if identifier == NO_ASSERTION else identifier for identifier in identifiers]
    return License(expression=" AND ".join(named), evidence=evidence)


def is_expression(text: str) -> bool:
    """Whether a text parses as an SPDX licence expression (the ids in it need not be known)."""
    tree = _parse(text)
    return tree is not None and all(_SYMBOL.fullmatch(str(symbol)) for symbol in tree.symbols)


@lru_cache(maxsize=4096)
def category(expression: str) -> LicenseCategory:
    """How far an expression reaches: of ``AND`` the strictest part counts, of ``OR`` the mildest."""
    if _IDENTIFIER.fullmatch(expression):
        return _category_of_id(expression)
    return _category_of_tree(_parse(expression))


def _category_of_tree(tree: Any) -> LicenseCategory:
    parts = [_category_of_tree(part) for part in getattr(tree, "args", ())]
    if parts:
        choose = min if tree.operator.strip() == "OR" else max
        return choose(parts, key=_STRICTNESS.index)
    base = getattr(tree, "license_symbol", tree)  # X WITH exception: judged as X
    return _category_of_id(getattr(base, "key", ""))


def _category_of_id(identifier: str) -> LicenseCategory:
    key = identifier.lower()
    if _DEPRECATED.fullmatch(key):
        key = key.removesuffix("+") + "-only"
    return _CATEGORY_OF.get(key, LicenseCategory.UNKNOWN)


def _parse(expression: str) -> Any:
    """Parse with license-expression; ``None`` for what is no expression."""
    from license_expression import ExpressionError, ExpressionParseError

    try:
        return _licensing().parse(expression)
    except (ExpressionError, ExpressionParseError):
        return None


@lru_cache(maxsize=1)
def _licensing() -> Any:
    from license_expression import Licensing

    return Licensing()
