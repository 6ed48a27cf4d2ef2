"""Whose code it is: what a repository says of itself, and which of its files say something else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from attribution.licenses.expressions import UNRECOGNISED, contradict, parse
from attribution.model import NO_ASSERTION, NO_LICENSE, SourceFile

_SILENT = (NO_ASSERTION, NO_LICENSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """The files of a repository: its own, and those under another licence."""

    own: tuple[SourceFile, ...]
    foreign: tuple[SourceFile, ...]


def divide(files: Iterable[SourceFile], license: str) -> Division:
    """Part the files of a repository that is under ``license`` from those that came from elsewhere."""
    own: list[SourceFile] = []
    foreign: list[SourceFile] = []
    for file in files:
        (foreign if is_foreign(file.origin.license.expression, license) else own).append(file)
    return Division(own=tuple(own), foreign=tuple(foreign))


def is_foreign(said: str, own: str) -> bool:
    """Whether a file names a licence that is not among its repository's.

    A file that names none is the repository's own, whatever that says. Where the repository says nothing, all
    that is named is another's.

    >>> is_foreign("MIT", "MIT OR Apache-2.0"), is_foreign("MIT AND BSD-3-Clause", "MIT")
    (False, True)
    >>> is_foreign("NOASSERTION", "MIT"), is_foreign("MIT", "NOASSERTION")
    (False, True)
    """
    if said in _SILENT or said == own:
        return False
    tree = parse(said)
    if own in _SILENT or tree is None or UNRECOGNISED in said:
        return True
    return any(contradict(str(symbol), own) for symbol in tree.symbols)
