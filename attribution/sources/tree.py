"""A folder as a source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from attribution.errors import UnreadableInputError
from attribution.licenses.conclude import conclude
from attribution.licenses.files import MAX_TEXT_BYTES
from attribution.licenses.headers import statements_of_file
from attribution.licenses.tree import TreeLicenses
from attribution.model import Origin, SourceFile
from attribution.sources.files import CODE, Choice, read_code, walk_code, walk_paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One of several readers of a folder, who together read each file once."""

    number: int = 0
    of: int = 1

    def has(self, place: str) -> bool:
        """Whether this one reads a file; whatever else is in the folder does not change that."""
        return crc32(place.encode("utf-8", "surrogateescape")) % self.of == self.number


ALL = Share()


def read_tree(
    root: Path,
    *,
    skipped: Counter[str],
    origin: str | None = None,
    choice: Choice = CODE,
    share: Share = ALL,
) -> Iterator[SourceFile]:
    """Yield the code files below a folder, each under the licence file nearest above it.

    ``origin`` is the URI to report; the folder's own ``file:`` URI without it. Left-out files are counted
    in ``skipped`` by reason; of several shares, the first counts those that are left out unread. Raises
    :class:`UnreadableInputError` where ``root`` is no folder.
    """
    if not root.is_dir():
        reason = "is not a folder" if root.exists() else "does not exist"
        raise UnreadableInputError(root, reason, remedy="name a folder that holds source code")
    root = root.resolve()
    licenses = licenses_of_folder(root)
    for path in walk_code(root, skipped=skipped if share.number == 0 else Counter(), choice=choice):
        place = path.relative_to(root).as_posix()
        content = read_code(path, skipped=skipped, choice=choice) if share.has(place) else None
        if content is not None:
            stated = (*statements_of_file(content, place), *licenses.above(place))
            yield SourceFile(
                content=content,
                origin=Origin(url=origin or root.as_uri(), path=place, license=conclude(stated)),
            )


def licenses_of_folder(root: Path) -> TreeLicenses:
    """The licences in a folder on disk; what cannot be read there states nothing."""
    return TreeLicenses(walk_paths(root), lambda path: read_start(root / path))


def read_start(path: Path) -> bytes | None:
    """As much of a file as may hold a licence; ``None`` where it cannot be read or is no file."""
    try:
        if not path.is_file():  # a pipe would wait for ever
            return None
        with path.open("rb") as file:
            return file.read(MAX_TEXT_BYTES)
    except (OSError, ValueError):
        return None
