"""Which files document a project: what curation may learn from beside code, and no index is made of."""

from __future__ import annotations

import re

_MARKUP = frozenset("md markdown mkd rst rest adoc asciidoc".split())
_FOLDERS = frozenset({"doc", "docs", "documentation"})
_NAMES = frozenset(
    "readme changes changelog history news notes todo contributing faq hacking install usage".split()
)
_PLAIN = frozenset({"", "txt"})
_METADATA = re.compile(r"(?:\A|/)(?:[^/]+\.(?:dist|egg)-info/METADATA|PKG-INFO)\Z")


def is_package_metadata(path: str) -> bool:
    """Whether a path names the metadata of a Python package, which holds its readme."""
    return _METADATA.search(path) is not None


def is_documentation(path: str) -> bool:
    """Whether a file with this path documents its project: by its markup, its name, or the folder it is in.

    >>> [is_documentation(p) for p in ("README", "docs/intro.txt", "data/words.txt", "LICENSE.md", "a/b.rst")]
    [True, True, False, False, True]
    """
    from attribution.licenses.files import is_license_file  # what checks a file needs none of it

    *folders, name = path.lower().split("/")
    stem, _, extension = name.partition(".") if name.count(".") < 2 else name.rpartition(".")
    if is_license_file(path.rpartition("/")[2]):
        return False
    if extension in _MARKUP or is_package_metadata(path):
        return True
    return extension in _PLAIN and (stem in _NAMES or (extension != "" and not _FOLDERS.isdisjoint(folders)))
