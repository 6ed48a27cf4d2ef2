"""The paths by which other copies of this program use the index: the operations of the seam, as they are."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from attribution.index.opt_outs import parse_id
from attribution.library import Library
from attribution.remote import wire
from attribution.service.answers import program_version
from attribution.service.bodies import Form
from attribution.service.desk import Desk
from attribution.service.fields import reading

_MOST_PLACES = 10_000
_MOST_FOUND = 1000
_MOST_IDS = 10_000


@dataclass(frozen=True, slots=True)
class WireApi:
    """Answers each path."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route("/v1/index", self.hello, methods=["GET"]),
            Route("/v1/index/identical", self.identical, methods=["POST"]),
            Route("/v1/index/find", self.find, methods=["POST"]),
            Route("/v1/index/text", self.text, methods=["POST"]),
            Route("/v1/index/search", self.search, methods=["POST"]),
            Route("/v1/index/under", self.under, methods=["POST"]),
        ]

    async def hello(self, request: Request) -> Response:
        """Who answers, in which version."""

        def say(library: Library) -> wire.Json:
            return {
                "service": "sc-attrib",
                "version": program_version(),
                "wire": wire.WIRE,
                "generation": library.generation,
            }

        return await self.desk.respond(say)

    async def identical(self, request: Request) -> Response:
        """The files of a git SHA-1."""
        form = await self.desk.form(request, "digest", "places")
        digest, places = reading(
            lambda: (
                wire.read_digest(form),
                wire.read_number(form, "places", least=1, most=_MOST_PLACES, default=wire.PLACES),
            )
        )
        return await self.desk.respond(
            lambda library: wire.known_as_json(library.identical(digest), places=places)
        )

    async def find(self, request: Request) -> Response:
        """The ranges of known files that a text is like."""
        names = ("text", "base64", "language", "min_tokens", "lanes", "focus", "tells_apart", "explained")
        form = await self.desk.form(request, *names)

        def ask(library: Library) -> wire.Json:
            found = library.find(*wire.query_of(form))
            return {**wire.candidates_as_json(found), "vectors": _may_find_by_vectors(library)}

        return await self.desk.respond(ask)

    async def text(self, request: Request) -> Response:
        """A known text."""
        form = await self.desk.form(request, "digest")
        digest = reading(lambda: wire.read_digest(form))

        def ask(library: Library) -> wire.Json:
            found = library.text(digest)
            return {"stored": False} if found is None else {"stored": True, **wire.content_as_json(found)}

        return await self.desk.respond(ask)

    async def search(self, request: Request) -> Response:
        """Known files by their words."""
        form = await self.desk.form(request, "text", "base64", "limit")
        words, limit = reading(
            lambda: (
                wire.content_of(form),
                wire.read_number(form, "limit", least=1, most=_MOST_FOUND, default=20),
            )
        )
        return await self.desk.respond(lambda library: wire.found_as_json(library.search(words, limit=limit)))

    async def under(self, request: Request) -> Response:
        """What came from ids."""
        form = await self.desk.form(request, "ids")
        ids = reading(lambda: _ids(form))
        return await self.desk.respond(
            lambda library: wire.held_as_json(library.held_under(ids)), is_slow=True
        )


def _may_find_by_vectors(library: Library) -> bool:
    """Whether a client should ask for that lane too; a library that does not say may have it."""
    return bool(getattr(library, "has_vectors", True))


def _ids(form: Form) -> list[str]:
    ids = form.get("ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= _MOST_IDS:
        raise wire.WireError(f"ids: must be a list of 1 to {_MOST_IDS:,} ids")
    return [parse_id(wire.read_text({"id": name}, "id")) for name in ids]
