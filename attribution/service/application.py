"""The whole service as one ASGI application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from attribution.service.api import Desk, api_routes
from attribution.service.explorer import explorer_routes
from attribution.service.guard import Guard
from attribution.service.live import LibrarySource
from attribution.service.metrics import Metrics
from attribution.service.openapi import description
from attribution.service.problems import JsonResponse, Problem
from attribution.service.rate import RateLimit
from attribution.service.settings import Limits
from attribution.service.tokens import Tokens
from attribution.service.wire_api import wire_routes
from attribution.service.workers import Workers

_DETAILS = {404: "there is nothing here; /openapi.json says what there is"}


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
        *api_routes(desk),
        *wire_routes(desk),
        Route("/openapi.json", openapi, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _as_problem})
    app.router.redirect_slashes = False
    return Guard(
        app=app,
        tokens=tokens,
        rate=RateLimit(limits.rate_per_s, burst=limits.burst),
        metrics=metrics,
        logs_requests=logs_requests,
    )


async def _as_problem(request: Request, error: Exception) -> Response:
    """What routing refuses, in the form of everything else."""
    status = getattr(error, "status_code", 500)
    detail = _DETAILS.get(status, "this way of asking is not known here; /openapi.json says which are")
    return Problem(status, detail, headers=getattr(error, "headers", None)).response()
