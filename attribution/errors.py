"""What can go wrong, in one tree.

    ScAttribError                 a clear sentence for the user; exit code 2
    ├── UsageError                the command line asks for something impossible
    ├── UnreadableInputError      a named path cannot be read or is not source code
    ├── MissingExtraError         an optional dependency is not installed
    ├── KernelsMissingError       the compiled part of the installation is missing
    ├── StoreUnusableError        the object store refuses, or does not answer
    ├── CacheUnusableError        the folder for fetched objects cannot be written
    ├── TaskFailedError           what another process was given to do met an error of ours
    ├── ClusterError              a cluster that cannot be used, or that loses its work
    └── IndexUnusableError        an index that cannot be used as it is
        ├── IndexNotFoundError    there is no index at that path
        ├── IndexCorruptError     bytes on disk are not the bytes that were written
        ├── IndexVersionError     written by another version of this program
        ├── IndexLockedError      another process is writing to it
        ├── IndexOutdatedError    the state that was asked for is not kept any more
        ├── IndexUnreachableError a service at an address does not answer
        └── IndexRefusedError     a service refuses: its token, its limits, its version

Every message says what happened, where, and how to mend it.
What is normal (no match, licence unknown) is a value, not an exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class ScAttribError(Exception):
    """Base of every error that is shown to the user as one sentence, without a traceback."""

    exit_code = 2


class UsageError(ScAttribError):
    """The command line asks for something that cannot be done."""


class UnreadableInputError(ScAttribError):
    """A path that the user named cannot be read, or holds no source code."""

    def __init__(self, path: Path | str, reason: str, *, remedy: str) -> None:
        self.path = path
        super().__init__(f"{path}: {reason}; {remedy}")


class MissingExtraError(ScAttribError):
    """An optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{feature} needs the extra '{extra}': pip install 'sc-attrib[{extra}]'")


class KernelsMissingError(ScAttribError):
    """The compiled part of the installation is missing or of another version."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: the compiled kernels cannot be used ({reason}); "
            "install sc-attrib again with a C++ compiler at hand"
        )


class StoreUnusableError(ScAttribError):
    """The object store refuses everything that it is asked for, or does not answer any more."""

    def __init__(self, url: str, reason: str, problem: str) -> None:
        super().__init__(
            f"object store {url}: {reason} ({problem}); look at the address and the network, then run it "
            "again: what was fetched and kept is not fetched twice"
        )


class CacheUnusableError(ScAttribError):
    """The folder in which fetched objects are kept cannot be written."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path}: fetched objects cannot be kept here ({error.strerror or error}); "
            "free space, name another folder with --cache, or keep none with --no-cache"
        )


class IndexUnusableError(ScAttribError):
    """An index that cannot be used as it is."""

    def __init__(self, path: Path | str, reason: str, *, remedy: str) -> None:
        self.path = path
        super().__init__(f"index {path}: {reason}; {remedy}")


class IndexNotFoundError(IndexUnusableError):
    """There is no index at that path."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            path,
            "there is no index here",
            remedy=f"build one with: sc-attrib index build --index {path} --packages",
        )


class IndexCorruptError(IndexUnusableError):
    """Bytes on disk are not the bytes that were written."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(path, reason, remedy="copy it again from where it was published, or build it anew")


class IndexVersionError(IndexUnusableError):
    """The index was written in a format that this version does not know."""

    def __init__(self, path: Path | str, *, found: int, known: int) -> None:
        self.is_newer = found > known
        upgrade = "upgrade sc-attrib, or " if self.is_newer else ""
        super().__init__(
            path,
            f"it has format {found} and this version reads format {known}",
            remedy=f"{upgrade}build the index anew with this version",
        )


class IndexLockedError(IndexUnusableError):
    """Another process is writing to the index."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            path, "another process is writing to it", remedy="wait until it is done, then try again"
        )


class IndexOutdatedError(IndexUnusableError):
    """The state of the index that a view is of is not kept any more; open it anew."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path, "it was changed in the middle of a look-up", remedy="ask again")


class IndexUnreachableError(IndexUnusableError):
    """The service that an address names does not answer."""


class IndexRefusedError(IndexUnusableError):
    """The service answers, and refuses."""


class TaskFailedError(ScAttribError):
    """What another process was given to do met an error of ours, whose sentence this is."""


class ClusterError(ScAttribError):
    """A cluster that cannot be used, or that loses its work."""

    def __init__(self, address: str, reason: str, *, remedy: str = "") -> None:
        super().__init__(f"Ray cluster {address}: {reason}{'; ' if remedy else ''}{remedy}")
