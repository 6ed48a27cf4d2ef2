"""Real code to measure with: old and new versions of real packages, fetched and cached, never committed.

Python comes through ``pip download``, JavaScript and TypeScript (and Java for Android) through ``npm pack``,
Go, Rust and Java through ``apt-get download`` from two releases of Debian, with an apt state of its own in
the cache folder: nothing is installed, no code of a package is run, and no address stands in this file, since
each client knows its own. Everything is pinned by name and version. Of every package only its own code is
kept, as one zip file, so a second run reads the disk alone, and one that was cut off goes on where it was.

Left out: tests and their data, vendored packages, minified and generated bundles, type declarations, and
files under 200 bytes or over 200 kB. The new versions are indexed, the old ones only asked about; held-out
packages are neither indexed nor vendored by one that is.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from attribution.model import NO_ASSERTION, License, Origin, SourceFile
from tracing.corpus_fetch import fetch_missing
from tracing.corpus_packages import LANGUAGES, Release, held_out_releases, indexed_releases

DEFAULT_CORPUS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "sc-attrib", "benchmarks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What a benchmark is made of; no content stands twice in ``indexed``."""

    indexed: list[SourceFile]
    older: list[tuple[SourceFile, SourceFile]]
    """A file of an old version, and the file of the same path in the version that is indexed."""
    held_out: list[SourceFile]

    @property
    def key(self) -> str:
        """Names the indexed contents, for what is cached of them."""
        digest = hashlib.sha1()
        for file in self.indexed:
            digest.update(file.swhid.digest)
        return digest.hexdigest()[:12]

    def describe(self) -> str:
        """How many files and bytes of which language, as lines of text."""
        lines = []
        for title, files in (
            ("indexed", self.indexed),
            ("held out", self.held_out),
            ("older versions", [old for old, _ in self.older]),
        ):
            count = Counter(language_of(file) for file in files)
            size = sum(len(file.content) for file in files)
            parts = ", ".join(f"{n:,} {language}" for language, n in sorted(count.items()))
            lines.append(f"{title}: {len(files):,} files, {size / 1e6:.1f} MB ({parts})")
        return "\n".join(lines)


def language_of(file: SourceFile) -> str:
    """Language of a file of the corpus."""
    return LANGUAGES[extension_of(file)]


def extension_of(file: SourceFile) -> str:
    """Extension of a file, without the dot."""
    return file.origin.path.rpartition(".")[2]


def read_corpus(folder: Path, *, quick: bool = False) -> Corpus:
    """Fetch what is missing and read the corpus; raises :class:`CorpusError` where that is impossible.

    ``quick`` takes a few packages of each language only.
    """
    pairs, held_out = indexed_releases(quick=quick), held_out_releases()
    releases = [new for new, _ in pairs] + [old for _, old in pairs if old] + held_out
    fetch_missing(folder, releases)
    indexed, by_place = _distinct(file for new, _ in pairs for file in _read(folder, new)), {}
    for new, old in pairs:
        if old is not None:
            by_place[old] = {file.origin.path: file for file in indexed if file.origin.url == new.url}
    languages = {language_of(file) for file in indexed}
    outside = _distinct(file for release in held_out for file in _read(folder, release))
    return Corpus(
        indexed=indexed,
        older=[
            (file, places[file.origin.path])
            for old, places in by_place.items()
            for file in _read(folder, old)
            if file.origin.path in places and file.content != places[file.origin.path].content
        ],
        held_out=[file for file in outside if language_of(file) in languages],
    )


def _distinct(files: Iterable[SourceFile]) -> list[SourceFile]:
    return list({file.content: file for file in reversed(list(files))}.values())[::-1]


def _read(folder: Path, release: Release) -> Iterator[SourceFile]:
    with zipfile.ZipFile(folder / "packages" / release.file_name) as archive:
        license = License(expression=archive.comment.decode() or NO_ASSERTION)
        for name in sorted(archive.namelist()):
            origin = Origin(
                url=release.url,
                path=name,
                revision=f"{release.name} {release.version}",
                license=license,
            )
            yield SourceFile(content=archive.read(name), origin=origin)
