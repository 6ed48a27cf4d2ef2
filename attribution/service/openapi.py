"""What the service answers, described for programs in OpenAPI 3.1; a check's schema is its report's."""

from __future__ import annotations

import json
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from attribution.model import Lane
from attribution.remote.wire import WIRE
from attribution.service.problems import MEDIA_TYPE
from attribution.service.settings import Limits

Schema = dict[str, Any]

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_OR_NULL = {"type": ["string", "null"]}
_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{40}$"}
_SCHEMA = {"const": 1}
_LINES = {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2}
_COUNTS = {"type": "object", "additionalProperties": _COUNT}
_LICENSES = {"description": "Expression, evidence, conflicts.", "type": "array", "items": {"type": "array"}}
_CONTENT = {
    "text": {"description": "A text; bytes that are not UTF-8 as U+DC80 to U+DCFF.", "type": "string"},
    "base64": {"description": "Or any bytes, in base 64.", "type": "string", "contentEncoding": "base64"},
}
_PATH = {
    "description": "A name to speak of the text by; its extension tells the language. No file is looked at.",
    "type": "string",
    "maxLength": 4096,
}


def description(limits: Limits) -> Schema:
    """The whole document."""
    report = json.loads(files("attribution.report").joinpath("check.schema.json").read_text("utf-8"))
    report = json.loads(json.dumps(report).replace("#/$defs/", "#/components/schemas/"))
    schemas = {**report.pop("$defs"), **_SCHEMAS, "report": {"type": "object", **_plain(report)}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sc-attrib",
            "version": version("sc-attrib"),
            "description": "Where code comes from, and which licence it carries. Checked text is kept in "
            f"memory while it is answered, and nowhere else. A body has {limits.body_bytes:,} bytes at most.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"token": []}],
        "paths": {**_people(), **_programs(), **_keepers()},
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _plain(schema: Schema) -> Schema:
    return {name: value for name, value in schema.items() if name not in ("$schema", "title")}


def _object(properties: Schema, *, optional: tuple[str, ...] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    found: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**found, "required": required} if required else found


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _with_content(properties: Schema, *, optional: tuple[str, ...] = ()) -> Schema:
    """A form that holds a text, either as such or in base 64."""
    form = _object({**_CONTENT, **properties}, optional=("text", "base64", *optional))
    return {**form, "oneOf": [{"required": ["text"]}, {"required": ["base64"]}]}


def _operation(
    name: str,
    summary: str,
    answer: Schema,
    *,
    form: Schema | None = None,
    parameters: tuple[Schema, ...] = (),
    problems: tuple[int, ...] = (),
) -> Schema:
    asked = (400, 408, 413, 415, 422) if form is not None else (422,) if parameters else ()
    each = {str(status): _PROBLEM for status in sorted({*asked, *problems, 401, 421, 429, 500, 503, 504})}
    operation: Schema = {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": "The answer.", "content": {"application/json": {"schema": answer}}},
            **each,
        },
    }
    if parameters:
        operation["parameters"] = list(parameters)
    if form is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": form}}}
    return operation


_PROBLEM = {
    "description": "Problem details (RFC 9457).",
    "content": {
        MEDIA_TYPE: {
            "schema": _object(
                {"title": _TEXT, "status": {"type": "integer"}, "detail": {"type": "string", "minLength": 1}}
            )
        }
    },
}


