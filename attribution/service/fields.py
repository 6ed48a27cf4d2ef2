"""The fields of forms and query strings: each in its bounds, or a problem that names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from attribution.asking import AskersText, id_of
from attribution.errors import ScAttribError
from attribution.licenses.expressions import is_known_expression
from attribution.remote.wire import WireError, content_of, read_number, read_text
from attribution.service.bodies import Form, refuse_unknown
from attribution.service.problems import Problem
from attribution.span import Span
from attribution.swhid import ObjectType, Swhid
from attribution.trace import MIN_TOKENS

_MOST_PATH = 4096
_MOST_WORDS = 1000
_MOST_FILES = 256
_MOST_TOKENS = 1 << 20
_MOST_LINES = 1 << 24
_SWHID_CHARACTERS = 4096

T = TypeVar("T")


def reading(read: Callable[[], T]) -> T:
    """Read a form; what is wrong with it becomes a :class:`Problem`."""
    try:
        return read()
    except (WireError, ScAttribError) as error:
        raise Problem(422, str(error)) from error


def path_in(form: Form) -> str:
    """The name by which the answer speaks of a text; no file of this machine is ever looked at."""
    path = read_text(form, "path", default="-")
    if len(path) > _MOST_PATH or "\0" in path:
        raise WireError(f"path: must be a name of {_MOST_PATH:,} characters at most")
    return path or "-"


def min_tokens_in(form: Form) -> int:
    """Tokens that make a match."""
    return read_number(form, "min_tokens", least=1, most=_MOST_TOKENS, default=MIN_TOKENS)


def license_in(form: Form) -> str:
    """The licence of the asker's project, empty where none is named."""
    license = read_text(form, "license", default="")
    if license and (len(license) > _MOST_PATH or not is_known_expression(license)):
        raise WireError("license: is no SPDX expression of known licences")
    return license


def lines_in(form: Form) -> Span:
    """First and last line."""
    value = form.get("lines")
    if not isinstance(value, list) or len(value) != 2 or not all(type(n) is int for n in value):
        raise WireError("lines: must be the first and the last line")
    if not 1 <= value[0] <= value[1] <= _MOST_LINES:
        raise WireError("lines: must ascend, from 1")
    return Span(*value)


def content_named(text: str) -> Swhid:
    """The SWHID of a content, with its qualifiers."""
    try:
        swhid = Swhid.parse(text[:_SWHID_CHARACTERS])
    except ValueError:
        raise WireError("this is not a SWHID, such as swh:1:cnt:…") from None
    if swhid.object_type is not ObjectType.CONTENT:
        raise WireError("this SWHID names no content (swh:1:cnt:…)")
    return swhid


def words_in(asked: dict[str, str]) -> bytes:
    """What is searched for."""
    words = read_text(asked, "q")
    if len(words) > _MOST_WORDS:
        raise WireError(f"q: must have {_MOST_WORDS:,} characters at most")
    return words.encode("utf-8", "surrogateescape")


def number_in(asked: dict[str, str], name: str, *, default: int, most: int) -> int:
    """A whole number of the query string."""
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= most or len(text) > 9:
        raise WireError(f"{name}: must be from 1 to {most:,}")
    return int(text)


def flag_in(asked: dict[str, str], name: str) -> bool:
    """A yes or no of the query string."""
    value = asked.get(name, "false")
    if value not in ("true", "false"):
        raise WireError(f"{name}: must be true or false")
    return value == "true"


def id_in(form: Form) -> str:
    """Whose work is asked for, as opt-outs mean it."""
    text = read_text(form, "id")
    if len(text) > _MOST_PATH:
        raise WireError(f"id: must have {_MOST_PATH:,} characters at most")
    return id_of(text)


def files_in(form: Form) -> list[AskersText]:
    """The asker's files."""
    files = form["files"]
    if not isinstance(files, list) or not 1 <= len(files) <= _MOST_FILES:
        raise WireError(f"files: must be a list of 1 to {_MOST_FILES} files")
    for file in files:
        if not isinstance(file, dict):
            raise WireError("files: each must have a path and text or base64")
        refuse_unknown(file, "path", "text", "base64")
    return [AskersText(path_in(file), content_of(file)) for file in files]
