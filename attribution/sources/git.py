"""A git repository as a source: the files of one commit, or every version of every file up to it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from attribution.errors import UnreadableInputError, UsageError
from attribution.licenses.conclude import conclude
from attribution.licenses.headers import statements_of_file
from attribution.model import License, Origin, SourceFile
from attribution.sources.files import (
    CODE,
    MAX_FILE_BYTES,
    Choice,
    SkipReason,
    reason_by_content,
    reason_by_path,
)
from attribution.sources.git_clone import clone, is_remote
from attribution.sources.git_command import GitRepository
from attribution.sources.git_objects import GitObject, ObjectReader
from attribution.sources.git_tree import CommitLicenses
from attribution.sources.git_versions import Entry, Version, changes_up_to, files_of, resolve
from attribution.sources.remotes import web_url, without_credentials

_ANY_NAME = "any-file-at-the-top"
_BY_MODE = {b"120000": SkipReason.LINK, b"160000": SkipReason.SUBMODULE}


@dataclass(frozen=True, slots=True, kw_only=True)
class GitPlace:
    """A repository and a revision of it, as a user names them: ``REPO`` or ``REPO@REV``."""

    repository: str
    """Path or URL."""
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> GitPlace:
        """Split at the ``@`` behind an existing path, or in the path of a URL.

        >>> GitPlace.parse("git@example.org:team/tool.git@v1.0")
        GitPlace(repository='git@example.org:team/tool.git', revision='v1.0')
        """
        is_whole = _has_path if is_remote(text) else os.path.exists
        if is_remote(text) or not os.path.exists(text):  # noqa: PTH110 - answers for any text
            for at in (match.start() for match in re.finditer("@", text)):
                if is_whole(text[:at]):
                    return cls(repository=text[:at], revision=text[at + 1 :])
        return cls(repository=text)


def read_git(
    place: GitPlace,
    *,
    skipped: Counter[str],
    choice: Choice = CODE,
    with_history: bool = False,
    origin: str | None = None,
    cache: Path | None = None,
) -> Iterator[SourceFile]:
    """Yield the code files of a commit (default: of ``HEAD``), each under the licence nearest above it.

    ``with_history`` yields every version of every file that the commit descends from, each content once,
    where it first appeared: parents before children, else by the committers' clocks. About 100 bytes of
    memory are kept for each. Dates are committers' dates. ``origin`` is the URI to report; the address of
    the remote without it, or the repository's own ``file:`` URI. A URL is cloned into ``cache``, or a
    temporary folder. Nothing is checked out, and nothing that a repository configures is run. Raises
    :class:`UnreadableInputError` for what is no readable repository and :class:`UsageError` for a revision
    that looks like an option.
    """
    if not place.repository:
        raise UsageError("an empty name is no repository; name a path or a URL")
    if place.revision is not None and (place.revision.startswith("-") or not place.revision):
        raise UsageError(f"{place.revision!r} is no revision; name a branch, a tag or a commit")
    with _opened(place, with_history, cache) as (repository, revision, address):
        commit = resolve(repository, revision)
        entries = changes_up_to(repository, commit) if with_history else files_of(repository, commit)
        wanted = _wanted(entries, skipped, choice, each_once=with_history)
        yield from _read(repository, wanted, origin or address, skipped, choice)


def license_at_top(place: GitPlace, *, cache: Path | None = None) -> License:
    """What the top folder of a commit says of the whole: its licence files, manifests and REUSE tables.

    ``NOASSERTION`` where nothing there speaks. Raises as :func:`read_git` does.
    """
    with _opened(place, with_history=False, cache=cache) as (repository, revision, _):
        tree = repository.text("rev-parse", "--verify", f"{resolve(repository, revision)}^{{tree}}")
        with ObjectReader.of(repository) as trees:
            return conclude(CommitLicenses(trees).above(tree, _ANY_NAME))


@contextmanager
def _opened(
    place: GitPlace, with_history: bool, cache: Path | None
) -> Iterator[tuple[GitRepository, str | None, str]]:
    """A repository on disk, the name of the revision in it, and where it comes from."""
    if not is_remote(place.repository):
        path = Path(place.repository)
        repository = open_repository(path)
        yield repository, place.revision, _origin_of(repository, path)
        return
    address = web_url(place.repository) or without_credentials(place.repository)
    with clone(place.repository, place.revision, with_history=with_history, cache=cache) as (repository, tip):
        yield repository, tip, address


def open_repository(path: Path) -> GitRepository:
    """Find the git directory of a work tree or bare repository; there is no search above ``path``."""
    remedy = "name a folder that holds .git, a bare repository, or a URL"
    if not os.path.exists(path):  # noqa: PTH110 - answers for any path
        raise UnreadableInputError(path, "does not exist", remedy=remedy)
    inner = path / ".git"
    is_bare = (path / "HEAD").exists() and (path / "objects").exists()
    if not inner.exists() and not is_bare:
        raise UnreadableInputError(path, "is no git repository", remedy=remedy)
    repository = GitRepository(git_folder=(inner if inner.exists() else path).absolute(), name=str(path))
    if repository.text("rev-parse", "--show-object-format") != "sha1":
        raise UnreadableInputError(
            path, "names its objects by SHA-256, which SWHIDs do not know", remedy="convert it to SHA-1"
        )
    return repository


def _origin_of(repository: GitRepository, path: Path) -> str:
    """Address of the remote ``origin``, or of the only one there is."""
    found: dict[str, str] = {}
    query = ("config", "--local", "--no-includes", "-z", "--get-regexp", r"^remote\..*\.url$")
    for key, _, value in (line.partition("\n") for line in (repository.answer(*query) or "").split("\0")):
        if value:
            found.setdefault(key, value)
    remote = found.get("remote.origin.url") or (next(iter(found.values())) if len(found) == 1 else "")
    return web_url(remote) or path.resolve().as_uri()


def _wanted(
    entries: Iterator[Entry], skipped: Counter[str], choice: Choice, *, each_once: bool
) -> Iterator[tuple[str, Version]]:
    """Object and version of each file that may be code; others are counted.

    With ``each_once`` every content is read once and left out once: what was first a link or a text, or
    vendored, may become code later.
    """
    seen: set[bytes] = set()
    for mode, name, version in entries:
        reason = _BY_MODE.get(mode) or reason_by_path(version.path, choice=choice)
        if each_once:
            key = bytes.fromhex(name) + (b"" if reason else b"code")
            if key in seen:
                continue
            seen.add(key)
        if reason is None:
            yield name, version
        else:
            skipped[reason] += 1


def _read(
    repository: GitRepository,
    wanted: Iterator[tuple[str, Version]],
    url: str,
    skipped: Counter[str],
    choice: Choice,
) -> Iterator[SourceFile]:
    with ObjectReader.of(repository) as objects, ObjectReader.of(repository) as trees:
        licenses = CommitLicenses(trees)
        for version, found in objects.blobs(wanted, most_bytes=MAX_FILE_BYTES):
            reason = _reason(found, choice)
            if reason is not None or found is None:
                skipped[str(reason)] += 1
                continue
            path, commit, root, date = version
            stated = (*statements_of_file(found.content, path), *licenses.above(root, path))
            revision = f"swh:1:rev:{commit}"
            yield SourceFile(
                content=found.content,
                origin=Origin(url=url, path=path, revision=revision, date=date, license=conclude(stated)),
            )


def _reason(found: GitObject | None, choice: Choice) -> SkipReason | None:
    if found is None:
        return SkipReason.MISSING
    if found.size > MAX_FILE_BYTES:
        return SkipReason.TOO_LARGE
    return reason_by_content(found.content, choice=choice)


def _has_path(url: str) -> bool:
    """Whether the part of a URL before an ``@`` is more than its authority, so that a revision may follow."""
    behind = url.partition("://")[2] if "://" in url else url.replace(":", "/", 1)
    return "/" in behind and not url.endswith("/")
