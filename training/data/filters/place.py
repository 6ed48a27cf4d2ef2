"""By what a file is and where it lies: its language, its folder, its package, its repository's stars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from attribution.vendored import is_vendored
from training.data.select import package_of
from training.data.stage import Document, DropReason, Judged, judge_each


@dataclass(frozen=True, slots=True, kw_only=True)
class ByLanguage:
    """Keep the languages asked for."""

    languages: tuple[str, ...]
    name: str = "language"

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge by :attr:`Document.language`."""
        return judge_each(
            batch, lambda d: None if d.language in self.languages else (DropReason.LANGUAGE, d.language)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotVendored:
    """Drop what was copied in from elsewhere, by the source's word or by the folder's name."""

    name: str = "vendored"

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge by facts and path."""
        return judge_each(batch, self._refuse)

    def _refuse(self, document: Document) -> tuple[DropReason, str] | None:
        if document.facts.is_vendored or is_vendored(document.path):
            return DropReason.VENDORED, ""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Set aside the repositories and packages that a model is to be measured on.

    They are dropped, but deduplication still compares everything with them: what is nearly the same goes too.
    """

    origins: tuple[str, ...] = ()
    """URLs of repositories; what lies below one is held out as well."""
    packages: tuple[str, ...] = ()
    name: str = "held out"

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge by origin."""
        return judge_each(batch, self._refuse)

    def _refuse(self, document: Document) -> tuple[DropReason, str] | None:
        origin = document.file.origin
        is_named = package_of(origin) in self.packages or any(
            origin.url == url or origin.url.startswith(f"{url}/") for url in self.origins
        )
        return (DropReason.HELD_OUT, "") if is_named else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotExcluded:
    """Drop folders and packages that a recipe does not want, such as tests."""

    folders: tuple[str, ...] = ()
    """Names of folders, anywhere in a path."""
    packages: tuple[str, ...] = ()
    name: str = "excluded"

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge by path and package."""
        return judge_each(batch, self._refuse)

    def _refuse(self, document: Document) -> tuple[DropReason, str] | None:
        if package_of(document.file.origin) in self.packages:
            return DropReason.EXCLUDED, "package"
        if not set(self.folders).isdisjoint(document.path.split("/")[:-1]):
            return DropReason.EXCLUDED, "folder"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByStars:
    """Drop repositories with fewer stars; where a source does not tell them nothing is dropped, and said so.

    At 5 stars it hurts a model (SantaCoder, section 5.2.1): an ablation, not advice.
    """

    least: int = 5
    name: str = "stars"

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge by facts."""
        judged = judge_each(batch, self._refuse)
        is_told = all(document.facts.stars is not None for document in judged.kept)
        return replace(judged, notices=frozenset(() if is_told else (_NOT_TOLD,)))

    def _refuse(self, document: Document) -> tuple[DropReason, str] | None:
        stars = document.facts.stars
        return (DropReason.FEW_STARS, f"{stars:,}") if stars is not None and stars < self.least else None


_NOT_TOLD = "some sources do not tell the stars of their repositories; all files of those were kept"
