"""What goes wrong with a request, as the client is told: problem details (RFC 9457), never its own words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that cannot be answered; ``detail`` is one sentence for whoever sent it."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        super().__init__(detail)

    def response(self) -> Response:
        """The same as an answer."""
        form = {"title": HTTPStatus(self.status).phrase, "status": self.status, "detail": self.detail}
        return JsonResponse(form, status_code=self.status, headers=self.headers, media_type=MEDIA_TYPE)


class JsonResponse(Response):
    """JSON in ASCII, so that names which are not UTF-8 travel as lone surrogates (PEP 383)."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Write it without blanks."""
        return json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode("ascii")
