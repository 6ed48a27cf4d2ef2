"""Which language a document is in: by its name, by its first line, and where these say nothing by its text.

The names are go-enry's, as The Stack has them. Code is what :mod:`attribution.languages` knows; the names
below are those of data, markup and prose, for which The Stack has rules of its own.
"""

from __future__ import annotations

from attribution.languages.extensions import LANGUAGES, language_of
from training.data.ambiguous import language_by_content

UNKNOWN = "Unknown"
_CODE = frozenset(LANGUAGES.values())
_NO_CODE = {
    extension: language
    for language, extensions in {
        "AsciiDoc": "adoc asciidoc",
        "Graphviz (DOT)": "dot gv",
        "HTML": "html htm xhtml",
        "JSON": "json jsonl geojson webmanifest",
        "Markdown": "md markdown mkd",
        "Motorola 68K Assembly": "x68",
        "Roff": "roff man me",
        "SMT": "smt2 smt",
        "SVG": "svg",
        "TOML": "toml",
        "TeX": "tex sty cls bib",
        "Text": "txt",
        "Web Ontology Language": "owl",
        "WebAssembly": "wat wast",
        "XML": "xml xsd xsl xslt wsdl",
        "YAML": "yaml yml",
        "reStructuredText": "rst rest",
    }.items()
    for extension in extensions.split()
}
_BY_NAME = {
    "cmakelists.txt": "CMake",
    "dockerfile": "Dockerfile",
    "gemfile": "Ruby",
    "makefile": "Makefile",
    "rakefile": "Ruby",
    "readme": "Text",
}


def language_of_document(path: str, content: bytes) -> str:
    r"""Name the language of a file by its name and its text; :data:`UNKNOWN` where nothing tells.

    >>> language_of_document("a/b.py", b""), language_of_document("run", b"#!/usr/bin/env python3\n")
    ('Python', 'Python')
    >>> language_of_document("a.h", b"template <class T>\nstruct A {};\n"), language_of_document("a.h", b"")
    ('C++', 'C')
    """
    name = path.rpartition("/")[2].lower()
    _, dot, extension = name.rpartition(".")
    told = _BY_NAME.get(name) or language_by_content(dot + extension if dot else "", content)
    known = told or language_of(name) or (_NO_CODE.get(extension) if dot else None)
    return known or language_by_content("", content) or _by_text(content)


def _by_text(content: bytes) -> str:
    """Imports late: hardly any file needs it."""
    from attribution.languages.guess import guess_language

    name = guess_language(content).name
    return name if name in _CODE else UNKNOWN
