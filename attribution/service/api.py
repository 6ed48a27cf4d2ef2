"""The paths that people and their programs use: ``/v1/check`` and what belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from attribution.asking import AskersText, id_of
from attribution.errors import IndexOutdatedError, IndexUnusableError, ScAttribError
from attribution.library import Library
from attribution.remote.wire import WireError, content_of, read_number, read_text
from attribution.service import answers
from attribution.service.bodies import Form, read_form, refuse_unknown
from attribution.service.live import LibrarySource
from attribution.service.metrics import CONTENT_TYPE, Metrics
from attribution.service.problems import JsonResponse, Problem
from attribution.service.settings import API, Limits
from attribution.service.workers import Workers
from attribution.span import Span
from attribution.swhid import ObjectType, Swhid

GENERATION = "Sc-Attrib-Generation"
_MOST_PATH = 4096
_MOST_WORDS = 1000
_MOST_FILES = 256
_MOST_TOKENS = 1 << 20
_MOST_LINES = 1 << 24
_MOST_HELD = 10_000
_SWHID_CHARACTERS = 4096

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What answers need: the library, the threads, the limits, the measures."""

    source: LibrarySource
    workers: Workers
    limits: Limits
    metrics: Metrics

    async def answer(self, work: Callable[[Library], T], *, is_slow: bool = False) -> tuple[T, str]:
        """Ask the library of now in a thread; with the generation that answered.

        What is slow may read the whole index, such as all texts for the name of an author.
        Raises :class:`Problem` where the index cannot be used, or what is asked makes no sense.
        """

        def ask() -> tuple[T, str]:
            library = self.source.current()
            self.metrics.note(library)
            try:
                return work(library), library.generation
            except IndexOutdatedError:  # its parts lie elsewhere, and have all gone over to a later state
                library = self.source.current()
                return work(library), library.generation

        try:
            return await self.workers.run(ask, is_slow=is_slow)
        except IndexUnusableError as error:
            raise _unusable(error) from error
        except (WireError, ScAttribError) as error:
            raise Problem(422, str(error)) from error

    async def form(self, request: Request, *names: str) -> Form:
        """The form that a request sends, with these fields only."""
        form = await read_form(request, self.limits)
        refuse_unknown(form, *names)
        return form

    async def respond(self, work: Callable[[Library], object], *, is_slow: bool = False) -> Response:
        """The library's answer as JSON."""
        found, generation = await self.answer(work, is_slow=is_slow)
        return JsonResponse(found, headers={GENERATION: generation})


def _unusable(error: IndexUnusableError) -> Problem:
    """Where the index lies on this machine is nobody's business."""
    reason = type(error).__name__.removeprefix("Index").removesuffix("Error").lower()
    detail = f"the index of this service cannot be used now ({reason}); its keeper must mend it"
    return Problem(503, detail, headers={"Retry-After": "1"})


