"""By licence: what everybody may learn from, what nobody licensed, and what an owner allowed by name.

The one place in training that judges licences; :mod:`training.data.select` asks here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from attribution.index.opt_outs import OptOuts
from attribution.licenses.expressions import LicenseCategory, category
from attribution.model import NO_ASSERTION, NO_LICENSE, License
from training.data.kinds import CONVERSATIONS
from training.data.stage import Document, DropReason, Judged, judge_each

_SILENT = (NO_ASSERTION, NO_LICENSE)


def is_permissive(license: License) -> bool:
    """Whether a licence asks for no more than a notice, all its parts together."""
    return category(license.expression) is LicenseCategory.PERMISSIVE


def is_silent(license: License) -> bool:
    """Whether nobody named a licence: The Stack's ``no_license``."""
    return license.expression in _SILENT


def type_of(license: License) -> str:
    """The Stack's word: ``permissive``, ``no_license`` or ``non_permissive``."""
    if is_permissive(license):
        return "permissive"
    return "no_license" if is_silent(license) else "non_permissive"


@dataclass(frozen=True, slots=True, kw_only=True)
class ByLicense:
    """Keep permissive files, unlicensed ones where that is wanted, and those whose owners opted in."""

    name: str = "licence"
    keeps_unlicensed: bool = False
    """The Stack v2 keeps them; a licence is then not known, and nothing is granted."""
    keeps_issues: bool = False
    """Issues and pull requests are never licensed; StarCoder2 keeps them."""
    opted_in: tuple[str, ...] = ()
    """Ids as of :mod:`attribution.index.opt_outs`, for what may be used whatever its licence says."""

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge by the concluded licence, and by what :attr:`opted_in` covers."""
        return judge_each(batch, self._refuse)

    def _refuse(self, document: Document) -> tuple[DropReason, str] | None:
        license = document.file.origin.license
        if is_permissive(license) or (self.keeps_unlicensed and is_silent(license)):
            return None
        if self.keeps_issues and document.language in CONVERSATIONS:
            return None
        if self.opted_in and _ids(self.opted_in).cover(document.file, document.file.swhid.digest):
            return None
        if is_silent(license):
            return DropReason.NO_LICENSE, license.expression
        return DropReason.LICENSE, license.expression


@dataclass(frozen=True, slots=True, kw_only=True)
class OptedOut:
    """Drop what owners or authors asked to leave out."""

    ids: tuple[str, ...]
    """As :func:`attribution.index.opt_outs.parse_id` answers them."""
    name: str = "opt-out"

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge by content, origin, revision, snapshot and named author."""
        return judge_each(batch, self._refuse)

    def _refuse(self, document: Document) -> tuple[DropReason, str] | None:
        if self.ids and _ids(self.ids).cover(document.file, document.file.swhid.digest):
            return DropReason.OPTED_OUT, ""
        return None


@lru_cache(maxsize=8)
def _ids(names: tuple[str, ...]) -> OptOuts:
    return OptOuts.of(names)
