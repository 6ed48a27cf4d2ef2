"""The explorer: a page with its style and its modules, which lie beside this file and are read once."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from attribution.service.problems import Problem

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def explorer_routes() -> list[BaseRoute]:
    """The page at ``/``, and its parts by name: nothing else is ever looked up."""
    folder = files("attribution.service").joinpath("page")
    parts = {
        part.name: (part.read_bytes(), _TYPES[part.name[part.name.rindex(".") :]])
        for part in folder.iterdir()
        if part.name[part.name.rindex(".") :] in _TYPES
    }

    async def page(request: Request) -> Response:
        return _part(request, "index.html")

    async def part(request: Request) -> Response:
        return _part(request, request.path_params["name"])

    def _part(request: Request, name: str) -> Response:
        if name not in parts:
            raise Problem(404, "there is nothing here; the explorer is at /")
        content, kind = parts[name]
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"', "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    return [Route("/", page, methods=["GET"]), Route("/explorer/{name}", part, methods=["GET"])]
