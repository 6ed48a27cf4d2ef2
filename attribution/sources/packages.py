"""The packages installed for a Python interpreter, and its standard library, as a source."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import Distribution, PackageMetadata, PackagePath, distributions
from pathlib import Path
from typing import TypedDict

from attribution.errors import UnreadableInputError
from attribution.languages.extensions import language_of
from attribution.licenses import license_of_distribution, license_of_file, license_of_folder, metadata_field
from attribution.model import License, Origin, SourceFile
from attribution.sources.files import SkipReason, read_code, walk_code

STANDARD_LIBRARY = "cpython"
CPYTHON_URL = "https://github.com/python/cpython"
_REPOSITORY_LABELS = ("source", "sourcecode", "repository", "github", "code", "gitlab")
_FORGES = ("https://github.com/", "https://gitlab.com/", "https://codeberg.org/", "https://bitbucket.org/")
_NOT_A_REPOSITORY = ("sponsors", "orgs", "about")
_AFTER_PATH = re.compile(r"[?#]")
_BROKEN = (ValueError, TypeError, KeyError, OSError, csv.Error)
"""What importlib.metadata raises for files that are not what they should be."""
_PROBE = """
import json, platform, sys, sysconfig
paths = sysconfig.get_paths()
print(json.dumps({
    "stdlib": paths["stdlib"],
    "site": sorted({paths["purelib"], paths["platlib"]}),
    "version": platform.python_version(),
}))
"""


class _Interpreter(TypedDict):
    stdlib: str
    site: list[str]
    version: str


def read_packages(
    interpreter: Path | None = None, *, skipped: Counter[str], only: Collection[str] | None = None
) -> Iterator[SourceFile]:
    """Yield the code files of an interpreter's standard library and of its installed distributions.

    ``interpreter`` is a Python executable, this one without it. ``only`` restricts the answer to
    distributions of these names, ``cpython`` being the standard library. Left-out files are counted in
    ``skipped`` by reason. Raises :class:`UnreadableInputError` where the interpreter does not answer.
    """
    found = _ask(interpreter or Path(sys.executable))
    if only is None or STANDARD_LIBRARY in only:
        yield from _standard_library(found, skipped)
    installed = {_name(distribution): distribution for distribution in distributions(path=found["site"])}
    for name in sorted(installed):
        if only is None or name in only:
            yield from _distribution(installed[name], skipped)


def _name(distribution: Distribution) -> str:
    """Name of a distribution, empty where its metadata cannot be read."""
    try:
        return metadata_field(distribution.metadata, "Name")
    except _BROKEN:
        return ""


def _ask(interpreter: Path) -> _Interpreter:
    """Ask an interpreter, isolated from the environment and the current folder, where its packages are."""
    try:
        answer = subprocess.run(
            [str(interpreter), "-I", "-c", _PROBE], capture_output=True, check=True, timeout=60, text=True
        )
        found: _Interpreter = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        why = f"exit code {error.returncode}" if isinstance(error, subprocess.CalledProcessError) else error
        why = "no answer within a minute" if isinstance(error, subprocess.TimeoutExpired) else why
        raise UnreadableInputError(
            interpreter, f"does not run as a Python interpreter ({why})", remedy="name a python executable"
        ) from error
    return found


def _standard_library(found: _Interpreter, skipped: Counter[str]) -> Iterator[SourceFile]:
    root = Path(found["stdlib"])
    release = f"{STANDARD_LIBRARY} {found['version']}"
    read = tuple(f"{release} {evidence}" for evidence in license_of_folder(root).evidence)
    inherited = License(expression="PSF-2.0", evidence=read or (f"licence of {release}",))
    for path in walk_code(root, skipped=skipped):
        content = read_code(path, skipped=skipped)
        if content is not None:
            yield SourceFile(
                content=content,
                origin=Origin(
                    url=CPYTHON_URL,
                    path=f"Lib/{path.relative_to(root).as_posix()}",
                    revision=release,
                    license=license_of_file(content, inherited=inherited),
                ),
            )


def _distribution(distribution: Distribution, skipped: Counter[str]) -> Iterator[SourceFile]:
    try:
        files = distribution.files
        metadata = distribution.metadata  # parsed anew on each access
        url, inherited = repository_url(metadata), license_of_distribution(distribution)
        revision = _revision(metadata)
    except _BROKEN:
        skipped[SkipReason.BROKEN_PACKAGE] += 1
        return
    if files is None:
        skipped[SkipReason.NO_FILE_LIST] += 1
        return
    for listed in sorted(files):
        if language_of(listed.name) is None:
            skipped[SkipReason.NOT_CODE] += 1
            continue
        content = _read_listed(listed, skipped)
        if content is not None:
            yield SourceFile(
                content=content,
                origin=Origin(
                    url=url,
                    path=listed.as_posix(),
                    revision=revision,
                    license=license_of_file(content, inherited=inherited),
                ),
            )


def _read_listed(listed: PackagePath, skipped: Counter[str]) -> bytes | None:
    """Read a file that a package lists as its own, unless it lies elsewhere."""
    if listed.is_absolute() or ".." in listed.parts or "\0" in str(listed):
        skipped[SkipReason.OUTSIDE] += 1
        return None
    return read_code(Path(str(listed.locate())), skipped=skipped)


def _revision(metadata: PackageMetadata) -> str:
    """Name and version; raise :class:`ValueError` where the metadata lack them."""
    name, version = metadata_field(metadata, "Name"), metadata_field(metadata, "Version")
    if not name or not version:
        raise ValueError("a package without name or version")
    return f"{name} {version}"


def repository_url(metadata: PackageMetadata) -> str:
    """The repository that a distribution's project links name; its package URL where they name none."""
    links: dict[str, str] = {}
    for entry in metadata.get_all("Project-URL") or ():
        label, _, url = entry.partition(",")
        links["".join(c for c in label.lower() if c.isalpha())] = url.strip()
    links["homepage"] = metadata_field(metadata, "Home-page") or links.get("homepage", "")
    labelled = [links[label] for label in _REPOSITORY_LABELS if label in links]
    return _first_repository([*labelled, *links.values()]) or _package_url(metadata)


def _first_repository(urls: Iterable[str]) -> str | None:
    """The first URL on a known forge, cut down to the repository itself."""
    for url in urls:
        for forge in _FORGES:
            parts = _AFTER_PATH.split(url.removeprefix(forge))[0].split("/") if url.startswith(forge) else []
            if len(parts) >= 2 and all(parts[:2]) and parts[0] not in _NOT_A_REPOSITORY:
                return forge + parts[0] + "/" + parts[1].removesuffix(".git")
    return None


def _package_url(metadata: PackageMetadata) -> str:
    """Name a distribution as a package URL (purl), for want of a repository."""
    name = metadata_field(metadata, "Name").lower().replace("_", "-")
    return f"pkg:pypi/{name}@{metadata_field(metadata, 'Version')}"
