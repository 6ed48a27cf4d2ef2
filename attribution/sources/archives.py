"""A published archive as a source: sdist, wheel, npm package, crate, jar, or the snapshot of a forge."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from attribution.licenses.conclude import conclude
from attribution.licenses.files import (
    MAX_TEXT_BYTES,
    is_license_file,
    speaks_of_licenses,
    statements_of_texts,
)
from attribution.licenses.headers import statements_of_file
from attribution.licenses.manifests import is_manifest, statements_of_manifest
from attribution.licenses.tree import TreeLicenses
from attribution.model import Origin, SourceFile
from attribution.sources.archive_members import Member, members
from attribution.sources.files import (
    CODE,
    MAX_FILE_BYTES,
    Choice,
    SkipReason,
    reason_by_content,
    reason_by_path,
)
from attribution.sources.manifests import Release, manifest_rank, read_manifest
from attribution.swhid import ObjectType, Swhid

_KEPT_BYTES = 32 << 20
"""Of manifests and licence texts together; what is more states nothing."""
_METADATA_FOLDER = re.compile(r"[^/]+\.dist-info/|META-INF/")
"""Of wheels and jars: what is in it is about all of the package."""
_WITHOUT_ROOT = (".whl", ".jar")
"""Formats whose first folder is a package, not a wrapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Overview:
    """What an archive says of itself."""

    root: str
    """The folder that wraps everything, with a slash; empty where there is none."""
    url: str
    revision: str | None
    licenses: TreeLicenses


def read_archive(
    path: Path,
    *,
    skipped: Counter[str],
    choice: Choice = CODE,
    origin: str | None = None,
) -> Iterator[SourceFile]:
    """Yield the code files in an archive, under the licence of its manifest or the file nearest above.

    The archive is read twice, first for what it says of itself, and nothing of it is written to disk. The
    origin is the repository that its manifest names, else the package's URL (purl), else the archive's
    ``file:`` URI; ``origin`` goes before. A snapshot that git made is anchored at its commit. Raises
    :class:`UnreadableInputError` for what is no whole archive, or a bomb.
    """
    overview = _look_through(path, origin)
    seen: set[str] = set()
    for member in members(path):
        place = member.path.removeprefix(overview.root)
        reason = _reason_to_skip(member, place, seen, choice)
        seen.add(place)
        content = member.read() if reason is None else b""
        reason = reason or reason_by_content(content, choice=choice)
        if reason is not None:
            skipped[reason] += 1
            continue
        stated = (*statements_of_file(content, place), *overview.licenses.above(place))
        yield SourceFile(
            content=content,
            origin=Origin(url=overview.url, path=place, revision=overview.revision, license=conclude(stated)),
        )


def _reason_to_skip(member: Member, place: str, seen: set[str], choice: Choice) -> SkipReason | None:
    """Why a member is not read; of several with one name the first is."""
    if member.reason is not None:
        return member.reason
    if place in seen:
        return SkipReason.DUPLICATE
    reason = reason_by_path(place, choice=choice)
    return SkipReason.TOO_LARGE if reason is None and member.size > MAX_FILE_BYTES else reason


def _look_through(path: Path, origin: str | None) -> _Overview:
    """Read names, manifests and licence texts."""
    wrapping: str | None = None
    texts: dict[str, bytes] = {}
    room, commit = _KEPT_BYTES, None
    for member in members(path):
        commit = member.commit or commit
        if member.reason is None:
            folder = _first_folder(member.path)
            wrapping = folder if wrapping in (None, folder) else ""
            if _may_speak(member.path) and member.size <= room:
                texts.setdefault(member.path, member.read()[:room])
                room -= len(texts[member.path])
    root = "" if path.suffix.lower() in _WITHOUT_ROOT else wrapping or ""
    texts = {name.removeprefix(root): text for name, text in texts.items()}
    release = _release(texts)
    return _Overview(
        root=root,
        url=origin or (release.url if release else path.resolve().as_uri()),
        revision=_anchor(commit) or (release.name if release else None),
        licenses=_licenses(texts, release),
    )


def _may_speak(path: str) -> bool:
    inner = path.partition("/")[2]
    return speaks_of_licenses(path) or manifest_rank(path) is not None or manifest_rank(inner) is not None


def _first_folder(path: str) -> str:
    """With a slash; empty for a file at the top. The one that all files share is a wrapping."""
    first, slash, _ = path.partition("/")
    return first + slash if slash else ""


def _release(texts: dict[str, bytes]) -> Release | None:
    """What the manifest of the lowest rank says that can be read."""
    ranked = sorted((rank, path) for path in texts if (rank := manifest_rank(path)) is not None)
    found = (read_manifest(path, texts[path]) for _, path in ranked)
    return next((release for release in found if release is not None), None)


def _licenses(texts: dict[str, bytes], release: Release | None) -> TreeLicenses:
    """The package's own metadata and the licence files beside them speak for all files, as its root does."""
    inside = {path: text[:MAX_TEXT_BYTES] for path, text in texts.items()}
    beside = sorted(path for path in inside if _METADATA_FOLDER.match(path))
    whole = release.statements if release else ()
    for path in beside:
        if is_manifest(path.rpartition("/")[2]):
            whole = (*whole, *statements_of_manifest(inside[path], path))
    named = [(path, inside[path]) for path in beside if is_license_file(path.rpartition("/")[2])]
    whole = (*whole, *statements_of_texts(named))
    return TreeLicenses((path for path in inside if path not in beside), inside.get, whole=whole)


def _anchor(commit: str | None) -> str | None:
    """The SWHID of the commit that a snapshot was made from."""
    try:
        return str(Swhid(object_type=ObjectType.REVISION, object_id=commit)) if commit else None
    except ValueError:
        return None
