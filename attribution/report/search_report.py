"""What was found by words, as JSON."""

from __future__ import annotations

from typing import Any

from attribution.library import Found
from attribution.report.json_report import license_as_json


def found_as_json(found: Found) -> dict[str, Any]:
    """One file, with its score; ``docs/cli.md`` describes it."""
    origin = found.place.origin
    return {
        "score": round(found.score, 4),
        "source": {
            "swhid": str(found.place.swhid),
            "origin": origin.url,
            "path": origin.path,
            "revision": origin.revision,
        },
        "license": license_as_json(origin.license),
    }
