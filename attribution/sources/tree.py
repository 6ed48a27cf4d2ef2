"""A folder as a source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from attribution.errors import UnreadableInputError
from attribution.licenses import license_of_file, license_of_folder
from attribution.model import License, Origin, SourceFile
from attribution.sources.files import read_code, walk_code


def read_tree(root: Path, *, skipped: Counter[str], origin: str | None = None) -> Iterator[SourceFile]:
    """Yield the code files below a folder, each under the licence file nearest above it.

    ``origin`` is the URI to report; the folder's own ``file:`` URI without it. Left-out files are counted
    in ``skipped`` by reason. Raises :class:`UnreadableInputError` where ``root`` is no folder.
    """
    if not root.is_dir():
        reason = "is not a folder" if root.exists() else "does not exist"
        raise UnreadableInputError(root, reason, remedy="name a folder that holds source code")
    root = root.resolve()
    licenses: dict[Path, License] = {}
    for path in walk_code(root, skipped=skipped):
        content = read_code(path, skipped=skipped)
        if content is not None:
            yield SourceFile(
                content=content,
                origin=Origin(
                    url=origin or root.as_uri(),
                    path=path.relative_to(root).as_posix(),
                    license=license_of_file(content, inherited=_nearest_license(path.parent, root, licenses)),
                ),
            )


def _nearest_license(folder: Path, root: Path, known: dict[Path, License]) -> License:
    """Licence of the nearest folder, from this one up to the root, that holds a licence file."""
    if folder not in known:
        found = license_of_folder(folder)
        above = folder != root and not found.evidence
        known[folder] = _nearest_license(folder.parent, root, known) if above else found
    return known[folder]
