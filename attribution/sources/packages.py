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
from attribution.licenses.conclude import conclude
from attribution.licenses.headers import statements_of_file
from attribution.licenses.metadata import metadata_field, statements_of_distribution
from attribution.licenses.statement import Statement, Witness
from attribution.licenses.tree import TreeLicenses
from attribution.model import Origin, SourceFile
from attribution.sources.files import CODE, Choice, SkipReason, read_code, reason_by_path, walk_code
from attribution.sources.remotes import web_url
from attribution.sources.tree import read_start

STANDARD_LIBRARY = "cpython"
CPYTHON_URL = "https://github.com/python/cpython"
_REPOSITORY_LABELS = ("source", "sourcecode", "repository", "github", "code", "gitlab")
_FORGES = ("https://github.com/", "https://gitlab.com/", "https://codeberg.org/", "https://bitbucket.org/")
_NOT_A_REPOSITORY = ("sponsors", "orgs", "about")
_METADATA_FOLDERS = (".dist-info", ".egg-info")
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
    interpreter: Path | None = None,
    *,
    skipped: Counter[str],
    only: Collection[str] | None = None,
    choice: Choice = CODE,
) -> Iterator[SourceFile]:
    """Yield the code files of an interpreter's standard library and of its installed distributions.

    ``interpreter`` is a Python executable, this one without it. ``only`` restricts the answer to
    distributions of these names, ``cpython`` being the standard library. Left-out files are counted in
    ``skipped`` by reason. Raises :class:`UnreadableInputError` where the interpreter does not answer.
    """
    found = _ask(interpreter or Path(sys.executable))
    if only is None or STANDARD_LIBRARY in only:
        yield from _standard_library(found, skipped, choice)
    installed = {_name(distribution): distribution for distribution in distributions(path=found["site"])}
    for name in sorted(installed):
        if only is None or name in only:
            yield from _distribution(installed[name], skipped, choice)


def _name(distribution: Distribution) -> str:
    """Name of a distribution, empty where its metadata cannot be read."""
    try:
        return metadata_field(distribution.metadata, "Name")
    except _BROKEN:
        return ""


def _why(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"exit code {error.returncode}"
    if isinstance(error, subprocess.TimeoutExpired):
        return "no answer within a minute"
    return str(getattr(error, "strerror", None) or error)


def _ask(interpreter: Path) -> _Interpreter:
    """Ask an interpreter, isolated from the environment and the current folder, where its packages are."""
    try:
        answer = subprocess.run(
            [str(interpreter), "-I", "-c", _PROBE], capture_output=True, check=True, timeout=60, text=True
        )
        found: _Interpreter = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise UnreadableInputError(
            interpreter,
            f"does not run as a Python interpreter ({_why(error)})",
            remedy="name a python executable",
        ) from error
    return found


def _standard_library(found: _Interpreter, skipped: Counter[str], choice: Choice) -> Iterator[SourceFile]:
    root = Path(found["stdlib"])
    release = f"{STANDARD_LIBRARY} {found['version']}"
    stated = Statement(expression="PSF-2.0", witness=Witness.MANIFEST, evidence=f"licence of {release}")
    licenses = TreeLicenses((), lambda _: None, whole=(stated,))
    for path in walk_code(root, skipped=skipped, choice=choice):
        content = read_code(path, skipped=skipped, choice=choice)
        if content is not None:
            place = path.relative_to(root).as_posix()
            yield SourceFile(
                content=content,
                origin=Origin(
                    url=CPYTHON_URL,
                    path=f"Lib/{place}",
                    revision=release,
                    license=conclude((*statements_of_file(content, place), *licenses.above(place))),
                ),
            )


def _distribution(distribution: Distribution, skipped: Counter[str], choice: Choice) -> Iterator[SourceFile]:
    try:
        files = distribution.files
        metadata = distribution.metadata  # parsed anew on each access
        url, licenses = repository_url(metadata), _licenses(distribution)
        revision = _revision(metadata)
    except _BROKEN:
        skipped[SkipReason.BROKEN_PACKAGE] += 1
        return
    if files is None:
        skipped[SkipReason.NO_FILE_LIST] += 1
        return
    for listed in sorted(files):
        reason = reason_by_path(listed.as_posix(), choice=choice)
        if reason is not None:
            skipped[reason] += 1
            continue
        content = _read_listed(listed, skipped, choice)
        if content is not None:
            yield SourceFile(
                content=content,
                origin=Origin(
                    url=url,
                    path=listed.as_posix(),
                    revision=revision,
                    license=conclude(
                        (*statements_of_file(content, listed.as_posix()), *licenses.above(listed.as_posix()))
                    ),
                ),
            )


def _licenses(distribution: Distribution) -> TreeLicenses:
    """The licences in a distribution: its metadata for all files, and those in folders nearer to them."""
    listed = {
        path.as_posix(): path
        for path in distribution.files or ()
        if _is_inside(path) and not path.parts[0].endswith(_METADATA_FOLDERS)
    }
    return TreeLicenses(
        listed,
        lambda path: read_start(Path(str(listed[path].locate()))),
        whole=statements_of_distribution(distribution),
    )


def _is_inside(listed: PackagePath) -> bool:
    return not listed.is_absolute() and ".." not in listed.parts and "\0" not in str(listed)


def _read_listed(listed: PackagePath, skipped: Counter[str], choice: Choice) -> bytes | None:
    """Read a file that a package lists as its own, unless it lies elsewhere."""
    if not _is_inside(listed):
        skipped[SkipReason.OUTSIDE] += 1
        return None
    return read_code(Path(str(listed.locate())), skipped=skipped, choice=choice)


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
                found = web_url(f"{forge}{parts[0]}/{parts[1]}")
                if found is not None:
                    return found
    return None


def _package_url(metadata: PackageMetadata) -> str:
    """Name a distribution as a package URL (purl), for want of a repository."""
    name = metadata_field(metadata, "Name").lower().replace("_", "-")
    return f"pkg:pypi/{name}@{metadata_field(metadata, 'Version')}"
