"""The paths that people and their programs use: ``/v1/check`` and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from attribution.remote.wire import content_of, read_number, read_text
from attribution.service import answers
from attribution.service.bodies import refuse_unknown
from attribution.service.desk import GENERATION, Desk
from attribution.service.fields import (
    content_named,
    files_in,
    flag_in,
    id_in,
    license_in,
    lines_in,
    min_tokens_in,
    number_in,
    path_in,
    reading,
    words_in,
)
from attribution.service.metrics import CONTENT_TYPE
from attribution.service.problems import JsonResponse, Problem
from attribution.service.settings import API

_MOST_HELD = 10_000


@dataclass(frozen=True, slots=True)
class Api:
    """Answers each path."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route("/v1/check", self.check, methods=["POST"]),
            Route("/v1/compare", self.compare, methods=["POST"]),
            Route("/v1/search", self.search, methods=["GET"]),
            Route("/v1/swhid/{id:path}", self.swhid, methods=["GET"]),
            Route("/v1/am-i-in", self.am_i_in, methods=["POST"]),
            Route("/v1/facts", self.facts, methods=["GET"]),
            Route("/healthz", self.healthz, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def check(self, request: Request) -> Response:
        """Where a text comes from."""
        form = await self.desk.form(request, "path", "text", "base64", "min_tokens", "license")
        asked = reading(lambda: (content_of(form), path_in(form), min_tokens_in(form), license_in(form)))
        content, path, least, license = asked
        attribution, generation = await self.desk.answer(
            lambda library: answers.check(library, content, path=path, min_tokens=least, license=license)
        )
        self.desk.metrics.count_matches(attribution)
        return JsonResponse(answers.check_as_json(attribution), headers={GENERATION: generation})

    async def compare(self, request: Request) -> Response:
        """Lines of a text beside those of a known one."""
        form = await self.desk.form(request, "path", "text", "base64", "lines", "source")
        content, path, lines, source = reading(
            lambda: (
                content_of(form),
                path_in(form),
                lines_in(form),
                content_named(read_text(form, "source")),
            )
        )
        found, generation = await self.desk.answer(
            lambda library: answers.compared(library, content, path=path, lines=lines, source=source)
        )
        return _found(found, generation)

    async def search(self, request: Request) -> Response:
        """Known files by their words."""
        asked = dict(request.query_params)
        refuse_unknown(asked, "q", "limit", "language", "license")
        words, limit = reading(lambda: (words_in(asked), number_in(asked, "limit", default=20, most=100)))
        language, license = asked.get("language", ""), asked.get("license", "")
        return await self.desk.respond(
            lambda library: answers.searched(library, words, limit=limit, language=language, license=license)
        )

    async def swhid(self, request: Request) -> Response:
        """Where a content was found."""
        asked = dict(request.query_params)
        refuse_unknown(asked, "text")
        with_text = reading(lambda: flag_in(asked, "text"))
        named = reading(lambda: content_named(request.path_params["id"]))
        found, generation = await self.desk.answer(
            lambda library: answers.known(library, named, with_text=with_text)
        )
        return _found(found, generation)

    async def am_i_in(self, request: Request) -> Response:
        """What is held of somebody's work."""
        form = await self.desk.form(request, "id", "files", "limit")
        limit = reading(lambda: read_number(form, "limit", least=1, most=_MOST_HELD, default=100))
        if ("id" in form) == ("files" in form):
            raise Problem(422, "name either an id or files")
        if "id" in form:
            name = reading(lambda: id_in(form))
            return await self.desk.respond(
                lambda library: answers.held_of_id(library, name, limit=limit), is_slow=True
            )
        files = reading(lambda: files_in(form))
        return await self.desk.respond(lambda library: answers.held_of_files(library, files, limit=limit))

    async def facts(self, request: Request) -> Response:
        """What the index holds."""
        return await self.desk.respond(answers.facts)

    async def healthz(self, request: Request) -> Response:
        """Whether it can answer."""
        _, generation = await self.desk.answer(lambda library: library.generation)
        form = {"status": "ok", "api": API, "version": answers.program_version(), "generation": generation}
        return JsonResponse(form)

    async def metrics(self, request: Request) -> Response:
        """Measures for Prometheus."""
        return Response(self.desk.metrics.text(), media_type=CONTENT_TYPE)


def _found(found: object | None, generation: str) -> Response:
    if found is None:
        raise Problem(404, "the index does not know this content")
    return JsonResponse(found, headers={GENERATION: generation})
