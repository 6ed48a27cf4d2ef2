"""Which policy holds for a file: that of the project it lies in, found without being asked for.

A project's policy is ``.sc-attrib.toml``, or the table ``[tool.sc-attrib.policy]`` of a ``pyproject.toml``,
in the folder of the file or the nearest one above it, up to the root of the git repository. The repository's
remotes say which repositories are the project's own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.policy.mistakes import PolicyError
from attribution.policy.policy import DEFAULT_POLICY, Policy
from attribution.repository import config_path, find_repository, remotes
from attribution.repository_urls import repository_key
from attribution.sources.remotes import web_url

if TYPE_CHECKING:
    from attribution.policy.reading import PathRule, PolicyFile

POLICY_FILE = ".sc-attrib.toml"
PYPROJECT = "pyproject.toml"
STDIN = "-"

Stamp = tuple[int, int]
"""When a file was last written, in nanoseconds, and its size."""
_MISSING: Stamp = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPolicy:
    """The policy of one project."""

    base: Policy
    folder: Path
    """Patterns of paths are relative to it."""
    paths: tuple[PathRule, ...] = ()

    def policy_for(self, path: str) -> Policy:
        """The policy for a file, with the rules for its path laid over those of the project."""
        relative = Path(os.path.relpath(path, self.folder)).as_posix()
        matching = [rule for rule in reversed(self.paths) if rule.pattern.holds(relative)]
        if not matching:
            return self.base
        exempt = next((rule.exempt for rule in matching if rule.exempt is not None), None) or None
        return replace(
            self.base, tables=(*(rule.rules for rule in matching), *self.base.tables), exempt=exempt
        )


class ProjectPolicies:
    """The policies of all projects that files are checked in. Safe to share between threads.

    A policy is read again when its file or the repository's config has changed.
    """

    def __init__(
        self, *, named: Path | None = None, on_mistake: Callable[[PolicyError], None] | None = None
    ) -> None:
        """``named`` holds for every file in place of what is found.

        A policy with mistakes raises :class:`PolicyError`; with ``on_mistake`` that is told of it, and the
        built-in policy takes its place.
        """
        self._named = named
        self._on_mistake = on_mistake
        self._known: dict[tuple[Path | None, Path | None], tuple[tuple[Stamp, Stamp], ProjectPolicy]] = {}
        self._pyprojects: dict[Path, tuple[Stamp, bool]] = {}

    def policy_for(self, path: str) -> Policy:
        """The policy for a file, which need not exist; that of the current folder for ``-`` and ``""``."""
        place = Path(os.path.abspath("." if path in (STDIN, "") else path))  # noqa: PTH100 - links stay
        folder = place if path in (STDIN, "") else place.parent
        root = find_repository(folder)
        file = self._named or self._nearest(folder, root)
        return self._project(file, root).policy_for(str(place))

    def file_for(self, path: str) -> Path | None:
        """The file that the policy for a file stands in; ``None`` where the built-in one holds."""
        folder = Path(os.path.abspath(path)).parent  # noqa: PTH100 - links stay
        return self._named or self._nearest(folder, find_repository(folder))

    def _nearest(self, folder: Path, root: Path | None) -> Path | None:
        for above in (folder, *folder.parents):
            for candidate in (above / POLICY_FILE, above / PYPROJECT):
                if self._holds_policy(candidate):
                    return candidate
            if above == root:
                break
        return None

    def _holds_policy(self, candidate: Path) -> bool:
        stamp = _stamp(candidate)
        if stamp == _MISSING or candidate.name == POLICY_FILE:
            return stamp != _MISSING
        known = self._pyprojects.get(candidate)
        if known is None or known[0] != stamp:
            known = self._pyprojects[candidate] = stamp, self._reads(candidate)
        return known[1]

    def _reads(self, pyproject: Path) -> bool:
        """Whether a ``pyproject.toml`` has a policy, good or bad."""
        from attribution.policy.reading import read_policy

        try:
            return read_policy(pyproject, name=_name(pyproject, None)) is not None
        except PolicyError:
            return True

    def _project(self, file: Path | None, root: Path | None) -> ProjectPolicy:
        config = config_path(root) if root else None
        stamps = _stamp(file), _stamp(config)
        known = self._known.get((file, root))
        if known is None or known[0] != stamps:
            known = stamps, self._open(file, root)
            self._known[file, root] = known
        return known[1]

    def _open(self, file: Path | None, root: Path | None) -> ProjectPolicy:
        try:
            said = _read(file, root, must_exist=file is not None and file == self._named)
        except PolicyError as error:
            if self._on_mistake is None:
                raise
            self._on_mistake(error)
            said = None
        is_found = file is not None and file != self._named
        folder = file.parent if file is not None and is_found else root or Path.cwd()
        return ProjectPolicy(base=_base(said, root), folder=folder, paths=() if said is None else said.paths)


def _stamp(path: Path | None) -> Stamp:
    if path is None:
        return _MISSING
    try:
        found = path.stat()
    except (OSError, ValueError):
        return _MISSING
    return found.st_mtime_ns, found.st_size


def _read(file: Path | None, root: Path | None, *, must_exist: bool) -> PolicyFile | None:
    if file is None:
        return None
    from attribution.policy.reading import read_policy

    name = _name(file, root)
    said = read_policy(file, name=name)
    if said is None and must_exist:
        table = "[tool.sc-attrib.policy]" if file.name == PYPROJECT else "[policy]"
        raise PolicyError([f"{name}: it has no table {table}; write one, or name another file"])
    return said


def _name(file: Path, root: Path | None) -> str:
    """A policy file as reasons name it: relative to the repository, without one to the current folder."""
    above = Path.cwd() if root is None else root
    return file.relative_to(above).as_posix() if file.is_relative_to(above) else str(file)


def _base(said: PolicyFile | None, root: Path | None) -> Policy:
    own = {} if root is None else _own_repositories(root, None if said is None else said.own_remotes)
    if said is None:
        return replace(DEFAULT_POLICY, own=own)
    return Policy(tables=(said.rules,), license=said.license, own=own, thresholds=said.thresholds)


def _own_repositories(root: Path, names: frozenset[str] | None) -> dict[str, str]:
    """Keys of the repository itself and its remotes, of those names or all, with a word on each."""
    own = {repository_key(root.as_uri()): "this repository"}
    for name, urls in remotes(root).items():
        if names is None or name in names:
            for url in urls:
                place = _as_url(url, root)
                shown = web_url(place) or repository_key(place)
                own[repository_key(place)] = f"own repository {shown} (git remote {name})"
    return own


def _as_url(url: str, root: Path) -> str:
    """A remote that is a path on this machine as its ``file:`` URI."""
    is_path = "/" in url.partition(":")[0] or ":" not in url
    return (root / url).resolve().as_uri() if is_path else url
