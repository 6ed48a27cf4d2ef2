"""The inverse of :func:`attribution.report.json_report.match_as_json`: a match that was written down."""

from __future__ import annotations

from typing import Any

from attribution.model import Advice, Compatibility, Kind, Lane, License, Match, Origin, Rename, Verdict
from attribution.span import Span
from attribution.swhid import Swhid


def match_of_json(value: Any) -> Match:
    """Read a match; raise :class:`ValueError` for what was never one."""
    try:
        return _match(value)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a match: {error}") from error


def _match(value: dict[str, Any]) -> Match:
    return Match(
        kind=Kind(value["kind"]),
        query=Span(*value["query"]["lines"]),
        source=Swhid.parse(value["source"]["swhid"]),
        origin=_origin(value),
        similarity=float(value["similarity"]),
        containment=float(value["containment"]),
        tokens=int(value["tokens"]),
        found_by=tuple(Lane(lane) for lane in value["found_by"]),
        verdict=Verdict(value["verdict"]),
        reason=str(value["reason"]),
        advice=_advice(value["advice"]),
        copies=int(value["copies"]),
        other_licenses=tuple(value["other_licenses"]),
        is_verified=bool(value["verified"]),
        renames=tuple(Rename(**rename) for rename in value["renames"]),
    )


def _origin(value: dict[str, Any]) -> Origin:
    source, license = value["source"], value["license"]
    return Origin(
        url=source["origin"],
        path=source["path"],
        revision=source["revision"],
        snapshot=Swhid.parse(source["swhid"]).visit,
        license=License(
            expression=license["expression"],
            evidence=tuple(license["evidence"]),
            conflicts=tuple(license["conflicts"]),
        ),
    )


def _advice(value: dict[str, str] | None) -> Advice | None:
    if value is None:
        return None
    return Advice(compatibility=Compatibility(value["compatibility"]), explanation=value["explanation"])
