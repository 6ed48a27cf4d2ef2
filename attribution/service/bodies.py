"""Reading requests: forms of bounded size that come in bounded time, and every mistake as a problem."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from attribution.service.problems import Problem
from attribution.service.settings import Limits

Form = dict[str, Any]


async def read_form(request: Request, limits: Limits) -> Form:
    """The JSON object that a request sends; raises :class:`Problem` for anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "send JSON, with the header Content-Type: application/json")
    body = await _read(request, limits)
    try:
        form = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Problem(400, f"the body is not UTF-8, at byte {error.start}") from None
    except RecursionError:
        raise Problem(400, "the body is nested too deeply") from None
    except ValueError:
        raise Problem(400, "the body is not JSON (RFC 8259)") from None
    if not isinstance(form, dict):
        raise Problem(400, "the body is not a JSON object")
    return form


async def _read(request: Request, limits: Limits) -> bytes:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limits.body_bytes:
        raise _too_large(limits)
    pieces, size = [], 0
    try:
        async with asyncio.timeout(limits.body_s):
            async for piece in request.stream():
                size += len(piece)
                if size > limits.body_bytes:
                    raise _too_large(limits)
                pieces.append(piece)
    except TimeoutError:
        detail = f"the body did not arrive within {limits.body_s:g} seconds"
        raise Problem(408, detail, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise Problem(400, "the client hung up") from None
    return b"".join(pieces)


def _too_large(limits: Limits) -> Problem:
    return Problem(413, f"a body may have {limits.body_bytes:,} bytes at most")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def refuse_unknown(form: Form, *names: str) -> None:
    """Raise :class:`Problem` for fields that mean nothing here: a misspelt one would be ignored silently."""
    unknown = sorted(set(form) - set(names))
    if unknown:
        raise Problem(422, f"there are fields that mean nothing here; known are {', '.join(names)}")
