"""What a model's licence asks for, in our own words; the text itself comes with the model."""

from __future__ import annotations

from assistant.hub.catalogue import OPENRAIL_M
from assistant.hub.download import RemoteModel
from attribution.licenses.categories import LicenseCategory, category_of_id, is_known_id
from attribution.model import NO_ASSERTION

_SAID = {
    OPENRAIL_M: "it may be used, changed and passed on, also commercially, but for none of the uses that its "
    "attachment forbids, and whoever passes the model on passes these terms on with it",
    NO_ASSERTION: "the hub does not say which licence it is under",
}


def needs_acceptance(license: str) -> bool:
    """Whether a person has to accept a licence first: any that is not plainly permissive.

    >>> needs_acceptance("apache-2.0"), needs_acceptance("bigcode-openrail-m")
    (False, True)
    """
    return not is_known_id(license) or category_of_id(license) is not LicenseCategory.PERMISSIVE


def summary(model: RemoteModel) -> str:
    """Name a model's licence and say what it comes to."""
    link = f" ({model.license_link})" if model.license_link else ""
    said = _SAID.get(model.license)
    return f"{model.repository} is under {model.license}{link}" + (f": {said}" if said else "")
