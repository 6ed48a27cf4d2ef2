"""The whole service as one ASGI application."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from attribution.service.api import Api
from attribution.service.desk import Desk
from attribution.service.explorer import explorer_routes
from attribution.service.guard import Guard
from attribution.service.live import LibrarySource
from attribution.service.metrics import Metrics
from attribution.service.openapi import description
from attribution.service.problems import JsonResponse
from attribution.service.rate import RateLimit
from attribution.service.settings import Limits
from attribution.service.tokens import Tokens
from attribution.service.wire_api import WireApi
from attribution.service.workers import Workers


def make_application(
    source: LibrarySource, *, tokens: Tokens, limits: Limits, logs_requests: bool = False
) -> ASGIApp:
    """Put it together; whatever gives the library of now will do as a source."""
    metrics = Metrics()
    desk = Desk(source=source, workers=Workers(limits), limits=limits, metrics=metrics)
    document = description(limits)

    async def openapi(request: Request) -> Response:
        return JsonResponse(document)

    routes = [
        *explorer_routes(),
        *Api(desk).routes(),
        *WireApi(desk).routes(),
        Route("/openapi.json", openapi, methods=["GET"]),
    ]
    return Guard(
        app=Router(routes, redirect_slashes=False),
        tokens=tokens,
        rate=RateLimit(limits.rate_per_s, burst=limits.burst),
        metrics=metrics,
        logs_requests=logs_requests,
    )