def _in_query(name: str, schema: Schema, description: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": description}


def _people() -> Schema:
    """What people and their programs ask."""
    number = {"type": "integer", "minimum": 1}
    check = _with_content(
        {
            "path": _PATH,
            "min_tokens": {**number, "maximum": 1 << 20, "default": 30},
            "license": {"description": "SPDX expression: the licence of your own project.", **_TEXT},
        },
        optional=("path", "min_tokens", "license"),
    )
    compare = _with_content(
        {"path": _PATH, "lines": _LINES, "source": {"description": "As a check names it.", **_TEXT}},
        optional=("path",),
    )
    file = _with_content({"path": _PATH}, optional=("path",))
    am_i_in = {
        **_object(
            {
                "id": {"description": "URL of an origin or account, mailto: address, SWHID.", **_TEXT},
                "files": {"type": "array", "items": file, "minItems": 1, "maxItems": 256},
                "limit": {**number, "maximum": 10_000, "default": 100},
            },
            optional=("id", "files", "limit"),
        ),
        "oneOf": [{"required": ["id"]}, {"required": ["files"]}],
    }
    search = (
        _in_query("q", {"type": "string", "maxLength": 1000}, "Words of code.", required=True),
        _in_query("limit", {**number, "maximum": 100, "default": 20}, "Files to name."),
        _in_query("language", _TEXT, "Only files in this language."),
        _in_query("license", _TEXT, "Only files under this SPDX expression."),
    )
    swhid = (
        {
            "name": "id",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": "^swh:1:cnt:[0-9a-f]{40}$"},
            "description": "SWHID of a content; its qualifiers may follow.",
        },
        _in_query("text", {"type": "boolean", "default": False}, "Whether its text is wanted too."),
    )
    return {
        "/v1/check": {"post": _operation("check", "Where a text comes from", _ref("report"), form=check)},
        "/v1/compare": {
            "post": _operation(
                "compare",
                "A text and a known file, side by side",
                _ref("comparison"),
                form=compare,
                problems=(404,),
            )
        },
        "/v1/search": {
            "get": _operation("search", "Known files by their words", _ref("found"), parameters=search)
        },
        "/v1/swhid/{id}": {
            "get": _operation(
                "known", "Where a content was found", _ref("known"), parameters=swhid, problems=(404,)
            )
        },
        "/v1/am-i-in": {
            "post": _operation("held", "What is held of somebody's work", _ref("holdings"), form=am_i_in)
        },
        "/v1/facts": {"get": _operation("facts", "What the index holds", _ref("facts"))},
    }


def _programs() -> Schema:
    """What other copies of this program ask, with ``--index http://…``; may change with the version."""
    digest = {"digest": _DIGEST}
    hello = _object(
        {"service": {"const": "sc-attrib"}, "version": _TEXT, "wire": {"const": WIRE}, "generation": _TEXT}
    )
    ranges = _list({**_LINES})
    find = _with_content(
        {
            "language": _TEXT,
            "min_tokens": {"type": "integer", "minimum": 1, "maximum": 1 << 30},
            "lanes": _list({"enum": [lane.value for lane in Lane]}),
            "focus": {"type": ["array", "null"], "items": _COUNT, "minItems": 2, "maxItems": 2},
            "tells_apart": {"type": "boolean"},
            "explained": ranges,
        },
        optional=("language", "focus", "tells_apart", "explained"),
    )
    known = {"known": _list({"type": "array"}), "licenses": _LICENSES}
    places = {"places": _list({"type": "array"}), "licenses": _LICENSES}
    limit = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20}
    identical = _object(
        {**digest, "places": {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 64}},
        optional=("places",),
    )
    text = _object({"stored": {"type": "boolean"}, **_CONTENT}, optional=("text", "base64"))
    ids = {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 10_000}
    return {
        "/v1/index": {"get": _operation("hello", "Which version answers", hello)},
        "/v1/index/identical": {
            "post": _operation("identical", "Files by git SHA-1", _object(known), form=identical)
        },
        "/v1/index/find": {
            "post": _operation(
                "find",
                "Ranges that a text is like",
                _object({"candidates": _list({"type": "object"}), "vectors": {"type": "boolean"}, **known}),
                form=find,
            )
        },
        "/v1/index/text": {"post": _operation("text", "A known text", text, form=_object(digest))},
        "/v1/index/search": {
            "post": _operation(
                "rank",
                "Files by words",
                _object({**places, "scores": _list({"type": "number"})}),
                form=_with_content({"limit": limit}, optional=("limit",)),
            )
        },
        "/v1/index/under": {
            "post": _operation(
                "under",
                "Files by ids of origins, accounts, authors",
                _object({**places, "unsearched": _COUNT}),
                form=_object({"ids": ids}),
            )
        },
    }


