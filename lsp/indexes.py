"""The indexes that a workspace is traced against: where they lie, and when they have changed."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from pathlib import Path

from assistant.config import TraceSettings
from assistant.models import expand_home
from assistant.tracing import TextTracer
from attribution.errors import ScAttribError
from attribution.index.locate import find_indexes, indexes_of_everywhere
from attribution.remote.address import IndexPlace, index_place, is_address

NO_INDEX = (
    "There is no index of known code, so suggestions cannot be traced and none are made; "
    "build one with: sc-attrib index build --packages"
)
_CATALOG = "catalog.sqlite"
_WARM_UP = b"def warm_up(pages, of, the, index):\n    return [page for page in pages if page in of[the]]\n"
"""Traced once while loading, so that the first suggestion does not wait for what is read at first use."""

Stamp = tuple[tuple[str, int], ...]
"""The indexes and when each was last written, in nanoseconds; 0 for one that is missing, and for a service,
which takes up what is new by itself."""


def index_places(settings: TraceSettings, roots: Sequence[Path] | None) -> list[IndexPlace]:
    """Answer the indexes that are configured, relative to the first folder, otherwise those that are found.

    ``roots`` is ``None`` where the workspace is not trusted: none of its indexes is looked at, and
    relative paths are not relative to it.

    Raises :class:`~attribution.errors.ScAttribError` for an address that is none.
    """
    configured = [_place(index, _base(roots)) for index in settings.indexes]
    return configured or [*_found(roots)]


def _base(roots: Sequence[Path] | None) -> Path:
    """What the paths of settings are relative to."""
    return roots[0] if roots else Path.cwd()


def _found(roots: Sequence[Path] | None) -> list[Path]:
    """The indexes of all folders of the workspace, the user's and the bundled one, each once."""
    if roots is None:
        return indexes_of_everywhere()
    return list(dict.fromkeys(index for root in roots or (Path.cwd(),) for index in find_indexes(root)))


def _place(configured: str, base: Path) -> IndexPlace:
    if not is_address(configured):
        return base / expand_home(configured)
    try:
        return index_place(configured)
    except ArgumentTypeError as error:
        raise ScAttribError(f"trace.indexes: {error}") from error


def stamp(settings: TraceSettings, roots: Sequence[Path] | None) -> Stamp:
    """See when the indexes were written; a catalog is written whenever an index changes."""
    services = [(index, 0) for index in settings.indexes if is_address(index)]
    named = [_base(roots) / expand_home(index) for index in settings.indexes if not is_address(index)]
    folders = named if settings.indexes else _found(roots)
    return (*services, *((str(path), _written(path / _CATALOG)) for path in folders))


def _written(catalog: Path) -> int:
    try:
        return catalog.stat().st_mtime_ns
    except (OSError, ValueError):
        return 0


def open_tracer(
    settings: TraceSettings, roots: Sequence[Path] | None, *, tell: Callable[[str], None]
) -> TextTracer:
    """Open the indexes; raises :class:`~attribution.errors.ScAttribError`, also where there is none.

    Every document is judged by the policy of its project, as it is at that time; by the built-in one where
    ``roots`` is ``None``, because the workspace is not trusted. ``tell`` is called, in whichever thread
    traces, with a sentence on a policy that has mistakes; the built-in one is used then.
    """
    from attribution.policy import DEFAULT_POLICY
    from attribution.policy.projects import ProjectPolicies
    from attribution.trace import Tracer

    places = index_places(settings, roots)
    if not places:
        raise ScAttribError(NO_INDEX)

    def fall_back(error: ScAttribError) -> None:
        tell(f"{error}; until that is mended the built-in policy is used")

    policy = DEFAULT_POLICY if roots is None else ProjectPolicies(on_mistake=fall_back)
    tracer = Tracer.open(places, policy=policy)
    tracer.trace_insertion(b"", _WARM_UP, b"")
    return tracer
