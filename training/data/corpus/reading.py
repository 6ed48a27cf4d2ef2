"""A corpus as a source: its projects one after another, each under the origin that the manifest names."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from attribution.errors import UnreadableInputError
from attribution.model import SourceFile
from attribution.sources.archives import read_archive
from attribution.sources.files import CODE, Choice
from attribution.sources.git import GitPlace, read_git
from training.data.corpus.assemble import LIST
from training.data.corpus.manifest import Kind, Project, Split, read_projects
from training.data.corpus.places import find


def projects_of(corpus: Path) -> tuple[Project, ...]:
    """What an assembled corpus holds; raise :class:`UnreadableInputError` where none is."""
    if not (corpus / LIST).is_file():
        remedy = f"assemble one: sc-attrib train corpus --out {corpus}"
        raise UnreadableInputError(corpus, "holds no corpus", remedy=remedy)
    return read_projects(corpus / LIST)


def held_out_origins(corpus: Path) -> tuple[str, ...]:
    """Origins of the projects for evaluation."""
    return tuple(sorted({p.origin for p in projects_of(corpus) if p.split is Split.HELD_OUT}))


def name_of(corpus: Path) -> str:
    """A name of what a corpus holds, wherever it lies: it changes with its list of projects."""
    projects_of(corpus)
    return f"corpus {hashlib.sha256((corpus / LIST).read_bytes()).hexdigest()[:16]}"


def read_corpus(corpus: Path, *, skipped: Counter[str], choice: Choice = CODE) -> Iterator[SourceFile]:
    """Yield the code files of all projects, in the order of the list.

    Raises :class:`UnreadableInputError` where a listed project is gone or cannot be read: a corpus is read
    whole or not at all.
    """
    for project in projects_of(corpus):
        place = find(corpus, project)
        if place is None:
            reason = f"{project.kind} {project.name} {project.revision} is not there any more"
            raise UnreadableInputError(corpus, reason, remedy="assemble it again: sc-attrib train corpus")
        if project.kind is Kind.GIT:
            repository = GitPlace(repository=str(place), revision=project.revision)
            yield from read_git(repository, skipped=skipped, origin=project.origin, choice=choice)
        else:
            yield from read_archive(place, skipped=skipped, origin=project.origin, choice=choice)