def _keepers() -> Schema:
    """What those ask who keep the service."""
    health = _object({"status": {"const": "ok"}, "api": {"const": 1}, "version": _TEXT, "generation": _TEXT})
    metrics = _operation("metrics", "Measures for Prometheus", _TEXT)
    metrics["responses"]["200"]["content"] = {"text/plain": {"schema": _TEXT}}
    healthz = {**_operation("healthz", "Whether it answers", health), "security": []}
    return {"/healthz": {"get": healthz}, "/metrics": {"get": metrics}}


_LICENSE = _object(
    {"expression": _TEXT, "evidence": _list(_TEXT), "conflicts": _list(_TEXT)}, optional=("conflicts",)
)
_SOURCE = {"swhid": _TEXT, "origin": _TEXT, "path": _TEXT, "revision": _OR_NULL}
_LINES_OR_NULL = {**_LINES, "type": ["array", "null"]}
_CELL = {
    **_object({"line": {"type": "integer", "minimum": 1}, "parts": _list(_list(_TEXT))}),
    "type": ["object", "null"],
}
_SCHEMAS: Schema = {
    "comparison": _object(
        {
            "schema": _SCHEMA,
            "stored": {"description": "Whether the index keeps the text.", "type": "boolean"},
            "similarity": _SHARE,
            "renames": _list(
                _object({"source": _TEXT, "query": _TEXT, "count": _COUNT, "conflicts": _COUNT})
            ),
            "rows": _list(
                _object({"mark": {"enum": [" ", "~", "|", "<", ">"]}, "query": _CELL, "source": _CELL})
            ),
        },
        optional=("similarity",),
    ),
    "found": _object(
        {
            "schema": _SCHEMA,
            "query": _TEXT,
            "results": _list(
                _object(
                    {
                        "score": {"type": "number"},
                        "source": _object(_SOURCE),
                        "license": _LICENSE,
                        "language": _TEXT,
                    }
                )
            ),
            "counts": _object({"found": _COUNT, "chosen": _COUNT, "languages": _COUNTS, "licenses": _COUNTS}),
        }
    ),
    "known": _object(
        {
            "schema": _SCHEMA,
            "swhid": _TEXT,
            "tokens": _COUNT,
            "generated": {"type": "boolean"},
            "stored": {"type": "boolean"},
            "places": _list(_object({**_SOURCE, "date": _OR_NULL, "license": _LICENSE})),
            "more": {"type": "boolean"},
            **_CONTENT,
        },
        optional=("text", "base64"),
    ),
    "holdings": _object(
        {
            "schema": _SCHEMA,
            "asked": _TEXT,
            "ids": _list(_TEXT),
            "files": _COUNT,
            "counts": _object(
                {"identical": _COUNT, "in_part": _COUNT, "by_id": _COUNT, "authors_unknown": _COUNT}
            ),
            "licenses": _COUNTS,
            "held": _list(
                _object(
                    {
                        "path": _OR_NULL,
                        "lines": _LINES_OR_NULL,
                        "kind": _OR_NULL,
                        "similarity": _SHARE,
                        "source": _object({**_SOURCE, "lines": _LINES_OR_NULL}),
                        "license": _LICENSE,
                        "places": _COUNT,
                    }
                )
            ),
            "more": _COUNT,
            "opt_out_list": _TEXT,
        }
    ),
    "facts": _object(
        {
            "schema": _SCHEMA,
            "version": _TEXT,
            "api": {"const": 1},
            "generation": _TEXT,
            "index": _object(
                {
                    "documents": _COUNT,
                    "segments": _COUNT,
                    "source_bytes": _COUNT,
                    "size_bytes": _COUNT,
                    "has_text": {"type": "boolean"},
                    "has_words": {"type": "boolean"},
                    "licenses": _COUNTS,
                    "languages": _COUNTS,
                }
            ),
            "categories": {"type": "object", "additionalProperties": _TEXT},
        }
    ),
}