def api_routes(desk: Desk) -> list[BaseRoute]:
    """All of them."""

    async def check(request: Request) -> Response:
        form = await desk.form(request, "path", "text", "base64", "min_tokens", "license")
        asked = reading(lambda: (content_of(form), _path(form), _min_tokens(form), _license(form)))
        content, path, least, license = asked
        attribution, generation = await desk.answer(
            lambda library: answers.check(library, content, path=path, min_tokens=least, license=license)
        )
        desk.metrics.count_matches(attribution)
        return JsonResponse(answers.check_as_json(attribution), headers={GENERATION: generation})

    async def compare(request: Request) -> Response:
        form = await desk.form(request, "path", "text", "base64", "lines", "source")
        content, path, lines, source = reading(
            lambda: (content_of(form), _path(form), _lines(form), _content(read_text(form, "source")))
        )
        found, generation = await desk.answer(
            lambda library: answers.compared(library, content, path=path, lines=lines, source=source)
        )
        return _found(found, generation)

    async def search(request: Request) -> Response:
        asked = dict(request.query_params)
        refuse_unknown(asked, "q", "limit", "language", "license")
        words, limit = reading(lambda: (_words(asked), _number_in(asked, "limit", default=20, most=100)))
        language, license = asked.get("language", ""), asked.get("license", "")
        return await desk.respond(
            lambda library: answers.searched(library, words, limit=limit, language=language, license=license)
        )

    async def swhid(request: Request) -> Response:
        asked = dict(request.query_params)
        refuse_unknown(asked, "text")
        with_text = reading(lambda: _flag(asked, "text"))
        named = reading(lambda: _content(request.path_params["id"]))
        found, generation = await desk.answer(
            lambda library: answers.known(library, named, with_text=with_text)
        )
        return _found(found, generation)

    async def am_i_in(request: Request) -> Response:
        form = await desk.form(request, "id", "files", "limit")
        limit = reading(lambda: read_number(form, "limit", least=1, most=_MOST_HELD, default=100))
        if ("id" in form) == ("files" in form):
            raise Problem(422, "name either an id or files")
        if "id" in form:
            name = reading(lambda: _id(form))
            return await desk.respond(
                lambda library: answers.held_of_id(library, name, limit=limit), is_slow=True
            )
        files = reading(lambda: _files(form))
        return await desk.respond(lambda library: answers.held_of_files(library, files, limit=limit))

    async def facts(request: Request) -> Response:
        return await desk.respond(answers.facts)

    async def healthz(request: Request) -> Response:
        _, generation = await desk.answer(lambda library: library.generation)
        form = {"status": "ok", "api": API, "version": answers.program_version(), "generation": generation}
        return JsonResponse(form)

    async def metrics(request: Request) -> Response:
        return Response(desk.metrics.text(), media_type=CONTENT_TYPE)

    return [
        Route("/v1/check", check, methods=["POST"]),
        Route("/v1/compare", compare, methods=["POST"]),
        Route("/v1/search", search, methods=["GET"]),
        Route("/v1/swhid/{id:path}", swhid, methods=["GET"]),
        Route("/v1/am-i-in", am_i_in, methods=["POST"]),
        Route("/v1/facts", facts, methods=["GET"]),
        Route("/healthz", healthz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


def reading(read: Callable[[], T]) -> T:
    """Read a form; what is wrong with it becomes a :class:`Problem`."""
    try:
        return read()
    except (WireError, ScAttribError) as error:
        raise Problem(422, str(error)) from error


def _found(found: object | None, generation: str) -> Response:
    if found is None:
        raise Problem(404, "the index does not know this content")
    return JsonResponse(found, headers={GENERATION: generation})


def _path(form: Form) -> str:
    """The name by which the answer speaks of a text; no file of this machine is ever looked at."""
    path = read_text(form, "path", default="-")
    if len(path) > _MOST_PATH or "\0" in path:
        raise WireError(f"path: must be a name of {_MOST_PATH:,} characters at most")
    return path or "-"


def _min_tokens(form: Form) -> int:
    from attribution.trace import MIN_TOKENS

    return read_number(form, "min_tokens", least=1, most=_MOST_TOKENS, default=MIN_TOKENS)


def _license(form: Form) -> str:
    from attribution.licenses.expressions import is_known_expression

    license = read_text(form, "license", default="")
    if license and (len(license) > _MOST_PATH or not is_known_expression(license)):
        raise WireError("license: is no SPDX expression of known licences")
    return license


def _lines(form: Form) -> Span:
    value = form.get("lines")
    if not isinstance(value, list) or len(value) != 2 or not all(type(n) is int for n in value):
        raise WireError("lines: must be the first and the last line")
    if not 1 <= value[0] <= value[1] <= _MOST_LINES:
        raise WireError("lines: must ascend, from 1")
    return Span(*value)


def _content(text: str) -> Swhid:
    """The SWHID of a content, with its qualifiers."""
    try:
        swhid = Swhid.parse(text[:_SWHID_CHARACTERS])
    except ValueError:
        raise WireError("this is not a SWHID, such as swh:1:cnt:…") from None
    if swhid.object_type is not ObjectType.CONTENT:
        raise WireError("this SWHID names no content (swh:1:cnt:…)")
    return swhid


def _words(asked: dict[str, str]) -> bytes:
    words = read_text(asked, "q")
    if len(words) > _MOST_WORDS:
        raise WireError(f"q: must have {_MOST_WORDS:,} characters at most")
    return words.encode("utf-8", "surrogateescape")


def _number_in(asked: dict[str, str], name: str, *, default: int, most: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= most or len(text) > 9:
        raise WireError(f"{name}: must be from 1 to {most:,}")
    return int(text)


def _flag(asked: dict[str, str], name: str) -> bool:
    value = asked.get(name, "false")
    if value not in ("true", "false"):
        raise WireError(f"{name}: must be true or false")
    return value == "true"


def _id(form: Form) -> str:
    text = read_text(form, "id")
    if len(text) > _MOST_PATH:
        raise WireError(f"id: must have {_MOST_PATH:,} characters at most")
    return id_of(text)


def _files(form: Form) -> list[AskersText]:
    files = form["files"]
    if not isinstance(files, list) or not 1 <= len(files) <= _MOST_FILES:
        raise WireError(f"files: must be a list of 1 to {_MOST_FILES} files")
    for file in files:
        if not isinstance(file, dict):
            raise WireError("files: each must have a path and text or base64")
        refuse_unknown(file, "path", "text", "base64")
    return [AskersText(_path(file), content_of(file)) for file in files]
